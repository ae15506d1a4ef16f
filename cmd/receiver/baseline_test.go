package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/klauspost/compress/s2"
	"github.com/labstack/echo/v4"
	_ "modernc.org/sqlite" // the receiver's driver
)

// baselineVariable turns the test program into a server that the receiver is
// compared with: bare stores nothing, and plain as little as can be called kept.
const baselineVariable = "FLUXKEEPER_TEST_BASELINE"

const bare, plain = "bare", "plain"

// serveBaseline is the whole of the process that a baseline runs in.
func serveBaseline(name string) error {
	keep := func(*http.Request, []byte) error { return nil }
	if name == plain {
		rows, err := openRows()
		if err != nil {
			return err
		}
		keep = rows.keep
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, `{"msg":"serving","listen":"%s"}`+"\n", l.Addr())
	return (&http.Server{Handler: baseline(keep)}).Serve(l)
}

// baseline is an echo handler that reads the body into a pooled buffer, verifies
// the signature, lets the delivery be kept, and answers 202.
func baseline(keep func(*http.Request, []byte) error) http.Handler {
	buffers := sync.Pool{New: func() any { return new([64 << 10]byte) }}
	signers := sync.Pool{New: func() any { return hmac.New(sha256.New, []byte(benchSecret)) }}
	e := echo.New()
	e.POST("/webhooks/github", func(c echo.Context) error {
		buffer := buffers.Get().(*[64 << 10]byte)
		defer buffers.Put(buffer)
		r := c.Request()
		body := buffer[:r.ContentLength]
		if _, err := io.ReadFull(r.Body, body); err != nil {
			return c.NoContent(http.StatusBadRequest)
		}
		given, err := hex.DecodeString(strings.TrimPrefix(r.Header.Get("X-Hub-Signature-256"), "sha256="))
		signer := signers.Get().(hash.Hash)
		defer signers.Put(signer)
		signer.Reset()
		_, _ = signer.Write(body)
		if err != nil || !hmac.Equal(signer.Sum(nil), given) {
			return c.NoContent(http.StatusUnauthorized)
		}
		if err := keep(r, body); err != nil {
			return c.NoContent(http.StatusInternalServerError)
		}
		return c.JSON(http.StatusAccepted, map[string]string{"guid": r.Header.Get("X-GitHub-Delivery")})
	})
	return e
}

// rows is a table of compressed bodies under their GUIDs, written in groups. It
// has no tree, no hash of the body, no index but the GUID's: what the receiver
// costs beyond it is the price of being able to prove something.
type rows struct {
	db    *sql.DB
	queue chan *row
}

type row struct {
	guid, event string
	body        []byte
	done        chan error
}

func openRows() (*rows, error) {
	dir, err := os.MkdirTemp("", "plain") // under the benchmark's own folder
	if err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", "file:"+dir+"/plain.db?_pragma=page_size(8192)&_pragma=journal_mode(wal)&_pragma=synchronous(full)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(`CREATE TABLE delivery (id INTEGER PRIMARY KEY, guid TEXT UNIQUE, event TEXT, body BLOB)`); err != nil {
		return nil, err
	}
	r := &rows{db, make(chan *row, 64)}
	go r.write()
	return r, nil
}

func (r *rows) keep(request *http.Request, body []byte) error {
	one := &row{request.Header.Get("X-GitHub-Delivery"), request.Header.Get("X-GitHub-Event"), s2.Encode(nil, body), make(chan error, 1)}
	r.queue <- one
	return <-one.done
}

// write commits whatever waits, together.
func (r *rows) write() {
	for first := range r.queue {
		batch := []*row{first}
		for more := true; more; {
			select {
			case next := <-r.queue:
				batch = append(batch, next)
			default:
				more = false
			}
		}
		err := r.commit(batch)
		for _, one := range batch {
			one.done <- err
		}
	}
}

func (r *rows) commit(batch []*row) error {
	tx, err := r.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // it is over, or has failed
	insert, err := tx.Prepare(`INSERT INTO delivery (guid, event, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`)
	if err != nil {
		return err
	}
	defer insert.Close()
	for _, one := range batch {
		if _, err := insert.Exec(one.guid, one.event, one.body); err != nil {
			return err
		}
	}
	return tx.Commit()
}
