package fakehub

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// hookTimeout is how long GitHub waits for a receiver.
const hookTimeout = 10 * time.Second

// hookHeaders are the headers that a delivery is sent with. The lock is held.
func (h *Hub) hookHeaders(a *attempt) http.Header {
	kind, id := h.scope(a.hook)
	header := http.Header{}
	for name, value := range map[string]string{
		"Accept": "*/*", "User-Agent": "GitHub-Hookshot/b8c71d8", "content-type": a.contentType(),
		"X-GitHub-Delivery": a.GUID, "X-GitHub-Event": a.Name, "X-GitHub-Hook-ID": strconv.FormatInt(a.hook.ID, 10),
		"X-GitHub-Hook-Installation-Target-Type": kind, "X-GitHub-Hook-Installation-Target-ID": strconv.FormatInt(id, 10),
	} {
		header[name] = []string{value} // as GitHub writes them
	}
	if a.hook.Secret != "" {
		header["X-Hub-Signature"] = []string{"sha1=" + a.sign(sha1.New)}
		header["X-Hub-Signature-256"] = []string{"sha256=" + a.sign(sha256.New)}
	}
	return header
}

func (a *attempt) contentType() string {
	if a.hook.ContentType == "form" {
		return "application/x-www-form-urlencoded"
	}
	return "application/json"
}

// sent is the body as it goes over the line, which is what is signed.
func (a *attempt) sent() []byte {
	if a.hook.ContentType == "form" {
		return []byte(url.Values{"payload": {string(a.Body)}}.Encode())
	}
	return a.Body
}

func (a *attempt) sign(algorithm func() hash.Hash) string {
	mac := hmac.New(algorithm, []byte(a.hook.Secret))
	mac.Write(a.sent())
	return hex.EncodeToString(mac.Sum(nil))
}

// post sends a delivery to where its hook points, once, and notes how it went.
func (a *attempt) post(header http.Header) {
	start := time.Now()
	a.status = NoHost
	defer func() { a.took = time.Since(start) }()
	request, err := http.NewRequest(http.MethodPost, a.hook.URL, bytes.NewReader(a.sent()))
	if err != nil {
		return
	}
	request.Header = header
	client := http.Client{Timeout: hookTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
		a.status = TimedOut
	}
	if err != nil {
		return
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	a.status, a.code, a.answered, a.response = BadResponse, response.StatusCode, response.Header, string(body)
	if err == nil && a.code >= 200 && a.code < 400 {
		a.status = "OK"
	}
}
