//go:build linux

package powercut_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/test/powercut"
)

func mount(t *testing.T, seed uint64, image powercut.Image) (*powercut.Disk, string) {
	t.Helper()
	path := t.TempDir()
	d, err := powercut.Mount(path, seed, image)
	if errors.Is(err, powercut.ErrMissing) {
		powercut.Missing(t, err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Unmount(); err != nil {
			t.Error(err)
		}
	})
	return d, path
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open opens a file until the test ends.
func open(t *testing.T, path string, flags int) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, flags, 0o600)
	must(t, err)
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func syncFolder(t *testing.T, path string) {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	must(t, f.Sync())
	must(t, f.Close())
}

// TestADiskKeepsWhatWasSynced goes through the kernel: what is synced is in the
// image and on the next mount, and nothing works after the cut.
func TestADiskKeepsWhatWasSynced(t *testing.T) {
	want := powercut.Image{"kept": []byte("hello" + strings.Repeat("x", 300_000)), "moved": []byte("m")}
	image := powercut.Image{}
	for seed := range uint64(5) {
		d, path := mount(t, seed, image)
		for name, data := range want {
			f := open(t, filepath.Join(path, name+".new"), os.O_CREATE|os.O_RDWR)
			_, err := f.Write(data)
			must(t, err)
			must(t, f.Sync())
			must(t, os.Rename(f.Name(), filepath.Join(path, name)))
		}
		must(t, os.WriteFile(filepath.Join(path, "gone"), []byte("x"), 0o600))
		must(t, os.Remove(filepath.Join(path, "gone")))
		syncFolder(t, path)
		f := open(t, filepath.Join(path, "kept"), os.O_RDWR)
		image = d.Cut()
		if diff := cmp.Diff(want, image); diff != "" {
			t.Fatal(diff)
		}
		for what, err := range map[string]error{
			"write":  second(f.Write([]byte("y"))),
			"sync":   f.Sync(),
			"cut":    f.Truncate(1),
			"create": os.WriteFile(filepath.Join(path, "more"), nil, 0o600),
			"rename": os.Rename(f.Name(), f.Name()+"2"),
			"remove": os.Remove(f.Name()),
			"list":   second(os.ReadDir(path)),
		} {
			if !errors.Is(err, syscall.EIO) {
				t.Errorf("%s after the cut: %v", what, err)
			}
		}
		must(t, f.Close())
	}
	_, path := mount(t, 0, image)
	for name, data := range want {
		got, err := os.ReadFile(filepath.Join(path, name))
		must(t, err)
		if diff := cmp.Diff(data, got); diff != "" {
			t.Error(name, diff)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// TestADiskLosesWhatWasNot is the other half: a disk that keeps everything
// would make every test on it pass.
func TestADiskLosesWhatWasNot(t *testing.T) {
	whole := 0
	for seed := range uint64(20) {
		d, path := mount(t, seed, powercut.Image{"a": {}})
		f := open(t, filepath.Join(path, "a"), os.O_RDWR)
		for range 8 {
			_, err := f.Write(make([]byte, 4096))
			must(t, err)
		}
		must(t, f.Close()) // is no fsync
		if len(d.Cut()["a"]) == 8*4096 {
			whole++
		}
	}
	if whole > 15 {
		t.Errorf("the last write survived %d of 20 cuts", whole)
	}
}

func TestFaults(t *testing.T) {
	var waits atomic.Int32
	d, path := mount(t, 1, nil)
	f := open(t, filepath.Join(path, "a"), os.O_CREATE|os.O_RDWR)
	_, err := f.WriteAt(make([]byte, 1000), 0)
	must(t, err)

	d.Limit(500)
	if _, err = f.WriteAt(make([]byte, 600), 1000); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("write over the end of the room: %v", err)
	}
	_, err = f.WriteAt(make([]byte, 1000), 0)
	must(t, err) // takes no room
	must(t, f.Truncate(0))
	_, err = f.WriteAt(make([]byte, 1500), 0)
	must(t, err)
	d.Limit(-1)

	d.FailWrites(1)
	if _, err = f.WriteAt([]byte("x"), 0); !errors.Is(err, syscall.EIO) {
		t.Errorf("failing write: %v", err)
	}
	_, err = f.WriteAt([]byte("x"), 0)
	must(t, err)

	d.FailSyncs(1)
	if err = f.Sync(); !errors.Is(err, syscall.EIO) {
		t.Errorf("failing sync: %v", err)
	}
	must(t, f.Sync())

	d.ReadOnly(true)
	if _, err = f.WriteAt([]byte("x"), 0); !errors.Is(err, syscall.EROFS) {
		t.Errorf("write on a read-only disk: %v", err)
	}
	if err = os.WriteFile(filepath.Join(path, "b"), nil, 0o600); !errors.Is(err, syscall.EROFS) {
		t.Errorf("create on a read-only disk: %v", err)
	}
	if _, err = os.ReadFile(f.Name()); err != nil {
		t.Error(err)
	}
	d.ReadOnly(false)

	// A slow disk first waits, and only then has it written.
	d.Sleep(func(by time.Duration) {
		if syncs, _ := d.Count(); by != time.Minute || syncs != 1 {
			t.Errorf("a slow sync waits for %v, after %d syncs", by, syncs)
		}
		waits.Add(1)
	})
	d.Slow(time.Minute)
	must(t, f.Sync())
	if n := waits.Load(); n != 1 {
		t.Errorf("a slow sync waits %d times", n)
	}
	if syncs, failed := d.Count(); syncs != 2 || failed != 5 {
		t.Errorf("%d syncs, %d failed operations", syncs, failed)
	}
}

// TestAFailedSyncShows reads the file until the kernel dropped its pages: then
// programs see what was lost.
func TestAFailedSyncShows(t *testing.T) {
	for seed := range uint64(100) {
		d, path := mount(t, seed, powercut.Image{"a": []byte("old")})
		f := open(t, filepath.Join(path, "a"), os.O_RDWR)
		_, err := f.WriteAt([]byte("new"), 0)
		must(t, err)
		d.FailSyncs(1)
		if err := f.Sync(); !errors.Is(err, syscall.EIO) {
			t.Fatal(err)
		}
		for range 10_000 {
			b := make([]byte, 3)
			_, err := f.ReadAt(b, 0)
			must(t, err)
			if string(b) == "old" {
				return
			}
		}
		must(t, f.Close())
	}
	t.Error("programs never saw the loss")
}

// TestLocksAndAppends: what databases need of a disk beside reading and writing.
func TestLocksAndAppends(t *testing.T) {
	_, path := mount(t, 1, nil)
	f := open(t, filepath.Join(path, "a"), os.O_CREATE|os.O_RDWR|os.O_APPEND)
	must(t, syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, &syscall.Flock_t{Type: syscall.F_WRLCK, Len: 1}))
	for _, text := range []string{"one", "two"} {
		_, err := io.WriteString(f, text)
		must(t, err)
	}
	if got, err := os.ReadFile(f.Name()); err != nil || string(got) != "onetwo" {
		t.Errorf("%q, %v", got, err)
	}
}
