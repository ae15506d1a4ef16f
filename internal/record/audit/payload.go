package audit

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"
)

// maxText is the greatest length of a text that is kept, in bytes. Git's hosts take
// refs of some 250 bytes; paths are longest.
const maxText = 1024

// payload has the keys that are read, of all events at once. What else a body
// holds is passed over.
type payload struct {
	Action       string     `json:"action"`
	Ref          string     `json:"ref"`
	RefType      string     `json:"ref_type"`
	MasterBranch string     `json:"master_branch"`
	PusherType   string     `json:"pusher_type"`
	Before       string     `json:"before"`
	After        string     `json:"after"`
	Created      bool       `json:"created"`
	Deleted      bool       `json:"deleted"`
	Forced       bool       `json:"forced"`
	Number       int64      `json:"number"`
	SHA          string     `json:"sha"`
	State        string     `json:"state"`
	Context      string     `json:"context"`
	UpdatedAt    stamp      `json:"updated_at"`
	Zen          string     `json:"zen"`
	HookID       int64      `json:"hook_id"`
	Commits      commits    `json:"commits"`
	Pusher       *object    `json:"pusher"`
	Repository   repository `json:"repository"`
	Organization Account    `json:"organization"`
	Sender       Account    `json:"sender"`
	Changes      changes    `json:"changes"`
	Workflow     word       `json:"workflow"`

	PullRequest      *pull       `json:"pull_request"`
	Review           *object     `json:"review"`
	Comment          comment     `json:"comment"`
	Issue            *object     `json:"issue"`
	CheckRun         *object     `json:"check_run"`
	CheckSuite       *object     `json:"check_suite"`
	WorkflowRun      *object     `json:"workflow_run"`
	WorkflowJob      *object     `json:"workflow_job"`
	Deployment       *object     `json:"deployment"`
	DeploymentStatus *object     `json:"deployment_status"`
	Label            *object     `json:"label"`
	Member           *object     `json:"member"`
	Release          *object     `json:"release"`
	Forkee           *object     `json:"forkee"`
	Hook             *object     `json:"hook"`
	Key              *object     `json:"key"`
	Rule             *protection `json:"rule"`
	Ruleset          *ruleset    `json:"repository_ruleset"`
	Installation     *object     `json:"installation"`
	Membership       *object     `json:"membership"`
	User             *Account    `json:"user"`
	Team             *object     `json:"team"`
	Package          *object     `json:"package"`
	Alert            *object     `json:"alert"`
	TokenRequest     *object     `json:"personal_access_token_request"`
	Exemption        *exemption  `json:"exemption_request"`
	Exempted         *exemption  `json:"exemption_response"`
	Definition       *property   `json:"definition"`
	Properties       properties  `json:"new_property_values"`
	Account          *object     `json:"account"`
	Invitation       *object     `json:"invitation"`
}

// object is what the objects of events have between them.
type object struct {
	ID          id      `json:"id"`
	Attempt     int64   `json:"run_attempt"`
	Number      int64   `json:"number"`
	Name        string  `json:"name"`
	Title       string  `json:"title"`
	Login       string  `json:"login"`
	Path        string  `json:"path"`
	Ref         string  `json:"ref"`
	SHA         string  `json:"sha"`
	HeadSHA     string  `json:"head_sha"`
	HeadBranch  string  `json:"head_branch"`
	CommitID    string  `json:"commit_id"`
	Environment string  `json:"environment"`
	TagName     string  `json:"tag_name"`
	FullName    string  `json:"full_name"`
	SecretType  string  `json:"secret_type"`
	TokenName   string  `json:"token_name"`
	Event       string  `json:"event"`
	UpdatedAt   stamp   `json:"updated_at"`
	Actor       Account `json:"actor"`
	Triggering  Account `json:"triggering_actor"`

	State      word    `json:"state"`
	Resolution word    `json:"resolution"`
	Role       word    `json:"role"`
	Conclusion word    `json:"conclusion"`
	AppSlug    word    `json:"app_slug"`
	AddedBy    word    `json:"added_by"`
	Group      word    `json:"runner_group_name"`
	Permission word    `json:"permission"`
	Run        int64   `json:"run_id"`
	Labels     labels  `json:"labels"`
	ReadOnly   *bool   `json:"read_only"`
	Bypassed   *bool   `json:"push_protection_bypassed"`
	Body       ourMark `json:"body"`
	Rights     rights  `json:"permissions_result"`
	Owner      Account `json:"owner"`
	User       Account `json:"user"`
	App        struct {
		Slug word `json:"slug"`
	} `json:"app"`
}

