package console

import (
	"log/slog"

	"github.com/goldfish-inc/fluxkeeper/internal/secret"
)

// Log logs to standard error: text for a person at a terminal, else JSON. Errors and
// hints hide credentials, as OneLine does.
func (c *Console) Log(format string, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, at slog.Attr) slog.Attr {
		if at.Key == "error" || at.Key == "cause" || at.Key == "hint" {
			at.Value = slog.StringValue(secret.Redact(at.Value.String()))
		}
		return at
	}}
	if _, terminal := asTerminal(c.Stderr); format == "text" || format == "auto" && terminal {
		return slog.New(slog.NewTextHandler(c.Stderr, options))
	}
	return slog.New(slog.NewJSONHandler(c.Stderr, options))
}
