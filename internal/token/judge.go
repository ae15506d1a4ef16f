package token

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// judge collects what there is to say of one token.
type judge struct {
	need Need
	Observations
	findings []finding.Finding
}

// Judge holds what was seen of a token against what it is for.
func Judge(n Need, o Observations) finding.Answer {
	j := &judge{need: n, Observations: o}
	j.all()
	return finding.Answered(j.findings, gaps(n, o)...)
}

// all goes from what makes the rest pointless to the rest.
func (j *judge) all() {
	if j.Kind == Unknown || len(j.Answers) == 0 && !j.Whole {
		j.add("malformed", "this is not a token of GitHub: %s", j.malformed())
		return
	}
	if _, ok := j.has(BadCredentials); ok {
		j.add("rejected", "GitHub does not take the token: %s", j.rejected())
		return
	}
	j.kind()
	j.rate()
	if j.refusedAsAWhole() {
		return
	}
	j.expiry()
	j.name()
	j.account()
	j.repositories()
	j.reach()
	if j.scoped() {
		j.scopes()
	} else {
		j.permissions()
		j.surplus()
	}
}

// add adds a finding of the family. Message and hint may hold outside text, which
// printers escape.
func (j *judge) add(rule, format string, args ...any) {
	j.findings = append(j.findings, found("token/"+rule, fmt.Sprintf(format, args...)))
}

// found makes a finding of a rule, with the rule's hint.
func found(rule, message string) finding.Finding {
	known, _ := finding.Lookup(rule)
	return finding.New(rule, known.Hint(), "%s", message)
}

// hinted is add with a hint of its own.
func (j *judge) hinted(rule, hint, format string, args ...any) {
	j.add(rule, format, args...)
	j.findings[len(j.findings)-1].Hint = hint
}

func (j *judge) malformed() string {
	if j.Kind == Unknown {
		return "it has none of GitHub's prefixes, or characters that no token has; it was not sent anywhere"
	}
	return "its length or checksum is wrong; it was not sent anywhere"
}

func (j *judge) rejected() string {
	if !j.Whole {
		return "its length or checksum is wrong, so that it was cut or mistyped"
	}
	return "it is expired, revoked, or another server's; GitHub does not tell which"
}

// scoped says whether the token has scopes rather than permissions.
func (j *judge) scoped() bool { return j.Kind == Classic || j.Kind == Legacy || j.Kind == OAuth }

func (j *judge) kind() {
	switch j.Kind {
	case Classic, Legacy:
		j.add("classic", "the token is a classic one: its scopes hold for every repository of its account")
	case OAuth, AppUser:
		j.add("kind", "an app acts with this token for a person (%s): it is no token for automation", j.Kind)
	case Refresh:
		j.add("kind", "a refresh token does nothing but get other tokens")
	case Installation:
		j.add("kind", "this is an app's or a workflow's own token, which lives for an hour at most")
	}
}

func (j *judge) rate() {
	if _, ok := j.has(Limited); ok {
		at := ""
		if j.Rate != nil && !j.Rate.Reset.IsZero() {
			at = ", until " + j.Rate.Reset.UTC().Format("2006-01-02 15:04:05 UTC")
		}
		j.add("rate-limit", "the account's hourly limit is used up%s", at)
		return
	}
	// GitHub counts all tokens of one account together.
	if r := j.Rate; r != nil && r.Limit > 0 && r.Remaining*10 < r.Limit {
		j.add("rate-limit", "only %d of the %d requests of this hour are left", r.Remaining, r.Limit)
	}
}

// refusedAsAWhole says what refuses every request, so that the rest of the answers
// tell nothing of the token.
func (j *judge) refusedAsAWhole() bool {
	whole := false
	for _, one := range []struct {
		class Class
		rule  string
		text  string
	}{
		{Suspended, "suspended", "GitHub has suspended the token's account"},
		{ClassicForbidden, "classic-forbidden", "the repository's owner takes no classic tokens"},
		{LifetimeRefused, "lifetime-forbidden", "the repository's owner takes no token that lives as long as this one"},
		{AddressRefused, "address", "the organization's IP allow list does not have the address that this was asked from"},
	} {
		if _, ok := j.has(one.class); ok {
			j.add(one.rule, "%s", one.text)
			whole = true
		}
	}
	if a, ok := j.has(SSO); ok {
		text := "the token is not authorized for the organization's single sign-on"
		if a.Page != "" {
			j.hinted("sso", "authorize it at "+a.Page+", or on the page of the token's settings, under Configure SSO", "%s", text)
		} else {
			j.add("sso", "%s", text)
		}
		whole = true
	}
	return whole
}

