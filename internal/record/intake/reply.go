package intake

import (
	"encoding/hex"
	"net/http"
	"strconv"

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
	Busy              Reason = "busy"
	Cut               Reason = "cut"
	Empty             Reason = "empty"
	WrongSignature    Reason = "wrong-signature"
	Unavailable       Reason = "unavailable"
	Failed            Reason = "failed"
)

// Reply gives the status and the sentence of the answer. The sentences need no
// escape in JSON.
func (r Reason) Reply() (status int, sentence string) {
	switch r {
	case NotFound:
		return http.StatusNotFound, "there is nothing here; deliveries go to " + audit.DeliveryPath
	case Method:
		return http.StatusMethodNotAllowed, "this method is not served here"
	case TooLarge:
		return http.StatusRequestEntityTooLarge, "the body is larger than the limit"
	case ContentType:
		return http.StatusUnsupportedMediaType, "the content type is not application/json"
	case Form:
		return http.StatusUnsupportedMediaType, "forms are not taken; set the content type of the hook to application/json"
	case Encoding:
		return http.StatusUnsupportedMediaType, "compressed bodies are not taken"
	case Unsigned:
		return http.StatusUnauthorized, "there is no X-Hub-Signature-256; set the secret of the hook"
	case Signature:
		return http.StatusUnauthorized, "X-Hub-Signature-256 is not given once, as sha256= and 64 lower-case hexadecimal digits"
	case GUID:
		return http.StatusBadRequest, "X-GitHub-Delivery is not one GUID such as 72d3162e-cc78-11e3-81ab-4c9367dc0958"
	case Event:
		return http.StatusBadRequest, "X-GitHub-Event is not one name of an event such as push"
	case Hook:
		return http.StatusBadRequest, "X-GitHub-Hook-ID is not one decimal number"
	case Target:
		return http.StatusBadRequest, "X-GitHub-Hook-Installation-Target-Type and -ID are not one well-formed pair"
	case HookNotAllowed:
		return http.StatusForbidden, "this hook is not on the list"
	case TargetNotAllowed:
		return http.StatusForbidden, "this repository or organization is not on the list"
	case NetworkNotAllowed:
		return http.StatusForbidden, "the address of the sender is not on the list"
	case Busy:
		return http.StatusServiceUnavailable, "too many bodies are being read; redeliver later"
	case Cut:
		return http.StatusBadRequest, "the body was cut short, or came too slowly"
	case Empty:
		return http.StatusBadRequest, "the body is empty"
	case WrongSignature:
		return http.StatusUnauthorized, "the signature is not that of this body with a live secret"
	case Unavailable:
		return http.StatusServiceUnavailable, "the ledger takes nothing at the moment; redeliver later"
	default:
		return http.StatusInternalServerError, "the delivery could not be kept"
	}
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
	in.logRefusal(r, reason, status, name, cause)
	if status == http.StatusServiceUnavailable {
		c.Response().Header().Set("Retry-After", retryAfter)
	}
	if reason != Unavailable && reason != Failed { // those are signed
		hangUp(c)
	}
	b := make([]byte, 0, 256)
	b = append(b, `{"error":"`...)
	b = append(b, sentence...)
	b = appendGUID(b, name)
	return write(c, status, b)
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
		status = http.StatusOK
		in.observe.Duplicate(d.event)
	} else {
		in.observe.Accepted(d.event)
	}
	id := receipt.Hash()
	b := make([]byte, 0, 192)
	b = append(b, `{"id":"`...)
	b = hex.AppendEncode(b, id[:])
	return write(c, status, appendGUID(b, d.guid))
}

func appendGUID(b []byte, guid string) []byte {
	if guid != "" {
		b = append(b, `","guid":"`...)
		b = append(b, guid...)
	}
	return append(b, `"}`+"\n"...)
}

func write(c echo.Context, status int, body []byte) error {
	w := c.Response()
	h := w.Header()
	h["Content-Type"] = []string{"application/json"}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, err := w.Write(body)
	return err
}
