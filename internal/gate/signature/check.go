package signature

import (
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
)

// Check holds the commits of a change against pinned keys, entries of
// policy.Bot.Keys. What an edge was told of a signature stays where no pinned
// key verifies it. The gaps say which signatures nobody was able to check.
func Check(commits []change.Commit, keys []string, now time.Time) (checked []change.Commit, gaps []string) {
	ring, err := ParseKeys(keys)
	if err != nil {
		gaps = append(gaps, err.Error())
	}
	for _, c := range commits {
		c.Verification = ring.check(c, now)
		if c.Verification.Gap != "" && !c.Verification.Verified {
			gaps = append(gaps, c.Verification.Gap)
		}
		checked = append(checked, c)
	}
	return checked, gaps
}

func (k Keyring) check(c change.Commit, now time.Time) change.Verification {
	told := c.Verification
	if len(c.Signed.Signature) == 0 {
		return told
	}
	own := k.Verify(c.Signed.Payload, c.Signed.Signature, now)
	switch {
	case own.Verified:
		return own
	case told.Verified:
		return told
	case told.Reason != "":
		own.Reason = told.Reason + "; " + own.Reason
	}
	own.Gap = told.Gap
	return own
}
