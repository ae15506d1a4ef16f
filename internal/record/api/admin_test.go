package api_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/goldfish-inc/fluxkeeper/internal/record/api"
	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/proof"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
)

// shelf is a ledger of a few entries in memory, asked as the real one is.
type shelf struct {
	records []ledger.Record
	bodies  map[int64][]byte
	key     ledger.Key
	tree    ledger.Frontier
	broken  error
	asked   ledger.Query
}

func newShelf(t *testing.T, n int) *shelf {
	t.Helper()
	key, err := ledger.NewKey(rand.Reader, "shelf")
	if err != nil {
		t.Fatal(err)
	}
	s := &shelf{key: key, bodies: map[int64][]byte{}}
	for i := range int64(n) {
		body := fmt.Appendf(nil, "<script>%d</script>", i)
		r := ledger.Record{Index: i, Entry: ledger.Entry{
			Kind: ledger.Delivery, Time: time.Unix(1_800_000_000+i, 0).UTC(), Source: "7", ID: fmt.Sprint("guid-", i), Name: "push",
			Target: "repository/1", BodyHash: sha256.Sum256(body), BodySize: int64(len(body)),
		}}
		s.records, s.bodies[i] = append(s.records, r), body
		s.tree.Append(r.Hash())
	}
	return s
}

func (s *shelf) Records(_ context.Context, q ledger.Query) iter.Seq2[ledger.Record, error] {
	s.asked = q
	return func(yield func(ledger.Record, error) bool) {
		if s.broken != nil {
			yield(ledger.Record{}, s.broken)
			return
		}
		given := 0
		all := slices.Clone(s.records)
		if q.Newest {
			slices.Reverse(all)
		}
		for _, r := range all {
			if r.Index < q.Start || q.End > 0 && r.Index >= q.End || q.Limit > 0 && given == q.Limit {
				continue
			}
			given++
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (s *shelf) Body(_ context.Context, index int64) ([]byte, error) {
	body, ok := s.bodies[index]
	if !ok {
		return nil, ledger.ErrErased
	}
	return body, nil
}

func (s *shelf) Find(_ context.Context, hash string) (ledger.Record, error) {
	for _, r := range s.records {
		if own := r.Hash(); hex.EncodeToString(own[:]) == hash {
			return r, nil
		}
	}
	return ledger.Record{}, ledger.ErrNotFound
}

func (s *shelf) Prove(ctx context.Context, index int64) (proof.Inclusion, error) {
	path, err := tlog.ProveRecord(s.tree.Size(), index, ledger.Nodes(func(_ int, from, to int64) ([]tlog.Hash, error) {
		var hashes []tlog.Hash
		for _, r := range s.records[from:to] {
			hashes = append(hashes, r.Hash())
		}
		return hashes, nil
	}))
	if err != nil {
		return proof.Inclusion{}, err
	}
	signed, err := s.Checkpoint(ctx)
	if err != nil {
		return proof.Inclusion{}, err
	}
	p := proof.Inclusion{Leaf: string(s.records[index].Leaf()), Index: index, Checkpoint: string(signed)}
	for _, hash := range path {
		p.Path = append(p.Path, hash.String())
	}
	return p, nil
}

func (s *shelf) Checkpoint(context.Context) ([]byte, error) {
	return s.key.Sign(ledger.Checkpoint{Size: s.tree.Size(), Root: s.tree.Root()})
}
func (s *shelf) PublicKey(context.Context) (string, error) { return s.key.Public(), nil }
func (s *shelf) Ready(context.Context) error               { return s.broken }

// get asks the handler as a person on this machine would.
func get(t *testing.T, h http.Handler, path string) (int, string, http.Header) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Host = "localhost:8081"
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String(), w.Header()
}

func handler(s *shelf, log *slog.Logger) http.Handler {
	return api.New(api.Options{
		Ledger: s, Log: log, LoopbackOnly: true,
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "numbers") }),
	})
}

func TestPagesOfEntries(t *testing.T) {
	t.Run("oldest first", func(t *testing.T) { testPagesOfEntries(t, "/api/v1/entries?newest=false", "start") })
	t.Run("newest first", func(t *testing.T) { testPagesOfEntries(t, "/api/v1/entries?newest=true", "end") })
}

