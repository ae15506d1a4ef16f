package change

import (
	"bytes"
	"cmp"
	"fmt"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/image"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/kustomize"
)

// Facts are everything that Judge may look at. An edge package (gitrepo for a
// local repository, github for a pull request) gathers them; nothing in them
// is taken from the change's own words except where a field says so.
type Facts struct {
	// BaseRef and HeadRef are branch names without refs/heads/; empty where a
	// revision is not a branch.
	BaseRef, HeadRef string
	// Repository is owner/name, as GitHub tells it, or for a local repository the base's
	// own bootstrap of Flux; else empty.
	Repository string
	// Base is the tip of the base branch, MergeBase the best common ancestor
	// of Base and Head. They differ when the base moved on, or took the branch
	// by a squash merge.
	Base, MergeBase, Head Revision
	// Crosswise says that there are several best common ancestors, since the
	// two were merged into each other. Files are then worked out from one of
	// them, and a merge may do more.
	Crosswise bool
	// Commits are the commits reachable from Head and not from Base, oldest first.
	Commits []Commit
	// Files are the paths that merging changes at Base, sorted by path: the
	// whole effect of a merge, as far as it can be known.
	Files []File
	// Sources are the files of the base tree that may define objects of Flux's image
	// API, sorted by path.
	Sources []Content
	// Policies are the ImagePolicy objects found in Sources, Automations the
	// ImageUpdateAutomation objects.
	Policies    []ImagePolicy
	Automations []Automation
	// Suspensions are the patches of the base that suspend such objects.
	Suspensions []Suspension
	// Bystanders are the files with markers that the change leaves alone, as a
	// merge leaves them: the files of the base tree that are not in Files,
	// sorted by path. There a marker of the same policy can be left behind.
	Bystanders []Content
	// Past is what the base's own line of commits did to the files of the change before.
	Past Past
	// Unsearched are the files and folders of the base tree that were not
	// searched for Sources and Bystanders; a folder's path ends in a slash.
	Unsearched []string
	// Pull is what GitHub says of the pull request; nil for a local repository.
	Pull *Pull
	// Apps are the accounts with a part in the change, as opener, pusher, author or
	// committer, that GitHub says are no people but of type Bot, such as Renovate's.
	Apps []Account
	// Gaps name what could not be established (a truncated list, a missing
	// object). Any gap makes the verdict undecided.
	Gaps []string
}

// Revision names a commit and its tree by full object ids, in hex.
type Revision struct{ Commit, Tree string }

// Signature is how a person or a bot signs its work in Git: free text that
// anybody can write.
type Signature struct {
	Name, Email string
	When        time.Time // with its zone
}

// Commit is one commit of the range.
type Commit struct {
	SHA               string
	Parents           []string // full object ids
	Author, Committer Signature
	Message           string
	// Account is the numeric id of the account that GitHub matched to the
	// author, 0 where unknown; CommitterAccount likewise.
	Account, CommitterAccount int64
	// Mechanical says that it merges a commit of the base's history, and gives
	// what Git gives of the two whatever the algorithm: it holds nobody's work.
	Mechanical bool
	// Verification is what the edge was told; pinned keys are held against
	// Signed by the judge.
	Verification Verification
	Signed       Signed
}

// Signed is a signature as it was made, with what it covers. It is empty where
// a commit has none, or where the two do not make up the commit.
type Signed struct{ Payload, Signature []byte }

// Verification is what is known of a commit's cryptographic signature.
type Verification struct {
	// Kind is "", "openpgp", "ssh" or "x509"; empty means unsigned.
	Kind string
	// Verified says that the signature was checked against a key that the
	// policy pins, or that GitHub checked it.
	Verified bool
	// Key is the fingerprint of the verifying key: upper-case hex for OpenPGP,
	// SHA256:… as ssh-keygen prints it for SSH. Empty where unknown.
	Key string
	// Reason says why a signature is not verified.
	Reason string
	// Gap says that GitHub was not able to check the signature: a gap of the
	// facts, unless a pinned key verifies it.
	Gap string
}

// Mode is a Git tree entry's file mode, in its octal spelling.
type Mode string

// The modes that Git knows. An empty Mode means that the path does not exist.
const (
	Absent     Mode = ""
	Regular    Mode = "100644"
	Executable Mode = "100755"
	Symlink    Mode = "120000"
	Submodule  Mode = "160000"
)

// Blob is one side of a changed path. Data is nil where Mode is Absent or
// Submodule, and may be on all sides of a path that Flux does not write by its
// name (manifest.Named), or that is a symbolic link: nothing in it counts.
type Blob struct {
	Mode Mode
	ID   string // object id, hex
	Data []byte
}

// same tells whether two sides are equal, with their contents.
func (b Blob) Same(other Blob) bool {
	return b.Mode == other.Mode && b.ID == other.ID && bytes.Equal(b.Data, other.Data)
}

