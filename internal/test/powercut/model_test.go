package powercut

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// outcomes cuts the power under many seeds and lists what was found after it.
func outcomes(do func(*directory), show func(Image) string) []string {
	found := map[string]bool{}
	for seed := range uint64(400) {
		d := &directory{disk: map[string]*file{}}
		do(d)
		found[show(d.cut(rand.New(rand.NewPCG(seed, 0))))] = true
	}
	var all []string
	for s := range found {
		all = append(all, s)
	}
	slices.Sort(all)
	return all
}

func create(d *directory, name string) *file {
	f := &file{}
	d.loose = append(d.loose, naming{f, "", name})
	return f
}

func write(f *file, at int64, text string) { f.change(change{at: at, data: []byte(text)}) }

func contents(i Image) string {
	if i["a"] == nil {
		return "none"
	}
	return strings.ReplaceAll(string(i["a"]), "\x00", "0")
}

func names(i Image) string {
	var all []string
	for name, data := range i {
		all = append(all, name+":"+string(data))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func TestWhatACutLeaves(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(*directory)
		show func(Image) string
		want []string
	}{
		"synced": {func(d *directory) {
			f := create(d, "a")
			write(f, 0, "one")
			f.sync()
			d.sync()
		}, contents, []string{"one"}},
		"its name is not synced": {func(d *directory) {
			f := create(d, "a")
			write(f, 0, "one")
			f.sync()
		}, contents, []string{"none", "one"}},
		"only its name is synced": {func(d *directory) {
			write(create(d, "a"), 0, "one")
			d.sync()
		}, contents, []string{"", "one"}},
		"writes one by one, in any order": {func(d *directory) {
			f := create(d, "a")
			write(f, 0, "....")
			f.sync()
			d.sync()
			write(f, 0, "aa")
			write(f, 1, "bb")
		}, contents, []string{"....", ".bb.", "aa..", "aab.", "abb."}},
		"an earlier hole is zero": {func(d *directory) {
			f := create(d, "a")
			d.sync()
			write(f, 0, "a")
			write(f, 1, "b")
		}, contents, []string{"", "0b", "a", "ab"}},
		"a truncation keeps its place": {func(d *directory) {
			f := create(d, "a")
			write(f, 0, "long")
			f.sync()
			d.sync()
			f.change(change{truncate: true})
			write(f, 0, "s")
		}, contents, []string{"", "long", "s", "song"}},
		"a rename is whole or not": {func(d *directory) {
			for _, name := range []string{"a", "b"} {
				f := create(d, name)
				write(f, 0, name)
				f.sync()
			}
			d.sync()
			d.loose = append(d.loose, naming{d.disk["a"], "a", "b"})
		}, names, []string{"a:a b:b", "b:a"}},
		"a removal": {func(d *directory) {
			f := create(d, "a")
			d.sync()
			d.loose = append(d.loose, naming{f, "a", ""})
		}, names, []string{"", "a:"}},
		"removed and made anew": {func(d *directory) {
			f := create(d, "a")
			write(f, 0, "old")
			f.sync()
			d.sync()
			d.loose = append(d.loose, naming{f, "a", ""})
			f = create(d, "a")
			write(f, 0, "new")
			f.sync()
		}, contents, []string{"new", "none", "old"}},
	} {
		if diff := cmp.Diff(c.want, outcomes(c.do, c.show)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

// TestTornWrites shows that sectors survive one by one, each wholly, and that
// the bytes of a sector beside a write stay.
func TestTornWrites(t *testing.T) {
	torn := map[string]bool{}
	for seed := range uint64(200) {
		f := &file{seen: bytes.Repeat([]byte("."), 4*sector), disk: bytes.Repeat([]byte("."), 4*sector)}
		f.change(change{at: sector / 2, data: bytes.Repeat([]byte("x"), 3*sector)})
		f.settle(rand.New(rand.NewPCG(seed, 0)))
		half := string(f.disk[:sector/2]) + string(f.disk[3*sector+sector/2:])
		if strings.Trim(half, ".") != "" {
			t.Fatalf("seed %d: bytes beside the write changed", seed)
		}
		shape := ""
		for at := sector / 2; at < 3*sector+sector/2; {
			n := sector - at%sector
			n = min(n, 3*sector+sector/2-at)
			part := f.disk[at : at+n]
			if strings.Trim(string(part), string(part[:1])) != "" {
				t.Fatalf("seed %d: half a sector at %d", seed, at)
			}
			shape += string(part[:1])
			at += n
		}
		torn[shape] = true
	}
	if len(torn) != 16 {
		t.Errorf("%d ways to tear four sectors, want 16", len(torn))
	}
}

// TestAFailedSyncForgets shows that a later sync does not bring what an earlier
// one lost, and that programs do not see the loss.
func TestAFailedSyncForgets(t *testing.T) {
	lost := false
	for seed := range uint64(50) {
		f := &file{}
		write(f, 0, "one")
		f.settle(rand.New(rand.NewPCG(seed, 0)))
		f.sync()
		if string(f.seen) != "one" {
			t.Fatalf("programs see %q", f.seen)
		}
		lost = lost || len(f.disk) == 0
		write(f, 0, "one")
		if f.sync(); string(f.disk) != "one" {
			t.Fatalf("written again and synced: %q", f.disk)
		}
	}
	f := &file{seen: []byte("seen and long"), disk: []byte("disk")}
	if f.forget(); string(f.seen) != "disk\x00\x00\x00\x00\x00\x00\x00\x00\x00" {
		t.Errorf("dropped from the cache, programs see %q", f.seen)
	}
	if !lost {
		t.Error("nothing was ever lost")
	}
}
