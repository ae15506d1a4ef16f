package flux

import (
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/doctor"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/image"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
)

// Cluster is what was read of one namespace of one cluster.
type Cluster struct {
	Namespace string
	// Since is where events and logs begin, Read when they were read.
	Since, Read  time.Time
	APIs         []API
	Secrets      []Secret
	Repositories []GitRepository
	Automations  []Automation
	Policies     []ImagePolicy
	Events       []Event
	Logs         []Log
	// Unread is what could not be read, and why.
	Unread []doctor.Unread
}

// API is one kind of Flux objects, and the versions of it that the cluster
// serves; none where the kind is not installed.
type API struct {
	Kind   string
	Served []string
}

// Secret is what may be known of a Secret: never a value.
type Secret struct {
	Namespace, Name string
	Missing         bool
	Keys            []Key
	// Applied tells that an annotation of kubectl apply holds the values again.
	Applied bool
	// Managers are the programs that wrote the values, as managedFields name
	// them, latest first.
	Managers []string
}

// Key is one entry of a Secret.
type Key struct {
	Name  string
	Empty bool
	// Padded tells that the value begins or ends with white space, which is sent
	// as a part of it.
	Padded bool
	// Fingerprint is the base64 of the SHA-256 of the value without such white
	// space, which is GitHub's hashed_token; only of keys that hold a token.
	Fingerprint string
}

// key finds an entry that has a value.
func (s Secret) key(name string) (Key, bool) {
	for _, k := range s.Keys {
		if k.Name == name && !k.Empty {
			return k, true
		}
	}
	return Key{}, false
}

// has tells whether all of the keys have values.
func (s Secret) has(names ...string) bool {
	for _, name := range names {
		if _, ok := s.key(name); !ok {
			return false
		}
	}
	return true
}

// Condition is one of an object's status conditions.
type Condition struct {
	Type, Status, Reason, Message string
	Time                          time.Time
}

// GitRepository is what Flux fetches from, and pushes to.
type GitRepository struct {
	Namespace, Name string
	URL             string
	Provider        string // generic, github …
	Secret          string // secretRef's name; empty: none
	Branch          string
	Suspended       bool
	Conditions      []Condition
}

// Automation is an ImageUpdateAutomation.
type Automation struct {
	Namespace, Name                string
	SourceNamespace, Source        string // of the GitRepository
	CheckoutBranch, PushBranch     string
	Refspec                        string
	AuthorName, AuthorEmail        string
	SigningKey                     string // the Secret's name; empty: unsigned
	UpdatePath                     string
	MessageTemplate                string
	Suspended                      bool
	Interval                       time.Duration
	Generation, ObservedGeneration int64
	LastRun, LastPush              time.Time
	LastPushCommit                 string
	Conditions                     []Condition
}

// ImagePolicy selects the tag that Flux writes.
type ImagePolicy struct {
	Namespace, Name string
	Selector        image.Selector
	Latest          string // the tag that it selects now
	Suspended       bool
	Conditions      []Condition
}

// Event is a core event about an object.
type Event struct {
	Kind, Namespace, Name string
	Type, Message         string
	Count                 int
	Last                  time.Time
}

// Log is what a controller's containers wrote within the window.
type Log struct {
	Controller string
	Lines      []string
	// Cut tells that there was more than was read.
	Cut bool
}

// Expectation is what the cluster is held against.
type Expectation struct {
	// Repository is owner/name; empty means every repository of the namespace.
	Repository string
	// Copies are the other places where the token is kept, with its fingerprint
	// there.
	Copies []Copy
	// Policy is the gate's policy file; nil where there is none to compare with.
	Policy *policy.Policy
	// TokenWorks says that GitHub itself was asked, and that the token may push:
	// that Flux had nothing to push of late then leaves nothing open.
	TokenWorks bool
}

// Copy is a place that holds the token.
type Copy struct {
	Where       string
	Fingerprint string // as Key's
}