// comment is an object, but in the reviews of deployments, where it is a text that
// tells nothing here.
type comment struct{ *object }

// UnmarshalJSON leaves a text out, and refuses what is neither.
func (c *comment) UnmarshalJSON(raw []byte) error {
	if raw[0] == '"' {
		return nil
	}
	if json.Unmarshal(raw, &c.object) != nil {
		return errors.New("comment is not an object of GitHub's")
	}
	return nil
}

type pull struct {
	Number    int64 `json:"number"`
	Title     word  `json:"title"`
	UpdatedAt stamp `json:"updated_at"`
	Merged    bool  `json:"merged"`
	Merge     word  `json:"merge_commit_sha"`
	Head      struct {
		Ref  string     `json:"ref"`
		SHA  string     `json:"sha"`
		Repo repository `json:"repo"`
	} `json:"head"`
	Base struct {
		Ref word `json:"ref"`
	} `json:"base"`
}

type repository struct {
	ID       int64    `json:"id"`
	FullName string   `json:"full_name"`
	Default  word     `json:"default_branch"`
	Page     string   `json:"html_url"`
	PushedAt stamp    `json:"pushed_at"`
	Analysis analysis `json:"security_and_analysis"`
}

// cloud tells by the page's address that no GitHub Enterprise Server has the repository.
func (r repository) cloud() bool {
	host, _, _ := strings.Cut(strings.TrimPrefix(r.Page, "https://"), "/")
	return host == "github.com" || strings.HasSuffix(host, ".ghe.com")
}

// stamp is a time as GitHub writes them: RFC 3339, or, in pushes, in seconds
// since 1970. Another value is no time, and no error either.
type stamp struct{ time.Time }

// UnmarshalJSON never fails.
func (s *stamp) UnmarshalJSON(raw []byte) error {
	var seconds int64
	var text string
	switch {
	case len(raw) > 64: // no time is written that long
	case raw[0] == '"' && json.Unmarshal(raw, &text) == nil:
		if t, err := time.Parse(time.RFC3339, text); err == nil && t.UTC().Year() >= 1 && t.UTC().Year() <= 9999 {
			s.Time = t.UTC() // the bounds are those of JSON, and an offset can leave them
		}
	case json.Unmarshal(raw, &seconds) == nil && seconds > 0 && seconds < 1<<37: // till the year 6325
		s.Time = time.Unix(seconds, 0).UTC()
	}
	return nil
}

// id is the id of an object. Some objects have a text for one, which is no id
// here, and no error either.
type id int64

// UnmarshalJSON never fails.
func (n *id) UnmarshalJSON(raw []byte) error {
	var v int64
	if len(raw) < 32 && json.Unmarshal(raw, &v) == nil {
		*n = id(v)
	}
	return nil
}

// readBody reads a body that came under the header's event.
func readBody(header string, body []byte) Body {
	var p payload
	malformed := ""
	if err := json.Unmarshal(body, &p); err != nil {
		malformed = why(err)
	}
	switch {
	case malformed != "":
	case !utf8.Valid(body):
		malformed = "it is not UTF-8"
	case p.Commits.tooMany:
		malformed = fmt.Sprintf("it has more than %d commits", maxCommits)
	}
	b := p.body(p.kind(header))
	b.Malformed = cmp.Or(malformed, b.bound())
	return b
}

