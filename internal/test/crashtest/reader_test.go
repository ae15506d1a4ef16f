//go:build linux

package crashtest

import (
	"bufio"
	"bytes"
	"database/sql"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"

	_ "modernc.org/sqlite"
)

// readsVariable names the ledger to a test that is run as a process that reads it.
const readsVariable = "CRASHTEST_READS"

// TestReads is no test but a process beside the receiver: it keeps reading one state of
// the ledger until its standard input ends.
func TestReads(t *testing.T) {
	address := os.Getenv(readsVariable)
	if address == "" {
		t.Skip("other tests run it")
	}
	db, err := sql.Open("sqlite", "file:"+address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if err := tx.QueryRowContext(t.Context(), `SELECT count(*) FROM entry`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	fmt.Println("reading")
	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = tx.Rollback()
}

// reads starts one that reads the ledger as it is now, in a process of its own.
func (s *site) reads() (leave func()) {
	s.t.Helper()
	c := exec.CommandContext(s.t.Context(), os.Args[0], "-test.run=^TestReads$")
	c.Env = append(os.Environ(), readsVariable+"="+s.address)
	in, err := c.StdinPipe()
	s.must(err)
	out, err := c.StdoutPipe()
	s.must(err)
	s.must(c.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	s.must(err)
	if line != "reading\n" {
		s.t.Fatalf("the reader says %q", line)
	}
	left := false
	leave = func() {
		if !left {
			left = true
			_ = in.Close()
			_ = c.Wait()
		}
	}
	s.t.Cleanup(leave)
	return leave
}

// bytes are some of a file of SQLite's beside the ledger
// (https://www.sqlite.org/walformat.html).
func (s *site) bytes(of string, from, to int) []byte {
	s.t.Helper()
	text, err := os.ReadFile(s.address + of)
	s.must(err)
	if len(text) < to {
		return nil
	}
	return text[from:to]
}

// TestFailedSyncBesideReader: one who reads lets a part of the log be moved only, and
// what was moved is not synced until the last part is. Where that fails, all of it has to
// be written again.
func TestFailedSyncBesideReader(t *testing.T) {
	from, _ := chance(t)
	for n := range howMany(2, 10) {
		s := newSite(t, program(t), "", from)
		from++
		d, unplug := s.plug(from, nil)
		r := s.start()
		stop := s.sending(r, 8)
		s.awaitNew("deliveries that are read")
		leave := s.reads()
		s.awaitNew("deliveries after those")
		s.await("the log to be moved as far as the reader lets it", func() bool {
			return !bytes.Equal(s.bytes("-shm", 96, 100), make([]byte, 4))
		})
		d.FailSyncsOf("ledger.db", 1)
		leave()
		stop() // so that the whole log is moved
		s.await("a failure", func() bool { _, failed := d.Count(); return failed > 0 })
		s.await("ready again", func() bool { return ready(r) })
		stop = s.sending(r, 8)
		salt := s.bytes("-wal", 16, 24)
		s.await("the log to begin anew", func() bool { return !bytes.Equal(s.bytes("-wal", 16, 24), salt) })
		s.awaitNew("deliveries in the new log")
		stop()
		image := d.Cut()
		r.Kill()
		unplug()
		s.mustHold(fmt.Sprint("failure ", n), image)
	}
}