func (j *judge) expiry() {
	if j.Kind == Installation || j.Kind == Refresh {
		return // it has no date, and is no token to keep in any case
	}
	if j.Expires == "" {
		if a, ok := j.has(OK); ok && a.Status != 0 {
			j.add("no-expiry", "the token never expires")
		}
		return
	}
	at, err := ParseExpiry(j.Expires)
	if err != nil {
		j.add("expiry-unreadable", "GitHub says when the token expires in a layout that is not known: %q", j.Expires)
		return
	}
	if rule, when := Expiring(at, j.Time); rule != "" {
		j.add(rule, "the token %s", when)
	} else if days := DaysLeft(at, j.Time); j.need.MaxDays > 0 && days > j.need.MaxDays {
		j.hinted("lifetime", fmt.Sprintf("make a new token that expires in %d days", j.need.MaxDays),
			"the token expires only in %d days, on %s; it should be made anew every %d", days, text.Minute(at), j.need.MaxDays)
	}
}

func (j *judge) name() {
	if j.Observations.Name == "" || j.need.Name == "" || slices.Contains(j.need.Names(), j.Observations.Name) {
		return
	}
	j.add("name", "the token is called %q, not %s", j.Observations.Name, strings.Join(j.need.Names(), " or "))
}

// gaps are the questions that have no answer, in sentences: with one of them it
// cannot be said that the token is good.
func gaps(n Need, o Observations) []string {
	if o.Kind == Unknown || o.Kind == Refresh {
		return nil
	}
	if len(o.Answers) == 0 {
		return []string{"GitHub was not asked anything"}
	}
	j := &judge{need: n, Observations: o}
	var all []string
	for _, a := range o.Answers {
		switch a.Class {
		case LockedOut, Limited, TooFast, Trouble, Unreached, Elsewhere:
			if a.Class == Elsewhere && a.Probe == AskMember || j.settled(a) {
				continue // it means something there, or does not matter
			}
			all = append(all, fmt.Sprintf("%s has no answer: %s", a.question(), a.because()))
		}
	}
	if slices.ContainsFunc(o.Answers, func(a Answer) bool { return a.Class.Stops() }) || j.refusedAsAWhole() {
		return all
	}
	hidden := false
	for _, full := range n.Repositories {
		a, asked := o.find(AskRepository, full)
		hidden = hidden || a.Class == NotFound || a.Class == Lacks
		if !asked && !o.Reach.lists(full) {
			all = append(all, "repository "+full+" was not asked about")
		}
	}
	if _, ok := o.has(OK); ok && o.Scopes == nil && j.scoped() {
		all = append(all, "GitHub did not tell the token's scopes")
	}
	if hidden || j.scoped() {
		return all // nothing could be asked of what is not seen
	}
	return append(all, j.unasked()...)
}

// unasked are the needed permissions that there is a question for, and that was
// not asked or told nothing.
func (j *judge) unasked() []string {
	var all []string
	for _, name := range j.need.needed() {
		if _, known := j.held(name); len(proofs(name)) > 0 && !known && !j.asked(name) {
			all = append(all, fmt.Sprintf("whether the token has %s: %s was not asked", title(name), j.need.Permissions[name]))
		}
	}
	return all
}

// Stops says that an answer of this class makes every further question pointless,
// or harmful: GitHub shuts an account out that sends several bad credentials.
func (c Class) Stops() bool {
	return slices.Contains([]Class{BadCredentials, LockedOut, Suspended, Limited, TooFast}, c)
}

// question is what was asked, in words.
func (a Answer) question() string {
	if a.Repository == "" {
		return a.Probe.words()
	}
	return a.Probe.words() + " (" + a.Repository + ")"
}

func (a Answer) because() string {
	switch {
	case a.Status == 0:
		return "GitHub was not reached"
	case a.Class == Limited:
		return "the hourly limit is used up"
	case a.Class == TooFast:
		return "GitHub asks to slow down"
	case a.Class == LockedOut:
		return "after too many failed login attempts GitHub takes no token of this account or address; try again in an hour"
	}
	return fmt.Sprintf("GitHub answered %d", a.Status)
}

// lists says whether a repository is on the list.
func (r *Reach) lists(full string) bool {
	return r != nil && slices.ContainsFunc(r.Repositories, func(one Repository) bool { return strings.EqualFold(one.Name, full) })
}