func testPagesOfEntries(t *testing.T, first, next string) {
	s := newShelf(t, 250)
	h := handler(s, slog.New(slog.DiscardHandler))
	var got []int64
	for path := first; path != ""; {
		status, body, _ := get(t, h, path)
		var page struct {
			Entries []api.Entry
			Next    *int64
		}
		if err := json.Unmarshal([]byte(body), &page); err != nil || status != http.StatusOK {
			t.Fatal(status, err, body)
		}
		for _, e := range page.Entries {
			if diff := cmp.Diff(api.EntryOf(s.records[e.Index]), e); diff != "" {
				t.Error(diff)
			}
			got = append(got, e.Index)
		}
		path = ""
		if page.Next != nil {
			path = fmt.Sprintf("%s&%s=%d", first, next, *page.Next)
		}
	}
	if next == "end" {
		slices.Reverse(got)
	}
	if len(got) != 250 || !slices.IsSorted(got) {
		t.Errorf("%d entries: %v", len(got), got)
	}
}

func TestQueryParameters(t *testing.T) {
	s := newShelf(t, 1)
	h := handler(s, slog.New(slog.DiscardHandler))
	status, body, _ := get(t, h, "/api/v1/entries?kind=delivery&name=push&name=create&source=7&guid=g&target=repository/1"+
		"&from=2026-11-22T08:00:00Z&to=2026-11-23T08:00:00%2B01:00&start=3&end=9&limit=5&newest=true")
	want := ledger.Query{
		Kinds: []ledger.Kind{ledger.Delivery}, Names: []string{"push", "create"}, Source: "7", ID: "g", Target: "repository/1",
		From: time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC), To: time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC),
		Start: 3, End: 9, Limit: 6, Newest: true,
	}
	if diff := cmp.Diff(want, s.asked); diff != "" || status != http.StatusOK {
		t.Error(status, body, diff)
	}
	for query, want := range map[string]string{
		"gid=1": "there is no parameter", "guid=1&guid=2": "given once", "from=today": "is not a time", "to=2026-11-22": "is not a time",
		"start=-1": "is not an index", "end=x": "is not an index", "limit=0": "from 1 to 1000", "limit=1001": "from 1 to 1000",
		"newest=perhaps": "not true or false",
	} {
		if status, body, _ := get(t, h, "/api/v1/entries?"+query); status != http.StatusBadRequest || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", query, status, body)
		}
	}
}

