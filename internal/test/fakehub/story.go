package fakehub

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// Story is a hub as data, for programs that are no Go test. Its JSON names are
// the Go names in any case.
type Story struct {
	Repos    []Repo
	Accounts []Account
	// Tokens are grants by secret.
	Tokens map[string]Grant
	Pulls  []struct {
		Repo string
		Pull
	}
	Pushes []struct {
		Repo string
		Push
	}
	Signatures []struct {
		Repo, SHA string
		Signature
	}
	Comments []struct {
		Repo         string
		Number       int
		Author, Body string
	}
	Faults []struct {
		Fault
		Delay span
	}
	Flaws []struct {
		Repo string
		Flaw
	}
	Latency    span
	Enterprise bool
}

// span is a duration that JSON writes as in 40ms.
type span time.Duration

func (s *span) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	*s = span(d)
	return err
}

// ReadStory reads a story from JSON. Unknown names are errors.
func ReadStory(data []byte) (Story, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	var s Story
	if err := decoder.Decode(&s); err != nil {
		return Story{}, fmt.Errorf("read story: %w", err)
	}
	return s, nil
}

// Tell starts a hub with all that the story says. Revisions that stand for
// commits, such as main or flux-image-updates~1, are resolved.
func (s Story) Tell(options Options) (*Hub, error) {
	options.Repos = append(options.Repos, s.Repos...)
	options.Enterprise = options.Enterprise || s.Enterprise
	h, err := Start(options)
	if err != nil {
		return nil, err
	}
	h.SetLatency(time.Duration(s.Latency))
	for _, a := range s.Accounts {
		h.AddAccount(a)
	}
	for _, secret := range sortedKeys(s.Tokens) {
		h.AddToken(secret, s.Tokens[secret])
	}
	for _, p := range s.Pulls {
		p.HeadSHA, p.BaseSHA = h.commitID(p.Repo, p.HeadSHA), h.commitID(p.Repo, p.BaseSHA)
		h.OpenPull(p.Repo, p.Pull)
	}
	for _, p := range s.Pushes {
		p.Before, p.After = h.commitID(p.Repo, p.Before), h.commitID(p.Repo, p.After)
		h.AddPush(p.Repo, p.Push)
	}
	for _, one := range s.Signatures {
		h.Sign(one.Repo, h.commitID(one.Repo, one.SHA), one.Signature)
	}
	for _, one := range s.Comments {
		h.AddComment(one.Repo, one.Number, one.Author, one.Body)
	}
	for _, f := range s.Faults {
		f.Fault.Delay = time.Duration(f.Delay)
		h.AddFault(f.Fault)
	}
	for _, f := range s.Flaws {
		h.AddFlaw(f.Repo, f.Flaw)
	}
	return h, nil
}

// commitID resolves a revision; what does not resolve stays as it is.
func (h *Hub) commitID(fullName, rev string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if rev == "" {
		return ""
	}
	if id, ok := h.repo(fullName).git.resolve(rev); ok {
		return id
	}
	return rev
}
