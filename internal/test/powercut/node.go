//go:build linux

package powercut

import (
	"context"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// root is the one directory. Which names programs see is kept by fs.
type root struct {
	fs.Inode
	disk *Disk
}

var _ interface {
	fs.NodeLookuper
	fs.NodeOpendirer
	fs.NodeCreater
	fs.NodeUnlinker
	fs.NodeRenamer
	fs.NodeFsyncer
} = (*root)(nil)

// Lookup finds a file by its name.
func (r *root) Lookup(_ context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	r.disk.mu.Lock()
	defer r.disk.mu.Unlock()
	if errno := r.disk.fail(false); errno != 0 {
		return nil, errno
	}
	child := r.GetChild(name)
	if child == nil {
		return nil, syscall.ENOENT
	}
	n, ok := child.Operations().(*node)
	if !ok {
		return nil, syscall.EIO
	}
	n.attr(&out.Attr)
	return child, 0
}

// Opendir lets the names be listed.
func (r *root) Opendir(context.Context) syscall.Errno {
	r.disk.mu.Lock()
	defer r.disk.mu.Unlock()
	return r.disk.fail(false)
}

// Create makes a file and opens it.
func (r *root) Create(ctx context.Context, name string, _, _ uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	r.disk.mu.Lock()
	defer r.disk.mu.Unlock()
	if errno := r.disk.fail(true); errno != 0 {
		return nil, nil, 0, errno
	}
	n := &node{disk: r.disk, file: &file{}}
	r.disk.dir.loose = append(r.disk.dir.loose, naming{n.file, "", name})
	n.attr(&out.Attr)
	return r.NewPersistentInode(ctx, n, fs.StableAttr{Mode: syscall.S_IFREG}), nil, fuse.FOPEN_KEEP_CACHE, 0
}

// Unlink removes a name.
func (r *root) Unlink(_ context.Context, name string) syscall.Errno {
	return r.name(name, "")
}

// Rename moves a name, over another if need be.
func (r *root) Rename(_ context.Context, name string, _ fs.InodeEmbedder, to string, flags uint32) syscall.Errno {
	if flags != 0 {
		return syscall.ENOTSUP
	}
	return r.name(name, to)
}

func (r *root) name(from, to string) syscall.Errno {
	r.disk.mu.Lock()
	defer r.disk.mu.Unlock()
	if errno := r.disk.fail(true); errno != 0 {
		return errno
	}
	moved, gone := r.child(from), r.child(from)
	if to != "" {
		gone = r.child(to)
	}
	if moved == nil {
		return syscall.ENOENT
	}
	if gone != nil {
		r.disk.used -= int64(len(gone.seen))
	}
	r.disk.dir.loose = append(r.disk.dir.loose, naming{moved, from, to})
	return 0
}

func (r *root) child(name string) *file {
	if child := r.GetChild(name); child != nil {
		if n, ok := child.Operations().(*node); ok {
			return n.file
		}
	}
	return nil
}

// Fsync makes the names durable.
func (r *root) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno { return r.disk.sync(nil) }

// node is a file. It needs no handles.
type node struct {
	fs.Inode
	disk *Disk
	file *file
}

var _ interface {
	fs.NodeGetattrer
	fs.NodeSetattrer
	fs.NodeOpener
	fs.NodeReader
	fs.NodeWriter
	fs.NodeFsyncer
} = (*node)(nil)

func (n *node) attr(out *fuse.Attr) {
	out.Mode = syscall.S_IFREG | 0o644
	out.Size = uint64(len(n.file.seen))
}

// Getattr tells the size.
func (n *node) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	n.disk.mu.Lock()
	defer n.disk.mu.Unlock()
	n.attr(&out.Attr)
	return n.disk.fail(false)
}

// Setattr sets the size; owner, mode and times are taken and forgotten.
func (n *node) Setattr(ctx context.Context, h fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if size, ok := in.GetSize(); ok {
		if errno := n.disk.change(n.file, change{at: int64(size), truncate: true}); errno != 0 {
			return errno
		}
	}
	return n.Getattr(ctx, h, out)
}

// Open opens the file. What the kernel has cached of it stays right.
func (n *node) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	n.disk.mu.Lock()
	defer n.disk.mu.Unlock()
	return nil, fuse.FOPEN_KEEP_CACHE, n.disk.fail(false)
}

// Read gives what programs wrote, durable or not.
func (n *node) Read(_ context.Context, _ fs.FileHandle, dest []byte, at int64) (fuse.ReadResult, syscall.Errno) {
	n.disk.mu.Lock()
	defer n.disk.mu.Unlock()
	if errno := n.disk.fail(false); errno != 0 {
		return nil, errno
	}
	at = min(at, int64(len(n.file.seen)))
	return fuse.ReadResultData(dest[:copy(dest, n.file.seen[at:])]), 0
}

// Write changes the file; the change is loose.
func (n *node) Write(_ context.Context, _ fs.FileHandle, data []byte, at int64) (uint32, syscall.Errno) {
	errno := n.disk.change(n.file, change{at: at, data: append([]byte(nil), data...)})
	return uint32(len(data)), errno
}

// Fsync makes the contents durable, and not the name.
func (n *node) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	return n.disk.sync(n)
}

func (n *node) named(name string) bool {
	is, _ := n.Parent()
	return is == name
}
