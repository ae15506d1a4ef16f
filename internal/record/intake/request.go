package intake

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// GitHub's headers, as net/http spells them. See "Webhook events and payloads"
// in GitHub's documentation.
const (
	signatureHeader  = "X-Hub-Signature-256"
	guidHeader       = "X-Github-Delivery"
	eventHeader      = "X-Github-Event"
	hookHeader       = "X-Github-Hook-Id"
	targetTypeHeader = "X-Github-Hook-Installation-Target-Type"
	targetIDHeader   = "X-Github-Hook-Installation-Target-Id"
)

// delivery is what the headers of a delivery say, each in its strict form. None
// of it is signed.
type delivery struct {
	mac         [sha256.Size]byte
	guid, event string
	hook        string // "" where it is not told
	target      string // "repository/123", or "" where it is not told
}

// head judges all that can be judged before the body: "" means go on.
func (in *Intake) head(r *http.Request, d *delivery) Reason {
	if r.ContentLength > in.bodies.max {
		return TooLarge
	}
	return cmp.Or(mediaType(r.Header), d.signature(r.Header), d.names(r.Header), in.allowed(r, d))
}

// mediaType takes JSON as it is, and nothing else: a form has a second reading
// of the signed bytes, and a compressed body a second length.
func mediaType(h http.Header) Reason {
	switch kind, n := header(h, "Content-Type"); {
	case n != 1:
		return ContentType
	case kind != "application/json":
		media, _, err := mime.ParseMediaType(kind)
		if media == "application/x-www-form-urlencoded" {
			return Form
		}
		if err != nil || media != "application/json" {
			return ContentType
		}
	}
	if encoding, n := header(h, "Content-Encoding"); n > 1 || n == 1 && !strings.EqualFold(encoding, "identity") {
		return Encoding
	}
	return ""
}

// signature reads the one header that counts, in the one form that GitHub
// sends: sha256= and 64 lower-case hexadecimal digits.
func (d *delivery) signature(h http.Header) Reason {
	value, n := header(h, signatureHeader)
	if n == 0 {
		return Unsigned
	}
	if n > 1 || !signatureForm.MatchString(value) {
		return Signature
	}
	if _, err := hex.Decode(d.mac[:], []byte(value[len("sha256="):])); err != nil {
		return Signature
	}
	return ""
}

// names reads what the delivery is called.
func (d *delivery) names(h http.Header) Reason {
	var n int
	if d.guid = guid(h); d.guid == "" {
		return GUID
	}
	if d.event, n = header(h, eventHeader); n != 1 || !word.MatchString(d.event) {
		return Event
	}
	if d.hook, n = header(h, hookHeader); n > 1 || n == 1 && !number.MatchString(d.hook) {
		return Hook
	}
	kind, kinds := header(h, targetTypeHeader)
	id, ids := header(h, targetIDHeader)
	switch {
	case kinds == 0 && ids == 0:
	case kinds != 1 || ids != 1 || !word.MatchString(kind) || !number.MatchString(id):
		return Target
	default:
		d.target = kind + "/" + id
	}
	return ""
}

// allowed holds a delivery against the lists of who may deliver.
func (in *Intake) allowed(r *http.Request, d *delivery) Reason {
	if len(in.allow.Hooks) > 0 {
		id, err := strconv.ParseInt(d.hook, 10, 64)
		if err != nil || !slices.Contains(in.allow.Hooks, id) {
			return HookNotAllowed
		}
	}
	if len(in.allow.Targets) > 0 && !slices.Contains(in.allow.Targets, d.target) {
		return TargetNotAllowed
	}
	if in.allow.Networks != nil && !within(in.allow.Networks(), in.allow.client(r)) {
		return NetworkNotAllowed
	}
	return ""
}

// guid gives the delivery's GUID, or "" if there is not just one, well formed.
func guid(h http.Header) string {
	value, n := header(h, guidHeader)
	if n != 1 || !guidForm.MatchString(value) {
		return ""
	}
	return value
}

// header gives the header's first value, and how often it is given.
func header(h http.Header, name string) (string, int) {
	values := h[name]
	if len(values) == 0 {
		return "", 0
	}
	return values[0], len(values)
}

// The forms of what headers say.
var (
	signatureForm = regexp.MustCompile(`^sha256=[0-9a-f]{64}$`)
	guidForm      = regexp.MustCompile(`^[0-9A-Za-z-]{1,64}$`)
	// word is a name of an event or a target, such as "projects_v2_item".
	word = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,63}$`)
	// number is the one decimal form of an id. (A second one, with zeros in front,
	// would let one delivery be kept twice.)
	number = regexp.MustCompile(`^[1-9][0-9]{0,17}$`)
)
