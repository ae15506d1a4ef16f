package token

import (
	"slices"
)

// Right is one thing that a token needs, may have, or has.
type Right struct {
	// Name is as GitHub's settings show it: a permission, or a scope.
	Name string `json:"name"`
	// Need is read, write or scope; optional before it; empty where nothing needs it.
	Need string `json:"need,omitempty"`
	// Has is none, read, write, scope, or empty where the answers do not tell.
	Has string `json:"has,omitempty"`
}

// RightState is how what a token has compares with what it needs.
type RightState string

// The states of a right.
const (
	Enough  RightState = "ok"
	TooMuch RightState = "too much"
	Missing RightState = "missing"
	Unasked RightState = "not known"
)

// State compares what the token has with what it needs.
func (r Right) State() RightState {
	switch {
	case r.Has == "":
		return Unasked
	case r.Need == "" && r.Has != string(None):
		return TooMuch
	case r.Need != "" && r.Has == string(None), r.Need == string(Write) && r.Has == string(Read):
		return Missing
	}
	return Enough
}

// Rights lists what the token needs beside what it has, the needed first. It is
// what Judge goes by, for people to look at.
func Rights(n Need, o Observations) []Right {
	j := &judge{need: n, Observations: o}
	if _, ok := o.has(OK); !ok {
		return nil // as where GitHub does not take the token
	}
	if j.scoped() {
		return j.scopeRights()
	}
	var all []Right
	for _, name := range n.needed() {
		all = append(all, Right{title(name), string(n.Permissions[name]), j.shown(name)})
	}
	for _, i := range extras() {
		a, asked := o.find(i.Questions[0].Probe, "")
		if n.Permissions[i.Permission] != "" || !asked {
			continue
		}
		r := Right{Name: title(i.Permission)}
		switch {
		case a.Class == OK && j.proven(i, a) != "":
			r.Has = "read or more"
		case a.Class == Lacks || a.Class == NotFound:
			r.Has = string(None)
		}
		all = append(all, r)
	}
	return all
}

// shown is how far a needed permission goes.
func (j *judge) shown(name string) string {
	if name == Metadata {
		if _, ok := j.Observations.has(OK); ok && len(j.seen()) > 0 {
			return string(Read)
		}
		return ""
	}
	if have, known := j.held(name); known {
		return string(have)
	}
	return ""
}

func (j *judge) scopeRights() []Right {
	var all []Right
	if j.Scopes == nil {
		return nil
	}
	granted := j.granted()
	for _, scope := range j.neededScopes() {
		r := Right{Name: scope, Need: "scope", Has: string(None)}
		if slices.Contains(granted, scope) || slices.Contains(granted, within[scope]) {
			r.Has = "scope"
		}
		all = append(all, r)
	}
	slices.Sort(granted)
	for _, scope := range slices.Compact(granted) {
		if !slices.Contains(j.neededScopes(), scope) {
			r := Right{Name: scope, Has: "scope"}
			if j.optionalScope(scope) {
				r.Need = "optional scope"
			}
			all = append(all, r)
		}
	}
	return all
}