// isFile tells whether the side is a regular file.
func (b Blob) IsFile() bool { return b.Mode == Regular || b.Mode == Executable }

// File is one path that a merge changes. Paths use slashes and are relative to
// the repository's root.
type File struct {
	Path string
	// Before is the path at Base, After what merging gives.
	Before, After Blob
	// Stale says that nobody can tell what merging gives, since the base has
	// changed the path as well (see Sides.Stale), or that a rebase may give something
	// else. After is then the head's, and Old what both began with: it tells only
	// what the head itself did.
	Stale bool
	Old   Blob
}

// Differs tells whether merging would change the path.
func (f File) Differs() bool { return !f.Before.Same(f.After) }

// CrosswiseGap is the gap of a change with several merge bases, where nothing
// can be judged instead.
const CrosswiseGap = "base and head have several best common ancestors (they were merged crosswise); " +
	"what the change is depends on which one counts"

// Content is a file that did not change.
type Content = kustomize.File

// Account is a GitHub account; the id decides, the login is for people.
type Account struct {
	Login string
	ID    int64
}

// Pull is a pull request as GitHub's API tells it.
type Pull struct {
	Number                 int
	Title, Body            string // the author's words
	Opener                 Account
	HeadRepoID, BaseRepoID int64 // HeadRepoID is 0 where the fork is gone
	// HeadOwner is whose fork the branch lies in; zero where it is in none.
	HeadOwner Account
	// Pusher is who pushed Head, from the repository's activity list; zero
	// where it does not tell. Who pushed no more than a mechanical merge counts as nobody.
	Pusher Account
	// AlsoPushed are the other accounts that pushed commits of the change, below
	// Head; a zero one stands for pushes that the list does not tell.
	AlsoPushed []Account
}

// ImagePolicy is a Flux ImagePolicy object of the base tree, as far as a judge
// needs it (https://fluxcd.io/flux/components/image/imagepolicies/).
type ImagePolicy struct {
	File string
	Line int
	// Folders are those of the kustomizations that it goes through.
	Folders         []string
	Namespace, Name string // Namespace is empty where nothing known says it
	Labels          map[string]string
	// Unknown says why it may be another in the cluster than it is here; empty where it is known.
	Unknown string
	// Partial says that Flux would not take the object as it stands, since it names
	// no ImageRepository or puts tags in no order: it is a part of another one, as
	// kustomize's patches are.
	Partial bool
	// Repository is the ImageRepository that the policy names, Image the image of
	// that where the base tree tells it.
	Repository, Image string
	// Halt tells whether the one or the other is to do nothing for now.
	Halt Halt
	image.Selector
	DigestReflection string // digestReflectionPolicy
}

// Halt tells whether an object is suspended.
type Halt int

// AtWork it is by default; MaybeSuspended says that spec.suspend is filled in after the build.
const (
	AtWork Halt = iota
	MaybeSuspended
	Suspended
)

// haltOf reads spec.suspend.
func haltOf(o kustomize.Object) Halt {
	switch word := o.Text("spec", "suspend"); {
	case truth(word):
		return Suspended
	case said(word) != word:
		return MaybeSuspended
	}
	return AtWork
}

// alike tells whether two objects select the same.
func (p ImagePolicy) Alike(other ImagePolicy) bool {
	return p.Selector == other.Selector && p.Image == other.Image && p.Reflects() == other.Reflects() &&
		p.Unknown == other.Unknown
}

// Reflects tells whether Flux writes digests under the policy. Of a word that Flux
// does not know, such as a variable that is filled in later, it does not tell.
func (p ImagePolicy) Reflects() bool {
	return p.DigestReflection == "IfNotPresent" || p.DigestReflection == "Always"
}

// labelsFilledIn tells whether a label is filled in after the build.
func (p ImagePolicy) labelsFilledIn() bool {
	for key, value := range p.Labels {
		if said(key) != key || said(value) != value {
			return true
		}
	}
	return false
}

// Ordered tells whether the object puts tags in an order.
func (p ImagePolicy) Ordered() bool {
	return p.Range != "" || p.Alphabetical != "" || p.Numerical != ""
}

// over is what becomes of the whole when the part is laid over it, as kustomize
// merges mappings.
func (p ImagePolicy) over(whole ImagePolicy) ImagePolicy {
	p.Image = cmp.Or(p.Image, whole.Image)
	p.Pattern, p.Extract = cmp.Or(p.Pattern, whole.Pattern), cmp.Or(p.Extract, whole.Extract)
	p.DigestReflection = cmp.Or(p.DigestReflection, whole.DigestReflection)
	p.Halt = whole.Halt
	return p
}

// place is where the object stands, as file:line.
func (p ImagePolicy) Place() string { return place(p.File, p.Line) }

func place(file string, line int) string { return fmt.Sprintf("%s:%d", file, line) }
