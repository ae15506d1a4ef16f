package crashtest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Load is what many clients send to one ledger, and what came of it. It may go
// on over many lives of a receiver.
type Load struct {
	secret string
	http   *http.Client
	start  time.Time

	mu       sync.Mutex
	random   *rand.Rand
	attempts []Attempt
	unkept   []delivery // without an acknowledgement so far
	kept     []delivery // the last ones that were acknowledged
}

// delivery is what is sent; it can be sent again.
type delivery struct {
	source, target, guid, event string
	body                        []byte
	forged                      bool // signed with another secret
}

// NewLoad makes clients that sign with the secret. What they send comes from
// the seed, when they send it from the machine.
func NewLoad(seed uint64, secret string) *Load {
	return &Load{
		secret: secret, random: rand.New(rand.NewPCG(seed, 1)), start: time.Now(),
		http: &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 256}},
	}
}

// History gives all that was sent so far.
func (l *Load) History() []Attempt {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.attempts)
}

// Clock is the time as attempts have it.
func (l *Load) Clock() time.Duration { return time.Since(l.start) }

// Count says how many attempts there were so far, and how many were
// acknowledged.
func (l *Load) Count() (attempts, acknowledged int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.attempts {
		if a.Status == http.StatusAccepted || a.Status == http.StatusOK {
			acknowledged++
		}
	}
	return len(l.attempts), acknowledged
}

// Run lets n clients send to a receiver at this address until the context ends.
// Requests that are under way then are waited for, so that the context should
// end after the receiver was killed, or long before. A client that gets no
// answer stops: the receiver is gone.
func (l *Load) Run(ctx context.Context, address string, n int) {
	var clients sync.WaitGroup
	for range n {
		clients.Go(func() {
			for ctx.Err() == nil && l.send(address, l.next()) != 0 {
			}
		})
	}
	clients.Wait()
	l.http.CloseIdleConnections()
}

// next chooses what to send: something new mostly, and else what was sent
// before, with or without an answer, the same GUID with another body, or with the
// same under another target and event, or something that somebody else signed.
func (l *Load) next() delivery {
	l.mu.Lock()
	defer l.mu.Unlock()
	chance := l.random.IntN(100)
	switch {
	case len(l.unkept) > 0 && chance < 30:
		i := l.random.IntN(len(l.unkept))
		d := l.unkept[i]
		l.unkept = slices.Delete(l.unkept, i, i+1)
		return d
	case len(l.kept) > 0 && chance < 10:
		return l.kept[l.random.IntN(len(l.kept))]
	}
	d := delivery{source: fmt.Sprint(1 + l.random.IntN(3)), target: "42", guid: l.guid(), event: "pull_request", body: l.body()}
	switch {
	case len(l.kept) > 0 && chance < 11:
		d = l.kept[l.random.IntN(len(l.kept))]
		d.event, d.target = []string{"issues", d.event}[l.random.IntN(2)], "43"
	case len(l.kept) > 0 && chance < 12:
		same := l.kept[l.random.IntN(len(l.kept))]
		d.source, d.guid = same.source, same.guid
	case chance < 14:
		d.forged = true
	}
	return d
}

func (l *Load) guid() string {
	a, b := l.random.Uint64(), l.random.Uint64()
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", a>>32, a>>16&0xffff, a&0xffff, b>>48, b&0xffffffffffff)
}

// body is JSON of 0.2 to 8 KB, now and then 60 KB, that does not compress well.
func (l *Load) body() []byte {
	size := 100 + l.random.IntN(4000)
	if l.random.IntN(100) == 0 {
		size = 30_000
	}
	pad := make([]byte, size)
	for i := range pad {
		pad[i] = byte(l.random.Uint32())
	}
	return fmt.Appendf(nil, `{"action":"opened","pad":"%x"}`, pad)
}

// send sends one delivery, writes down what came of it, and returns the status.
func (l *Load) send(address string, d delivery) int {
	a := Attempt{Key: Key{d.source, "repository/" + d.target, d.guid, d.event, sha256.Sum256(d.body)}, Start: l.Clock()}
	a.Status, a.ID = l.post(address, d)
	a.End = l.Clock()

	l.mu.Lock()
	defer l.mu.Unlock()
	l.attempts = append(l.attempts, a)
	switch {
	case a.Status == http.StatusOK || a.Status == http.StatusAccepted:
		l.kept = append(l.kept, d)
		if len(l.kept) > 200 {
			l.kept = slices.Delete(l.kept, 0, 100)
		}
	case !d.forged:
		l.unkept = append(l.unkept, d)
	}
	return a.Status
}

// request is a delivery as it is sent.
func (l *Load) request(address string, d delivery) (*http.Request, error) {
	request, err := http.NewRequest(http.MethodPost, "http://"+address+"/webhooks/github", bytes.NewReader(d.body))
	if err != nil {
		return nil, err
	}
	secret := l.secret
	if d.forged {
		secret += "?"
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(d.body)
	for name, value := range map[string]string{
		"Content-Type": "application/json", "User-Agent": "GitHub-Hookshot/0000000",
		"X-GitHub-Delivery": d.guid, "X-GitHub-Event": d.event, "X-GitHub-Hook-ID": d.source,
		"X-GitHub-Hook-Installation-Target-Type": "repository", "X-GitHub-Hook-Installation-Target-ID": d.target,
		"X-Hub-Signature-256": "sha256=" + hex.EncodeToString(mac.Sum(nil)),
	} {
		request.Header.Set(name, value)
	}
	return request, nil
}

func (l *Load) post(address string, d delivery) (status int, id string) {
	request, err := l.request(address, d)
	if err != nil {
		return 0, ""
	}
	response, err := l.http.Do(request)
	if err != nil {
		return 0, ""
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, "" // cut off: GitHub would count it as failed too
	}
	var told struct{ ID string }
	_ = json.Unmarshal(answer, &told) // an answer without an id is found by Check
	return response.StatusCode, told.ID
}
