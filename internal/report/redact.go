package report

import (
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
)

// redacted is a result without what looks like a credential: findings, gaps and updates
// quote the files that were judged, and somebody may have put a token there.
func redacted(r gate.Result) gate.Result {
	r.Findings, r.Gaps = slices.Clone(r.Findings), slices.Clone(r.Gaps)
	for i := range r.Findings {
		f := &r.Findings[i]
		f.Place = redactedPlace(f.Place)
		f.Message, f.Hint = secret.Redact(f.Message), secret.Redact(f.Hint)
	}
	for i, gap := range r.Gaps {
		r.Gaps[i] = secret.Redact(gap)
	}
	r.Updates = slices.Clone(r.Updates)
	for i := range r.Updates {
		u := &r.Updates[i]
		u.Place = redactedPlace(u.Place)
		u.Image, u.From, u.To, u.Policy = secret.Redact(u.Image), secret.Redact(u.From), secret.Redact(u.To), secret.Redact(u.Policy)
		u.Orders = append([]gate.Order{}, u.Orders...)
		for i := range u.Orders {
			o := &u.Orders[i]
			o.Policy, o.File, o.Order = secret.Redact(o.Policy), secret.Redact(o.File), secret.Redact(o.Order)
		}
	}
	r.Reverts.Cut = secret.Redact(r.Reverts.Cut)
	r.Files = slices.Clone(r.Files)
	for i := range r.Files {
		r.Files[i].Path = secret.Redact(r.Files[i].Path)
	}
	return r
}

// redactedPlace keeps the position, which names nothing.
func redactedPlace(p finding.Place) finding.Place {
	p.File, p.Path = secret.Redact(p.File), secret.Redact(p.Path)
	return p
}

// redactedSource gives texts line by line without credentials, each text once. A private
// key takes all of its lines. Files are asked for by their redacted names, and one
// whose name had to be redacted is not found.
func redactedSource(source func(file string) []byte) func(file string) []byte {
	if source == nil {
		return nil
	}
	known := map[string][]byte{}
	return func(file string) []byte {
		text, ok := known[file]
		if !ok {
			if text = source(file); text != nil {
				text = redactedLines(string(text))
			}
			known[file] = text
		}
		return text
	}
}

func redactedLines(source string) []byte {
	var out strings.Builder
	key := false
	for line := range strings.Lines(source) {
		text, feed := strings.TrimSuffix(line, "\n"), strings.HasSuffix(line, "\n")
		key = key || strings.Contains(text, "-----BEGIN ") && strings.Contains(text, "PRIVATE KEY-----")
		if key {
			key = !strings.Contains(text, "-----END ")
			text = "***"
		}
		out.WriteString(secret.Redact(text))
		if feed {
			out.WriteByte('\n')
		}
	}
	return []byte(out.String())
}
