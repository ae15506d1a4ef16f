package manifest

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestFloods: a head as large as is read at all, made to cost time or memory,
// is refused soon and in few words. With an algorithm that compares all with
// all each of these took minutes or gigabytes.
func TestFloods(t *testing.T) {
	fill := func(format string) string {
		var b strings.Builder
		for i := 0; b.Len() < MaxSize-1000; i++ {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	for name, body := range map[string]string{
		"keys":           fill("k%d: 1\n"),
		"keys of a flow": "a: {" + fill("k%d,") + "}\n",
		"one key":        fill("k: %.0[1]d\n"),
		"items":          "a: [" + fill("%.0[1]d,") + "]\n",
		"quoted marked":  "a:\n" + fill("- \"x:%d\""+marked),
		"aliases":        "a: &a\n" + fill("- x:%d" + marked)[:MaxSize/2] + "\nb:\n" + fill("- *a%.0[1]d\n")[:MaxSize/4],
		"documents":      fill("---\na: %d\n"),
		"comments":       fill("# %d\n") + "b: 1\n",
		"invisible":      "a: \"" + fill("\u200b%.0[1]d") + "\"\n",
		"brackets":       "a: " + strings.Repeat("[", MaxSize/3) + strings.Repeat("]", MaxSize/3) + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			base, head := "tag: 1.2.3"+marked, body+"tag: 1.2.4"+marked
			start := time.Now()
			c := Compare([]byte(base), []byte(head))
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("it took %v", took)
			}
			if c.Outcome != Residue {
				t.Errorf("outcome %s", c.Outcome)
			}
			if len(c.Residue) > 3*maxDifferences || len(c.Defects) > maxDefects+1 {
				t.Errorf("%d differences and %d defects are told", len(c.Residue), len(c.Defects))
			}
		})
	}
}
