package store

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestOutage: a line at the beginning, one every ten seconds at most, and one at the
// end, whatever happens how often.
func TestOutage(t *testing.T) {
	var log bytes.Buffer
	now := time.Unix(0, 0)
	o := newOutage(Options{
		Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}})),
		Now: func() time.Time { return now },
	})
	o.over() // nothing was wrong
	for i := range 101 {
		o.lasts(slog.LevelWarn, "away", errors.New("refused"), i)
		now = now.Add(250 * time.Millisecond)
	}
	o.lasts(slog.LevelError, "broken", errors.New("other"), 7)
	o.lasts(slog.LevelError, "broken", errors.New("other"), 8)
	o.over()
	o.over()
	now = now.Add(time.Second)
	o.lasts(slog.LevelWarn, "away", errors.New("refused"), 1)
	var want strings.Builder
	for _, at := range []int{0, 10, 20} {
		fmt.Fprintf(&want, "level=WARN msg=away error=refused lasts=%ds waiting=%d\n", at, 4*at)
	}
	want.WriteString("level=ERROR msg=broken error=other lasts=25s waiting=7\n" +
		"level=INFO msg=\"the ledger takes entries again\" lasted=25.25s\n" +
		"level=WARN msg=away error=refused lasts=0s waiting=1\n")
	if diff := cmp.Diff(want.String(), log.String()); diff != "" {
		t.Error(diff)
	}
}