func TestOneEntry(t *testing.T) {
	s := newShelf(t, 20)
	delete(s.bodies, 4)
	h := handler(s, slog.New(slog.DiscardHandler))
	id := api.EntryOf(s.records[13]).ID
	for _, name := range []string{"13", id} {
		status, body, _ := get(t, h, "/api/v1/entries/"+name)
		if status != http.StatusOK || !strings.Contains(body, id) {
			t.Errorf("%s: %d %s", name, status, body)
		}
		status, body, header := get(t, h, "/api/v1/entries/"+name+"/body")
		if status != http.StatusOK || body != "<script>13</script>" || header.Get("Content-Type") != "application/octet-stream" ||
			header.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(header.Get("Content-Disposition"), "attachment") {
			t.Errorf("%s: %d %s %v", name, status, body, header)
		}
		status, body, _ = get(t, h, "/api/v1/proof/"+name)
		var p proof.Inclusion
		if err := json.Unmarshal([]byte(body), &p); err != nil || status != http.StatusOK {
			t.Fatal(status, err, body)
		}
		if err := p.Verify(s.key.Public()); err != nil {
			t.Error(err)
		}
	}
	for path, want := range map[string]int{
		"/api/v1/entries/20": 404, "/api/v1/entries/-1": 400, "/api/v1/entries/x": 400, "/api/v1/proof/20": 404, "/api/v1/entries/4/body": 410,
		"/api/v1/entries/" + strings.Repeat("0", 64): 404, "/nothing": 404, "/api/v1/entries/4": 200,
	} {
		if status, body, _ := get(t, h, path); status != want {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}

func TestCheckpointAndKey(t *testing.T) {
	s := newShelf(t, 3)
	h := handler(s, slog.New(slog.DiscardHandler))
	_, signed, _ := get(t, h, "/api/v1/checkpoint")
	_, public, _ := get(t, h, "/api/v1/key")
	c, err := ledger.OpenCheckpoint([]byte(signed), public)
	if err != nil || c.Size != 3 || c.Root != s.tree.Root() {
		t.Errorf("%+v, %v", c, err)
	}
	if _, body, _ := get(t, h, "/metrics"); body != "numbers" {
		t.Errorf("metrics: %q", body)
	}
}

// TestTroubleIsTold: in the log with its cause, to the outside without.
func TestTroubleIsTold(t *testing.T) {
	s := newShelf(t, 1)
	var log bytes.Buffer
	h := handler(s, slog.New(slog.NewTextHandler(&log, nil)))
	if status, _, _ := get(t, h, "/readyz"); status != http.StatusOK {
		t.Error("not ready at first")
	}
	s.broken = errors.New("disk on fire")
	if status, body, _ := get(t, h, "/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(body, "disk on fire") {
		t.Error(status, body)
	}
	if status, _, _ := get(t, h, "/healthz"); status != http.StatusOK {
		t.Error("a process with a broken disk still lives")
	}
	status, body, _ := get(t, h, "/api/v1/entries")
	if status != http.StatusInternalServerError || strings.Contains(body, "fire") || !strings.Contains(log.String(), "disk on fire") {
		t.Error(status, body, log.String())
	}
}

func TestOnlyThisMachineIsAnswered(t *testing.T) {
	h := handler(newShelf(t, 1), slog.New(slog.DiscardHandler))
	for host, want := range map[string]int{
		"localhost": 200, "localhost:8081": 200, "127.0.0.1:8081": 200, "[::1]:8081": 200, "127.1.2.3": 200,
		"evil.example": 421, "evil.example:8081": 421, "localhost.evil.example": 421, "10.0.0.1:8081": 421, "": 421,
	} {
		r := httptest.NewRequest(http.MethodGet, "/healthz", nil)
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%q: %d, want %d", host, w.Code, want)
		}
	}
}

// TestWhoMayRead: on loopback anybody, where no token is asked for; from elsewhere who has
// the token. Health and metrics are for all.
func TestWhoMayRead(t *testing.T) {
	const token = leaktest.Secret
	for name, c := range map[string]struct {
		token    string
		loopback bool
		sent     string
		want     int
	}{
		"on loopback":                      {"", true, "", http.StatusOK},
		"elsewhere":                        {"", false, "", http.StatusForbidden},
		"elsewhere, an empty token":        {"", false, "Bearer ", http.StatusForbidden},
		"on loopback, without the token":   {token, true, "", http.StatusUnauthorized},
		"elsewhere, without the token":     {token, false, "", http.StatusUnauthorized},
		"elsewhere, with another one":      {token, false, "Bearer " + token[1:], http.StatusUnauthorized},
		"elsewhere, with the token":        {token, false, "Bearer " + token, http.StatusOK},
		"on loopback, with the token":      {token, true, "Bearer " + token, http.StatusOK},
		"elsewhere, with another's scheme": {token, false, "Basic " + token, http.StatusUnauthorized},
	} {
		h := api.New(api.Options{Ledger: newShelf(t, 1), Log: slog.New(slog.DiscardHandler), LoopbackOnly: c.loopback,
			ReadToken: secret.New(c.token), Metrics: http.NotFoundHandler()})
		for path, want := range map[string]int{
			"/api/v1/entries": c.want, "/api/v1/entries/0": c.want, "/api/v1/entries/0/body": c.want, "/api/v1/proof/0": c.want,
			"/api/v1/checkpoint": c.want, "/api/v1/key": c.want, "/healthz": http.StatusOK, "/readyz": http.StatusOK,
			"/metrics": http.StatusNotFound,
		} {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			r.Host = "localhost"
			if c.sent != "" {
				r.Header.Set("Authorization", c.sent)
			}
			answer := httptest.NewRecorder()
			h.ServeHTTP(answer, r)
			if answer.Code != want {
				t.Errorf("%s, %s: %d, want %d", name, path, answer.Code, want)
			}
		}
	}
}
