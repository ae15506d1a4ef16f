package policy

import (
	"slices"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/image"
)

// File is where the policy is read from, always on the base.
const File = ".github/fluxkeeper.yaml"

// Policy is the owner's will: what a Flux image update may do and who may make it.
type Policy struct {
	// Head are patterns of the branches that Flux pushes to.
	Head []string
	// Base are the names of the branches that updates may go to; none means the
	// default branch alone.
	Base []string
	// Paths are patterns of the files that may change; none means any.
	Paths []string
	// Bots are the identities that may make the commits.
	Bots []Bot
	// Openers may open the pull request, besides the bots; none means anyone,
	// since opening proves nothing.
	Openers []change.Account
	// Evidence is the least proof of who made the change that will do.
	Evidence Evidence
	// People says what holds where people move what Flux sets.
	People People
	// Others are accounts of type Bot, besides the bots, that may do so as well.
	Others []change.Account
	// Terms hold for every image that no override names.
	Terms Terms
	// Overrides are tried in order; the first that matches and has not ended wins.
	Overrides []Override
	// MaxUpdates bounds the number of updates in one change.
	MaxUpdates int
	// Reverts is how far back the base is looked at for versions that were taken back.
	Reverts change.Within
	// Title is a pattern of the pull request's title; empty means any.
	Title string
	// Rules raise, lower or silence single rules.
	Rules map[string]Setting
	// Uses say what the bots' accounts may do besides updates, as the file says
	// it: Contract fills in what it leaves out.
	Uses Uses
}

// Lookback is how far back the base is looked at: not at all where nobody would hear of it.
func (p Policy) Lookback(now time.Time) change.Within {
	switch p.Rules["time/reverted"].Severity {
	case finding.Off:
		return change.Within{}
	default:
		return change.Within{Days: p.Reverts.Days, Commits: p.Reverts.Commits, Now: now}
	}
}

// Keys are all pinned keys.
func (p Policy) Keys() []string {
	var all []string
	for _, bot := range p.Bots {
		all = append(all, bot.Keys...)
	}
	return all
}

// Uses are the bounds of what the bots' accounts do on GitHub, which webhook
// deliveries are held against.
type Uses struct {
	// Repositories are patterns of full names, or ids in decimal digits; none
	// means any.
	Repositories []string
	// Branches are patterns of branches that a bot may push and propose.
	Branches []string
	// Events are the webhook events that a bot may cause, as event or
	// event.action, and after a colon a pattern of the object.
	Events []string
	// Limits are how many of an event a bot may cause in an hour.
	Limits map[string]int
	// Workflows are patterns of the workflow files with markers that Flux updates; none
	// means that no permission to write such files is needed.
	Workflows []string
	// Hours are when a bot may act; nil means at any time.
	Hours *Hours
}

// Hours are a time of the day, by the clock of a place.
type Hours struct {
	// From and To are minutes since midnight; where To is not after From, they go past
	// midnight, on from the days.
	From, To int
	Days     []time.Weekday // none means every day
	Zone     string         // by its name in the IANA's database, such as Europe/Berlin; empty means UTC
}

// WorkflowDir is where GitHub looks for workflows.
const WorkflowDir = ".github/workflows/"

// Bot is one identity of Flux. Empty fields are not compared.
type Bot struct {
	change.Account
	Name, Email string
	// Keys are pinned public keys: "ssh-ed25519 AAAA…" lines or armored OpenPGP
	// public keys, with which signatures can be verified offline, or bare
	// fingerprints to hold against a verification made elsewhere.
	Keys []string
}

// People is what holds for the pull requests of people that move what Flux sets.
type People string

// What can hold for them. Neither is a pass.
const (
	PeopleWarn   People = "warn"   // not applicable, with a warning for each place
	PeopleRefuse People = "refuse" // an error for each place
)

// Evidence is a step of the ladder of proof for who made a change.
type Evidence string

// The ladder, weakest first.
const (
	EvidenceNone      Evidence = "none"
	EvidenceText      Evidence = "text"      // names and e-mails match
	EvidenceAccount   Evidence = "account"   // numeric account ids match
	EvidenceSignature Evidence = "signature" // GitHub verified every signature
	EvidenceKey       Evidence = "key"       // verified, with a pinned key
	EvidencePusher    Evidence = "pusher"    // GitHub names who pushed this SHA
)

// reaches tells whether this step is the least that is asked for, or above it.
func (e Evidence) Reaches(least Evidence) bool {
	step := slices.Index(evidenceWords, least)
	return step >= 0 && slices.Index(evidenceWords, e) >= step
}

// Terms say what may happen to an image.
type Terms struct {
	// Allow lists the kinds of step that may happen. Each word is the second
	// half of a version/… rule: "minor" in Allow silences version/minor.
	Allow      []string
	Versioning image.Versioning
	// Order is how the image's ImagePolicy puts tags in order, where it is elsewhere; nil
	// where nothing is stated.
	Order *image.Selector
	// MinorSkip is how many minor versions a minor step may leave out;
	// negative means any number.
	MinorSkip int
}

// Override replaces the terms for some images.
type Override struct {
	// Image is a pattern of image names without tag, Policy one of
	// namespace:name. Where both are given, both must match.
	Image, Policy string
	Terms         Terms
	Reason        string
	// Until is the last day on which the override holds; zero means no end.
	Until time.Time
	Line  int // in the policy file
}

// Setting changes one rule.
type Setting struct {
	Severity finding.Severity
	Reason   string
}

// Severities are what the policy makes of single rules, by their names.
func (p Policy) Severities() map[string]finding.Severity {
	set := map[string]finding.Severity{}
	for name, rule := range p.Rules {
		set[name] = rule.Severity
	}
	return set
}
