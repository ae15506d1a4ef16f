// Package powercut is a disk for tests whose power can be cut: a FUSE file
// system, in memory, that knows which bytes are durable and which a real
// machine would still hold in its cache. It also fails, fills up and slows down
// on command.
//
// # What survives a cut
//
// What is durable is the least that POSIX and the cheapest disk that databases
// are written for promise:
//
//   - A write or a truncation is durable once a later fsync or fdatasync of that
//     file came back without an error. Until then each write is kept, dropped or
//     torn, one by one and whatever became of the others. A torn write reached
//     the disk in some of its sectors of 512 bytes. Kept writes land in any
//     order, so that of two to the same place either may be the last. A sector
//     that was only partly written keeps its other bytes.
//   - A truncation keeps its place among the writes before and after it, and is
//     itself kept or dropped.
//   - That a name was made, moved or removed is durable once a later fsync of
//     the directory came back. Until then each such step is kept or dropped by
//     itself; a rename is never half done. Syncing a file does not make its name
//     durable: on ext4 it does in practice, but nothing promises it.
//
// # What a failed fsync does
//
// As on Linux, pages that could not be written are marked clean: readers go on
// seeing the new bytes, but the disk has some or none of them, and the next
// fsync succeeds without having written them. Only writing again helps. Every
// other time, by chance, the kernel soon drops the pages from its cache, which it
// may do with clean ones at any time, and readers see what is on the disk.
//
// # What it is not
//
// It has one directory and no links. Locks are the kernel's own. Shared
// mappings work (SQLite's -shm needs one): files go through the page cache, not
// past it (no FOPEN_DIRECT_IO), and without write-back caching, so that every
// write(2) is seen here at once; what is written through a mapping comes when
// the kernel writes it back. After a cut a reader may still be served from the
// kernel's cache; nothing is written any more. The process that mounts must not
// map the files itself: a page fault there cannot be served while the runtime
// waits for it.
package powercut
