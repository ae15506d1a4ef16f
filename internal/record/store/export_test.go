package store_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/proof"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
)

// exported gives an honest ledger with some bodies erased, and its export.
func exported(t *testing.T, s *scene, size, erased int64) (*evidence, []byte) {
	t.Helper()
	e := s.evidence(t, size)
	l := e.open(t)
	if erased > 0 {
		if _, err := l.Erase(t.Context(), at(erased), keepNumber); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Append(t.Context(), numbered(1_000_000), nil); err != nil { // an empty body
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := l.Export(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return e, b.Bytes()
}

// empty is another ledger with the same key.
func (e *evidence) empty(t testing.TB) *store.Ledger {
	t.Helper()
	return (&evidence{address: e.scene.place(t), key: e.key}).open(t)
}

func TestExportAndImport(t *testing.T) { scenes(t, testExportAndImport) }

func testExportAndImport(t *testing.T, s *scene) {
	for _, c := range [][2]int64{{0, 0}, {1, 0}, {255, 100}, {256, 0}, {1500, 1200}} {
		e, export := exported(t, s, c[0], c[1])
		l, into := e.open(t), e.empty(t)
		if err := store.Import(t.Context(), bytes.NewReader(export), into); err != nil {
			t.Fatalf("%v: %v", c, err)
		}
		want, err := l.Verify(t.Context(), store.VerifyOptions{Public: e.key.Public()})
		if err != nil || !want.OK() {
			t.Fatal(err, messages(want))
		}
		got, err := into.Verify(t.Context(), store.VerifyOptions{Public: e.key.Public()})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v: %s", c, diff)
		}
		var b bytes.Buffer
		if err := into.Export(t.Context(), &b); err != nil || !bytes.Equal(b.Bytes(), export) {
			t.Errorf("%v: exported again it is %d bytes, was %d: %v", c, b.Len(), len(export), err)
		}
		// What comes next goes on from there, and what came before is known.
		for _, n := range []int64{2_000_000, 1_000_000} {
			r, err := into.Append(t.Context(), numbered(n), nil)
			if err != nil || r.Duplicate != (n == 1_000_000) {
				t.Errorf("%v: %+v, %v", c, r, err)
			}
		}
	}
}

// TestExportedLinesAreProofs checks them with nothing but the verifier.
func TestExportedLinesAreProofs(t *testing.T) {
	e, export := exported(t, &scene{made: madeInSQLite}, 700, 300)
	lines := bytes.Split(bytes.TrimSpace(export), []byte("\n"))
	var header struct{ Checkpoint string }
	if err := json.Unmarshal(lines[0], &header); err != nil {
		t.Fatal(err)
	}
	for i, line := range lines[1:] {
		var p struct {
			proof.Inclusion
			Body []byte
		}
		if err := json.Unmarshal(line, &p); err != nil {
			t.Fatal(err)
		}
		p.Checkpoint = header.Checkpoint
		if err := p.Verify(e.key.Public()); err != nil || p.Index != int64(i) {
			t.Fatalf("line %d: %v", i, err)
		}
		if (p.Body == nil) != (i < 300) {
			t.Errorf("line %d: body %q", i, p.Body)
		}
		if p.Body != nil {
			if err := p.VerifyBody(p.Body); err != nil {
				t.Errorf("line %d: %v", i, err)
			}
		}
	}
}

func TestImportTakesAllOrNothing(t *testing.T) { scenes(t, testImportTakesAllOrNothing) }

func testImportTakesAllOrNothing(t *testing.T, s *scene) {
	e, export := exported(t, s, 300, 20)
	lines := strings.SplitAfter(strings.TrimSpace(string(export)), "\n")
	edit := func(change func([]string) []string) string { return strings.Join(change(slices.Clone(lines)), "") }
	replace := func(line int, old, with string) string {
		return edit(func(l []string) []string {
			if !strings.Contains(l[line], old) {
				t.Fatalf("line %d does not have %q", line, old)
			}
			l[line] = strings.Replace(l[line], old, with, 1)
			return l
		})
	}
	cases := map[string]string{
		"nothing":            "",
		"no header":          edit(func(l []string) []string { return l[1:] }),
		"another format":     replace(0, "ledger v2", "ledger v1"),
		"another key":        replace(0, e.key.Public(), stranger(t).Public()),
		"another checkpoint": replace(0, `\n302\n`, `\n301\n`),
		"a line less":        edit(func(l []string) []string { return slices.Delete(l, 150, 151) }),
		"the end missing":    edit(func(l []string) []string { return l[:len(l)-1] }),
		"half a line":        string(export[:len(export)-40]),
		"a line more":        edit(func(l []string) []string { return append(l, l[len(l)-1]) }),
		"lines swapped":      edit(func(l []string) []string { l[7], l[8] = l[8], l[7]; return l }),
		"a leaf changed":     replace(100, `name push`, `name ping`),
		"an index changed":   replace(100, `"index":99,`, `"index":98,`),
		"a body changed":     replace(100, `"body":"e`, `"body":"f`),
		"a body taken away": edit(func(l []string) []string {
			start := strings.Index(l[100], `"body":"`)
			end := strings.Index(l[100], `","path"`)
			l[100] = l[100][:start] + `"body":null` + l[100][end+1:]
			return l
		}),
		"an erased body invented": replace(3, `"body":null`, `"body":"e30="`),
		"a path changed":          replace(100, `"path":["`, `"path":["AAAA`),
		"a field more":            replace(100, `"index"`, `"extra":1,"index"`),
	}
	cases["another program's"] = "{\"format\": 1}\n"
	cases["no JSON"] = strings.Repeat("x", 100)
	kinds := map[string]error{
		"nothing": store.ErrNoExport, "no header": store.ErrNoExport, "another format": store.ErrNoExport, "another program's": store.ErrNoExport,
		"no JSON": store.ErrNoExport, "another key": store.ErrOtherKey,
	}
	for name, text := range cases {
		into := e.empty(t)
		err := store.Import(t.Context(), strings.NewReader(text), into)
		for _, kind := range []error{store.ErrNoExport, store.ErrOtherKey, store.ErrNotEmpty} {
			if errors.Is(err, kind) != (kinds[name] == kind) {
				t.Errorf("%s: %v; is it %q?", name, err, kind)
			}
		}
		if err == nil {
			t.Errorf("%s: taken", name)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %q", name, err)
		}
		if v, err := into.Verify(t.Context(), store.VerifyOptions{}); err != nil || !v.OK() || v.Size != 0 {
			t.Errorf("%s: left behind: %+v, %v", name, v, err)
		}
		if r, err := into.Append(t.Context(), numbered(1), payload(1)); err != nil || r.Index != 0 {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	used := e.open(t)
	if err := store.Import(t.Context(), bytes.NewReader(export), used); !errors.Is(err, store.ErrNotEmpty) ||
		!strings.Contains(err.Error(), "302 entries already") {
		t.Errorf("into a ledger in use: %v", err)
	}
}

// TestExportOfATamperedLedger: it must not pass on what was altered.
func TestExportOfATamperedLedger(t *testing.T) {
	for name, tamper := range map[string]func(*evidence){
		"body":  func(e *evidence) { exchange(t, e, "body", 3, 4) },
		"entry": func(e *evidence) { rewrite(t, e, 3, func(n *ledger.Entry) { n.Name = "ping" }) },
		"lost":  func(e *evidence) { e.exec(t, `DELETE FROM body WHERE idx = 3`) },
		"gap":   func(e *evidence) { remove(t, e, 3, 4) },
	} {
		e := newEvidence(t, 300)
		tamper(e)
		if err := e.open(t).Export(t.Context(), &bytes.Buffer{}); err == nil {
			t.Errorf("%s: exported", name)
		} else if !strings.Contains(fmt.Sprint(err), "export ledger: ") {
			t.Error(err)
		}
	}
}

// TestImportReadsNoMoreThanItNeeds: the path of an entry is as long as a tree is high.
func TestImportReadsNoMoreThanItNeeds(t *testing.T) {
	e, export := exported(t, &scene{made: madeInSQLite}, 1, 0)
	into := e.empty(t)
	for name, c := range map[string][2]string{
		"a long path":   {`"path":[`, `"path":[` + strings.Repeat(`"",`, 300_000)},
		"a long hash":   {`"path":["`, `"path":["` + strings.Repeat(`A`, 1_000_000)},
		"a long leaf":   {`"leaf":"`, `"leaf":"` + strings.Repeat(`A`, 1_000_000)},
		"a long body":   {`"body":"`, `"body":"` + strings.Repeat(`AAAA`, 300_000)},
		"a deep value":  {`"body":"`, `"body":` + strings.Repeat(`[`, 1_000_000)},
		"a long header": {`"format":"`, `"format":"` + strings.Repeat(`A`, 1_000_000)},
		"much space":    {`"leaf":"`, strings.Repeat(` `, 1_000_000) + `"leaf":"`},
		"another name":  {`"leaf":"`, `"` + strings.Repeat(`A`, 1_000_000) + `":"`},
	} {
		bomb := bytes.Replace(export, []byte(c[0]), []byte(c[1]), 1)
		if len(bomb) < len(c[1]) {
			t.Fatalf("%s: the export has no place for it: %s", name, export)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := store.Import(t.Context(), bytes.NewReader(bomb), into)
		if runtime.ReadMemStats(&after); err == nil {
			t.Errorf("%s: it is taken", name)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > uint64(len(bomb))/2 {
			t.Errorf("%s: an export of %d bytes takes %d: %v", name, len(bomb), got, err)
		}
	}
}
