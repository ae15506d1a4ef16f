package fakehub

import (
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Fault is a failure that a test orders. One that no request meets fails the
// test, since it then proves nothing.
type Fault struct {
	// On is GitHub's name of the operation, such as pulls/get. It is graphql for
	// queries, graphql/NAME for a query with a name or a mutation, and empty for every operation.
	On string
	// Skip lets so many of these requests pass first.
	Skip int
	// Times is how many requests fail after that: 1 when 0, all when negative.
	Times int

	// Status, Message and Header make an answer instead of the right one. A
	// Status of 0 leaves the answer as it is.
	Status  int
	Message string
	Header  map[string]string
	// GraphQLError is the type of an error that is sent with status 200 and no
	// data, such as RATE_LIMITED.
	GraphQLError string
	// Delay passes before the answer.
	Delay time.Duration
	// Hang never answers: the connection stays open until the client gives up.
	Hang bool
	// Reset breaks the connection off instead of answering.
	Reset bool
	// Cut sends half of the right answer and breaks the connection off.
	Cut bool
	// Move changes a ref once the answer is made, so that the next request sees
	// it moved.
	Move *Move
}

// Move points a ref somewhere else, or removes it when To is empty.
type Move struct {
	// Repo is a full name, Ref a full ref, To a revision.
	Repo, Ref, To string
}

type fault struct {
	Fault
	seen, hit int
}

// AddFault orders a failure. Several may hit one request: the first with an
// answer of its own gives it.
func (h *Hub) AddFault(f Fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f.Times == 0 {
		f.Times = 1
	}
	if _, ok := h.ops[f.On]; !ok && f.On != "" && f.On != "graphql" && f.On != pushOperation && f.On != ArchiveOperation &&
		!strings.HasPrefix(f.On, "graphql/") {
		h.problem("there is no operation %q to fail", f.On)
	}
	h.faults = append(h.faults, &fault{Fault: f})
}

// PrimaryLimit is a fault that refuses a request over the hourly limit. GitHub
// uses both 403 and 429.
func PrimaryLimit(on string, status int, reset time.Time) Fault {
	return Fault{On: on, Status: status, Message: "API rate limit exceeded for installation ID 1.", Header: map[string]string{
		"x-ratelimit-remaining": "0", "x-ratelimit-reset": strconv.FormatInt(reset.Unix(), 10),
	}}
}

// SecondaryLimit is a fault that refuses a request for coming too fast; no
// retry-after is sent when after is 0.
func SecondaryLimit(on string, status int, after time.Duration) Fault {
	f := Fault{
		On: on, Status: status,
		Message: "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
		Header:  map[string]string{},
	}
	if after > 0 {
		f.Header["retry-after"] = strconv.Itoa(int(after / time.Second))
	}
	return f
}

// SetLatency makes every answer take at least so long from now on.
func (h *Hub) SetLatency(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.latency = d
}

// due joins the faults that hit a request of an operation. The lock is held.
func (h *Hub) due(operation string) Fault {
	var due Fault
	due.Header = map[string]string{}
	for _, f := range h.faults {
		if f.On != "" && f.On != operation {
			continue
		}
		f.seen++
		if f.seen <= f.Skip || f.Times >= 0 && f.hit >= f.Times {
			continue
		}
		f.hit++
		due.Delay += f.Delay
		due.Hang = due.Hang || f.Hang
		due.Reset = due.Reset || f.Reset
		due.Cut = due.Cut || f.Cut
		if due.Status == 0 && due.GraphQLError == "" {
			due.Status, due.Message, due.GraphQLError = f.Status, f.Message, f.GraphQLError
			maps.Copy(due.Header, f.Header)
		}
		if f.Move != nil {
			due.Move = f.Move
		}
	}
	return due
}

// answer is what the fault says instead of the right answer, if anything.
func (f Fault) answer() *answer {
	switch {
	case f.GraphQLError != "":
		text := f.Message
		if text == "" {
			text = "ordered by the test"
		}
		return &answer{200, js{"data": nil, "errors": []any{js{"type": f.GraphQLError, "message": text}}}}
	case f.Status != 0:
		text := f.Message
		if text == "" {
			text = http.StatusText(f.Status)
		}
		return &answer{f.Status, message(text)}
	}
	return nil
}

// Flaw is something wrong with one object of a repository.
type Flaw struct {
	// Object is a revision that names it, such as main:apps.yaml or an id.
	Object string
	// Missing answers as if it were not there.
	Missing bool
	// Corrupt serves a blob with other bytes under its id.
	Corrupt bool
	// Truncated lists a tree's first entries alone, and says so.
	Truncated bool
}

type flaw struct {
	Flaw
	id  string
	hit int
}

// AddFlaw spoils an object. A flaw that no request meets fails the test.
func (h *Hub) AddFlaw(fullName string, f Flaw) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.repo(fullName)
	o, ok := r.git.read(f.Object)
	if !ok {
		h.problem("spoil %s: not there", f.Object)
		return
	}
	if f.Truncated && o.kind == "commit" {
		o.id = parseCommit(o).tree // a tree is also asked for by its commit
	}
	r.flaws = append(r.flaws, &flaw{Flaw: f, id: o.id})
}

// flawed gives what is wrong with an object that is about to be served.
func (r *repo) flawed(id string, meets func(Flaw) bool) bool {
	for _, f := range r.flaws {
		if f.id == id && meets(f.Flaw) {
			f.hit++
			return true
		}
	}
	return false
}

// blob gives an object as it is served, with its flaws.
func (r *repo) served(rev string) (object, bool) {
	o, ok := r.git.read(rev)
	if !ok || r.flawed(o.id, func(f Flaw) bool { return f.Missing }) {
		return object{}, false
	}
	if r.flawed(o.id, func(f Flaw) bool { return f.Corrupt }) {
		o.data = append([]byte("# not what the id says\n"), o.data...)
	}
	return o, true
}

// reportUnused complains of what was ordered and never met.
func (h *Hub) reportUnused() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, f := range h.faults {
		if f.hit == 0 || f.Times > 0 && f.hit < f.Times {
			h.problem("a fault on %q hit %d of %d requests (%d seen)", f.On, f.hit, f.Times, f.seen)
		}
	}
	for _, name := range sortedKeys(h.repos) {
		for _, f := range h.repos[name].flaws {
			if f.hit == 0 {
				h.problem("nobody asked for %s of %s, which has a flaw", f.Object, name)
			}
		}
	}
	for _, k := range h.hooks {
		for _, a := range k.attempts {
			if a.fate.Refused != 0 && a.fate.refused == 0 && !a.redelivery {
				h.problem("nobody asked for delivery %s again, which was to be refused", a.GUID)
			}
		}
	}
	unused := 0
	for _, t := range h.tokens {
		if t.uses == 0 && !t.quiet {
			unused++
		}
	}
	if unused > 0 {
		h.problem("%d tokens were added and never used", unused)
	}
}

// apply moves a ref. The lock is held.
func (h *Hub) apply(m *Move) error {
	r := h.repo(m.Repo)
	args := []string{"update-ref", m.Ref, m.To}
	if m.To == "" {
		args = []string{"update-ref", "-d", m.Ref}
	} else if id, ok := r.git.resolve(m.To); ok {
		args[2] = id
	}
	if _, err := r.git.run(false, args...); err != nil {
		return fmt.Errorf("move %s: %w", m.Ref, err)
	}
	return nil
}
