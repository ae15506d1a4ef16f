//go:build linux

package powercut

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// ErrMissing says that no FUSE file system can be mounted here, for want of
// /dev/fuse or of the right to mount.
var ErrMissing = errors.New("no /dev/fuse, or no right to mount: run it as root on Linux, with FUSE")

// Disk is a mounted file system. Its methods may be called while programs use it.
type Disk struct {
	server *fuse.Server
	path   string

	mu     sync.Mutex
	random *rand.Rand
	dir    directory
	used   int64 // bytes in files that have a name

	dead, readOnly        bool
	failSyncs, failWrites int
	failing               string // the file whose syncs fail; empty for any
	limit                 int64  // bytes; below 0: any
	slow                  time.Duration
	sleep                 func(time.Duration)
	syncs                 []Sync
	failedOperations      int
}

// Sync is a call of fsync that succeeded.
type Sync struct{ Begin, End time.Time }

// Mount shows an image (nil: nothing) in the folder path. Chance is seeded, so
// that the same changes meet the same fate; what a program does under load is
// of course not the same each time. The error wraps ErrMissing where nothing
// can be mounted.
func Mount(path string, seed uint64, image Image) (*Disk, error) {
	d := &Disk{path: path, random: rand.New(rand.NewPCG(seed, 0)), dir: directory{disk: map[string]*file{}}, limit: -1, sleep: time.Sleep}
	top := &root{disk: d}
	second := time.Second
	options := &fs.Options{
		EntryTimeout: &second, AttrTimeout: &second, // nothing changes but through this mount
		OnAdd: func(ctx context.Context) {
			for _, name := range slices.Sorted(maps.Keys(image)) {
				f := &file{seen: slices.Clone(image[name]), disk: slices.Clone(image[name])}
				d.dir.disk[name] = f
				d.used += int64(len(f.seen))
				child := top.NewPersistentInode(ctx, &node{disk: d, file: f}, fs.StableAttr{Mode: syscall.S_IFREG})
				top.AddChild(name, child, true)
			}
		},
		MountOptions: fuse.MountOptions{
			DirectMountStrict: true, DisableXAttrs: true, ExplicitDataCacheControl: true, FsName: "powercut", Name: "powercut", MaxWrite: 128 << 10,
		},
	}
	f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("mount power-cut disk: %w: %w", ErrMissing, err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("mount power-cut disk: %w", err)
	}
	d.server, err = fs.Mount(path, top, options)
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		return nil, fmt.Errorf("mount power-cut disk: %w: %w", ErrMissing, err)
	}
	if err != nil {
		return nil, fmt.Errorf("mount power-cut disk: %w", err)
	}
	return d, nil
}

// Unmount takes the folder away from the file system. It waits until no program
// has a file open any more.
func (d *Disk) Unmount() error {
	if err := syscall.Unmount(d.path, syscall.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount %s: %w", d.path, err)
	}
	d.server.Wait()
	return nil
}

// Cut cuts the power: every operation fails from now on, and the image is what
// the next Mount finds.
func (d *Disk) Cut() Image {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dead = true
	return d.dir.cut(d.random)
}

// FailSyncs makes the next n calls of fsync fail with EIO (see the package).
func (d *Disk) FailSyncs(n int) { d.FailSyncsOf("", n) }

// FailSyncsOf is FailSyncs of the file with this name alone; empty for any.
func (d *Disk) FailSyncsOf(name string, n int) { d.set(func() { d.failSyncs, d.failing = n, name }) }

// FailWrites makes the next n writes fail with EIO; nothing of them is written.
func (d *Disk) FailWrites(n int) { d.set(func() { d.failWrites = n }) }

// Limit leaves so many bytes until the disk is full: then growing a file gives
// ENOSPC, and writing over what is there does not. Below 0 it is never full.
func (d *Disk) Limit(bytes int64) {
	d.set(func() {
		if d.limit = bytes; bytes >= 0 {
			d.limit += d.used
		}
	})
}

// ReadOnly makes every change fail with EROFS, as after an error the kernel
// remounts ext4, until it is called with false.
func (d *Disk) ReadOnly(is bool) { d.set(func() { d.readOnly = is }) }

// Slow makes every fsync take so much longer. Reads and writes meet the cache,
// which is fast on a slow disk too.
func (d *Disk) Slow(by time.Duration) { d.set(func() { d.slow = by }) }

// Count says how many calls of fsync succeeded, and how many operations were
// made to fail.
func (d *Disk) Count() (syncs, failed int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.syncs), d.failedOperations
}

// Syncs are the calls of fsync that succeeded so far.
func (d *Disk) Syncs() []Sync {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.syncs)
}

func (d *Disk) set(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
}

// fail is the error of an operation on the state as it is, if any; d.mu is held.
func (d *Disk) fail(changes bool) syscall.Errno {
	errno := syscall.Errno(0)
	switch {
	case d.dead:
		errno = syscall.EIO
	case changes && d.readOnly:
		errno = syscall.EROFS
	default:
		return 0
	}
	d.failedOperations++
	return errno
}

// change makes a change to a file's contents.
func (d *Disk) change(f *file, c change) syscall.Errno {
	d.mu.Lock()
	defer d.mu.Unlock()
	if errno := d.fail(true); errno != 0 {
		return errno
	}
	if d.failWrites > 0 && !c.truncate {
		d.failWrites--
		d.failedOperations++
		return syscall.EIO
	}
	grows := c.at + int64(len(c.data)) - int64(len(f.seen))
	if !c.truncate {
		grows = max(0, grows)
	}
	if grows > 0 && d.limit >= 0 && d.used+grows > d.limit {
		d.failedOperations++
		return syscall.ENOSPC
	}
	d.used += grows
	f.change(c)
	return 0
}

// sync makes a file durable, or the directory where n is nil.
func (d *Disk) sync(n *node) syscall.Errno {
	begin := time.Now()
	d.mu.Lock()
	slow, sleep := d.slow, d.sleep
	d.mu.Unlock()
	if slow > 0 {
		sleep(slow) // nothing waits for this but the caller
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if errno := d.fail(false); errno != 0 {
		return errno
	}
	if d.failSyncs > 0 && (d.failing == "" || n != nil && n.named(d.failing)) {
		d.failSyncs--
		d.failedOperations++
		d.loseLoose(n)
		return syscall.EIO
	}
	if n == nil {
		d.dir.sync()
	} else {
		n.file.sync()
	}
	d.syncs = append(d.syncs, Sync{begin, time.Now()})
	return 0
}

// loseLoose is what a failed fsync does; d.mu is held.
func (d *Disk) loseLoose(n *node) {
	if n == nil {
		d.dir.settle(d.random)
		return
	}
	n.file.settle(d.random)
	if d.random.IntN(2) == 0 {
		n.file.forget()
		// The kernel waits for this call of fsync before it drops anything.
		go n.NotifyContent(0, 0)
	}
}
