package intake

import (
	"encoding/hex"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// Reason says why a request was refused; there are as many as there are names
// below, so that they can be counted.
type Reason string

// The reasons, in the order in which they are found.
const (
	NotFound          Reason = "not-found"
	Method            Reason = "method"
	TooLarge          Reason = "too-large"
	ContentType       Reason = "content-type"
	Form              Reason = "form"
	Encoding          Reason = "encoding"
	Unsigned          Reason = "unsigned"
	Signature         Reason = "signature"
	GUID              Reason = "guid"
	Event             Reason = "event"
	Hook              Reason = "hook"
	Target            Reason = "target"
	HookNotAllowed    Reason = "hook-not-allowed"
	TargetNotAllowed  Reason = "target-not-allowed"
	NetworkNotAllowed Reason = "network-not-allowed"
	Crowded           Reason = "crowded"
	Busy              Reason = "busy"
	Cut               Reason = "cut"
	Empty             Reason = "empty"
	WrongSignature    Reason = "wrong-signature"
	Repeated          Reason = "repeated"
	Unavailable       Reason = "unavailable"
	Failed            Reason = "failed"
)

// replies gives the status and the sentence of each answer. The sentences need no
// escape in JSON.
var replies = map[Reason]struct {
	status   int
	sentence string
}{
	NotFound:          {http.StatusNotFound, "there is nothing here; deliveries go to " + audit.DeliveryPath},
	Method:            {http.StatusMethodNotAllowed, "this method is not served here"},
	TooLarge:          {http.StatusRequestEntityTooLarge, "the body is larger than the limit"},
	ContentType:       {http.StatusUnsupportedMediaType, "the content type is not application/json"},
	Form:              {http.StatusUnsupportedMediaType, "forms are not taken; set the content type of the hook to application/json"},
	Encoding:          {http.StatusUnsupportedMediaType, "compressed bodies are not taken"},
	Unsigned:          {http.StatusUnauthorized, "there is no X-Hub-Signature-256; set the secret of the hook"},
	Signature:         {http.StatusUnauthorized, "X-Hub-Signature-256 is not given once, as sha256= and 64 lower-case hexadecimal digits"},
	GUID:              {http.StatusBadRequest, "X-GitHub-Delivery is not one GUID such as 72d3162e-cc78-11e3-81ab-4c9367dc0958"},
	Event:             {http.StatusBadRequest, "X-GitHub-Event is not one name of an event such as push"},
	Hook:              {http.StatusBadRequest, "X-GitHub-Hook-ID is not one decimal number"},
	Target:            {http.StatusBadRequest, "X-GitHub-Hook-Installation-Target-Type and -ID are not one well-formed pair"},
	HookNotAllowed:    {http.StatusForbidden, "this hook is not on the list"},
	TargetNotAllowed:  {http.StatusForbidden, "this repository or organization is not on the list"},
	NetworkNotAllowed: {http.StatusForbidden, "the address of the sender is not on the list"},
	Crowded:           {http.StatusServiceUnavailable, "too many requests of this address at once; redeliver later"},
	Busy:              {http.StatusServiceUnavailable, "too many bodies are being read; redeliver later"},
	Cut:               {http.StatusBadRequest, "the body was cut short, or came too slowly"},
	Empty:             {http.StatusBadRequest, "the body is empty"},
	WrongSignature:    {http.StatusUnauthorized, "the signature is not that of this body with a live secret"},
	Repeated:          {http.StatusTooManyRequests, "this body came too often within an hour"},
	Unavailable:       {http.StatusServiceUnavailable, "the ledger takes nothing at the moment; redeliver later"},
	Failed:            {http.StatusInternalServerError, "the delivery could not be kept"},
}

// Reply gives the status and the sentence of the answer.
func (r Reason) Reply() (status int, sentence string) {
	reply := replies[r]
	return reply.status, reply.sentence
}

// retryAfter is what proxies are told with a 503, in seconds. GitHub does not
// look at it: it sends again only when asked to.
const retryAfter = "30"

// refuse answers with the reason's sentence.
func (in *Intake) refuse(c echo.Context, reason Reason, cause error) error {
	r := c.Request()
	status, sentence := reason.Reply()
	name := guid(r.Header)
	in.observe.Rejected(reason)
	if reason == WrongSignature {
		in.wrong()
	}
	in.logRefusal(r, reason, status, name, cause)
	if status == http.StatusServiceUnavailable {
		c.Response().Header().Set("Retry-After", retryAfter)
	}
	if reason != Unavailable && reason != Failed { // those are signed
		hangUp(c)
	}
	return c.JSON(status, audit.Reply{Error: sentence, GUID: name})
}

// hangUp closes the connection after the answer, so that only who signs can keep
// one open and idle: a stranger has to pay for each with a request again.
func hangUp(c echo.Context) { c.Response().Header().Set("Connection", "close") }

// logRefusal writes a line about a refused request, as long as there are few: a
// stranger shall not fill the disk. Nothing of the request is in it but the
// client's address, read as such, and the GUID where it is well formed.
func (in *Intake) logRefusal(r *http.Request, reason Reason, status int, name string, cause error) {
	if !in.lines.Allow() {
		in.unsaid.Add(1)
		return
	}
	attributes := []any{"reason", string(reason), "status", status, "client", in.allow.client(r).WithZone("").String()}
	if name != "" {
		attributes = append(attributes, "guid", name)
	}
	if n := in.unsaid.Swap(0); n > 0 {
		attributes = append(attributes, "unsaid", n)
	}
	if cause != nil {
		in.log.Error("delivery not kept", append(attributes, "cause", cause)...)
		return
	}
	in.log.Warn("request refused", attributes...)
}

// take answers that a delivery is kept.
func (in *Intake) take(c echo.Context, d *delivery, receipt *ledger.Receipt) error {
	status := http.StatusAccepted
	if receipt.Duplicate {
		hangUp(c) // whoever has captured one could keep connections open with it
		status = http.StatusOK
		in.observe.Duplicate(d.event)
	} else {
		in.observe.Accepted(d.event)
	}
	id := receipt.Hash()
	return c.JSON(status, audit.Reply{ID: hex.EncodeToString(id[:]), GUID: d.guid})
}
