package intake

import (
	"sync"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
)

// maxWrong is how many wrong signatures of a minute are a secret that was changed on one
// side, or a stranger's tries.
const maxWrong = 10

// burst counts the wrong signatures of a minute.
type burst struct {
	mu     sync.Mutex
	minute time.Time
	count  int
}

// note counts one more, and tells once a minute when there are too many.
func (b *burst) note(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if minute := now.Truncate(time.Minute); minute != b.minute {
		b.minute, b.count = minute, 0
	}
	b.count++
	return b.count == maxWrong+1
}

// wrong tells the log of a burst. The ledger has nothing of it: a stranger could fill it.
func (in *Intake) wrong() {
	if in.burst.note(in.now()) {
		f := finding.New("delivery/signature-burst",
			"compare the webhook's secret with that of the receiver; if they are the same, see who sends",
			"more than %d requests of a minute were not signed with a live secret", maxWrong)
		in.log.Warn(f.Message, "rule", f.Rule, "severity", string(f.Severity), "hint", f.Hint)
	}
}
