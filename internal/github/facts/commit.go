package facts

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	gh "github.com/google/go-github/v66/github"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/signature"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
)

// describe makes the fact of a commit. The gaps name what GitHub left out.
func describe(commit *gh.RepositoryCommit) (out change.Commit, gaps []string) {
	sha, inner := commit.GetSHA(), commit.GetCommit()
	out = change.Commit{
		SHA: sha, Message: inner.GetMessage(),
		Account: account(commit.Author).ID, CommitterAccount: account(commit.Committer).ID,
	}
	for _, p := range commit.Parents {
		out.Parents = append(out.Parents, p.GetSHA())
	}
	for _, side := range []struct {
		word string
		from *gh.CommitAuthor
		to   *change.Signature
	}{{"author", inner.GetAuthor(), &out.Author}, {"committer", inner.GetCommitter(), &out.Committer}} {
		if side.from == nil || side.from.Name == nil || side.from.Email == nil || side.from.Date == nil {
			gaps = append(gaps, fmt.Sprintf("GitHub does not tell the %s of commit %s", side.word, sha))
			continue
		}
		*side.to = change.Signature{Name: *side.from.Name, Email: *side.from.Email, When: side.from.Date.Time}
	}
	v := inner.GetVerification()
	out.Verification, out.Signed = verification(sha, v)
	switch {
	case v == nil || v.Verified == nil || v.Reason == nil:
		gaps = append(gaps, fmt.Sprintf("GitHub does not tell whether commit %s is signed", sha))
	case transient(v):
		out.Verification.Gap = fmt.Sprintf("GitHub was not able to check the signature of commit %s (%s)", sha, v.GetReason())
	}
	return out, gaps
}

// account is an account that GitHub names; zero where it is null or empty.
func account(u *gh.User) change.Account {
	if u.GetID() <= 0 {
		return change.Account{}
	}
	return change.Account{Login: u.GetLogin(), ID: u.GetID()}
}

// addApps adds those of the accounts that GitHub says are of type Bot.
func addApps(facts *change.Facts, users ...*gh.User) {
	for _, u := range users {
		if a := account(u); a.ID != 0 && u.GetType() == "Bot" && !slices.Contains(facts.Apps, a) {
			facts.Apps = append(facts.Apps, a)
		}
	}
}

// verification is what GitHub says of a signature, and what pinned keys are to
// be held against. The key is known where the signature names it in a way that
// can be checked (SSH). What an OpenPGP signature says of its key is the
// signer's word alone.
func verification(sha string, v *gh.SignatureVerification) (told change.Verification, signed change.Signed) {
	if v.GetSignature() == "" {
		if reason := v.GetReason(); reason != "" && reason != "unsigned" {
			told.Reason = "GitHub says " + github.Printable(reason)
		}
		return told, signed
	}
	payload, armored := []byte(v.GetPayload()), []byte(v.GetSignature())
	told = change.Verification{Kind: signature.Kind(armored), Verified: v.GetVerified()}
	if !told.Verified {
		told.Reason = "GitHub says " + github.Printable(v.GetReason())
	}
	switch {
	case signedObject(sha, payload, armored):
		signed = change.Signed{Payload: payload, Signature: armored}
		if told.Verified && told.Kind == "ssh" {
			told.Key, _ = signature.SSHSigner(payload, armored)
		}
	case !told.Verified:
		told.Reason += "; what is signed does not make up the commit"
	}
	return told, signed
}

// signedObject tells whether payload and signature together are the commit
// with that id, and nothing else is. Git puts the signature behind all other
// headers, other programs put it behind the committer.
func signedObject(sha string, payload, armored []byte) bool {
	head, message, ok := bytes.Cut(payload, []byte("\n\n"))
	if !ok || bytes.HasPrefix(head, []byte("gpgsig")) || bytes.Contains(head, []byte("\ngpgsig")) {
		return false
	}
	header := "gpgsig " + strings.ReplaceAll(strings.TrimSuffix(string(armored), "\n"), "\n", "\n ")
	lines := strings.Split(string(head), "\n")
	committer := 0
	for i, line := range lines {
		if strings.HasPrefix(line, "committer ") {
			committer = i + 1
			break
		}
	}
	for _, at := range []int{len(lines), committer} {
		for _, end := range []string{"", "\n "} { // some signatures end in an empty line
			object := strings.Join(lines[:at], "\n") + "\n" + header + end + "\n"
			if at < len(lines) {
				object += strings.Join(lines[at:], "\n") + "\n"
			}
			if objectID("commit", []byte(object+"\n"+string(message))) == sha {
				return true
			}
		}
	}
	return false
}
