package manifest

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// floods are changes whose head has about so many bytes, made to cost time or memory.
func floods(size int) map[string][2]string {
	fill := func(format string) string {
		var b strings.Builder
		for i := 0; b.Len() < size-1000; i++ {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	all := map[string][2]string{}
	for name, body := range map[string]string{
		"keys":           fill("k%d: 1\n"),
		"keys of a flow": "a: {" + fill("k%d,") + "}\n",
		"one key":        fill("k: %.0[1]d\n"),
		"items":          "a: [" + fill("%.0[1]d,") + "]\n",
		"quoted marked":  "a:\n" + fill("- \"x:%d\""+marked),
		"aliases":        "a: &a\n" + fill("- x:%d" + marked)[:size/2] + "\nb:\n" + fill("- *a%.0[1]d\n")[:size/4],
		"documents":      fill("---\na: %d\n"),
		"quoted apart":   fill("---\na: \"x:%d\"" + marked),
		"bare tags":      fill("---\na: ! %d\n"),
		"complex keys":   fill("? [a]\n: %d\n"),
		"comments":       fill("# %d\n") + "b: 1\n",
		"invisible":      "a: \"" + fill("\u200b%.0[1]d") + "\"\n",
		"brackets":       "a: " + strings.Repeat("[", size/3) + strings.Repeat("]", size/3) + "\n",
	} {
		all[name] = [2]string{"tag: 1.2.3" + marked, body + "tag: 1.2.4" + marked}
	}
	all["other keys"] = [2]string{fill("k%d: 1\n"), fill("l%d: 1\n")}
	return all
}

// flooded says, in the process of counted, which flood to compare.
const flooded = "FLUXKEEPER_FLOOD"

// TestFloods: what a head costs that is made to cost time or memory grows with its
// length: four times as long, it takes five times the memory and the statements at most.
// With an algorithm that compares all with all it takes sixteen times as much of one or
// the other. As large as is read at all, it is refused in few words.
func TestFloods(t *testing.T) {
	const short = 32 << 10
	if flood := os.Getenv(flooded); flood != "" {
		var size int
		var name string
		if n, err := fmt.Sscanf(flood, "%d %q", &size, &name); n != 2 {
			t.Fatal(err)
		}
		f := floods(size)[name]
		Compare([]byte(f[0]), []byte(f[1]))
		return
	}
	counted := counting(t)
	brief, long := floods(short), floods(4*short)
	for name, f := range floods(MaxSize) {
		t.Run(name, func(t *testing.T) {
			if before, after := allocated(brief[name]), allocated(long[name]); after > 5*before {
				t.Fatalf("it takes %d bytes of memory, and four times as long %d", before, after)
			}
			if before, after := counted(name, short), counted(name, 4*short); after > 5*before {
				t.Fatalf("it takes %d statements, and four times as long %d", before, after)
			}
			c := Compare([]byte(f[0]), []byte(f[1]))
			if c.Outcome != Residue {
				t.Errorf("outcome %s", c.Outcome)
			}
			if len(c.Residue) > 3*maxDifferences || len(c.Defects) > maxDefects+1 {
				t.Errorf("%d differences and %d defects are told", len(c.Residue), len(c.Defects))
			}
		})
	}
}

// allocated is how many bytes of memory a comparison takes, freed ones too.
func allocated(f [2]string) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	Compare([]byte(f[0]), []byte(f[1]))
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// counting builds this test once more, as go test -cover does, so that it counts
// how often each statement runs, also those of the parser. The function that it
// returns compares one flood in a process of its own, and gives the sum.
func counting(t *testing.T) func(name string, size int) int {
	t.Helper()
	program := filepath.Join(t.TempDir(), "counting")
	build := exec.Command("go", "test", "-c", "-covermode=count", "-coverpkg=.,../../text,go.yaml.in/yaml/v3", "-o", program, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the test with counters: %v\n%s", err, out)
	}
	return func(name string, size int) (sum int) {
		profile := filepath.Join(t.TempDir(), "profile")
		run := exec.Command(program, "-test.run=^TestFloods$", "-test.coverprofile="+profile)
		run.Env = append(os.Environ(), fmt.Sprintf("%s=%d %q", flooded, size, name))
		if out, err := run.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		file, err := os.Open(profile)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		lines := bufio.NewScanner(file)
		for lines.Scan() { // file.go:1.2,3.4 statements times
			var place string
			var statements, times int
			if _, err := fmt.Sscan(lines.Text(), &place, &statements, &times); err == nil {
				sum += statements * times
			}
		}
		if lines.Err() != nil || sum < size/100 {
			t.Fatalf("%s: %d statements are counted, %v", name, sum, lines.Err())
		}
		return sum
	}
}