// why says what is wrong in words of ours: the library's could quote the body.
func why(err error) string {
	var syntax *json.SyntaxError
	var shape *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Sprintf("it is not JSON from byte %d on", syntax.Offset)
	case errors.As(err, &shape) && shape.Field != "":
		return shape.Field + " is not " + kindWord(shape.Type.Kind())
	case errors.As(err, &shape):
		return "it is not an object"
	}
	return err.Error() // of commits, in our own words
}

func kindWord(k reflect.Kind) string {
	switch k {
	case reflect.Int64:
		return "a whole number"
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	}
	return "an object"
}

// body takes out of the payload what an event of this kind tells.
func (p *payload) body(kind *eventKind) Body {
	b := Body{
		Event: kind.name, Action: p.Action, Before: p.Before, After: cmp.Or(p.After, p.SHA), Number: p.Number,
		Repository: Repository{p.Repository.ID, p.Repository.FullName}, Cloud: p.Repository.cloud(),
		Organization: p.Organization, Sender: p.Sender,
	}
	if kind.fill != nil {
		kind.fill(p, &b)
	}
	if pr := p.PullRequest; pr != nil {
		b.pull(pr)
	}
	if kind.about != nil {
		b.object(kind.about(p))
	}
	if p.Issue != nil {
		b.Number = p.Issue.Number
	}
	return b
}

func fullRef(kind, name string) string {
	switch {
	case name == "":
		return ""
	case kind == "tag":
		return "refs/tags/" + name
	}
	return "refs/heads/" + name
}

func (b *Body) pull(pr *pull) {
	b.Number = cmp.Or(b.Number, pr.Number)
	b.After, b.Time, b.Base = pr.Head.SHA, pr.UpdatedAt.Time, string(pr.Base.Ref)
	b.Ref = fullRef("branch", pr.Head.Ref)
	if from := pr.Head.Repo; from.ID != b.Repository.ID {
		// The fork may be gone, and then has no name.
		b.Ref = from.FullName + ":" + pr.Head.Ref
	}
}

func (b *Body) object(o *object) {
	b.Subject = cmp.Or(b.Subject, o.SecretType, o.TokenName, o.Path, o.Environment, o.TagName, o.FullName, o.Name, o.Login, o.Title)
	b.After = cmp.Or(b.After, o.HeadSHA, o.CommitID, o.SHA)
	b.Ref = cmp.Or(b.Ref, fullRef("branch", cmp.Or(o.HeadBranch, o.Ref)))
	b.Actor, b.Triggering = o.Actor, o.Triggering
	if !o.UpdatedAt.IsZero() {
		b.Time = o.UpdatedAt.Time
	}
}

// bound drops texts that are too long to be kept, and says so.
func (b *Body) bound() string {
	for _, field := range []struct {
		name string
		text *string
	}{
		{"action", &b.Action}, {"cause", &b.Cause}, {"repository.full_name", &b.Repository.Name},
		{"organization.login", &b.Organization.Login}, {"sender.login", &b.Sender.Login}, {"pusher.name", &b.Pusher},
		{"actor.login", &b.Actor.Login}, {"triggering_actor.login", &b.Triggering.Login}, {"ref", &b.Ref},
		{"before", &b.Before}, {"after", &b.After}, {"the subject", &b.Subject}, {"a path", &b.Workflow}, {"base", &b.Base},
		{"default_branch", &b.Default}, {"merge_commit_sha", &b.Merge}, {"app.slug", &b.App}, {"the account", &b.Whom.Login},
		{"the account's type", &b.Whom.Type}, {"the former name", &b.Former},
		{"sender.type", &b.Sender.Type}, {"organization.type", &b.Organization.Type},
		{"actor.type", &b.Actor.Type}, {"triggering_actor.type", &b.Triggering.Type},
	} {
		if len(*field.text) > maxText {
			*field.text = ""
			b.Malformed = cmp.Or(b.Malformed, fmt.Sprintf("%s is longer than %d bytes", field.name, maxText))
		}
	}
	for _, whole := range []*string{&b.State, &b.Was} {
		if len(*whole) > maxPaths {
			*whole = ""
		}
	}
	return b.Malformed
}
