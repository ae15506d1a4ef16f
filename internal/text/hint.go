package text

import "errors"

// hinted is an error with what to do about it.
type hinted struct {
	error
	hint string
}

// Unwrap gives the error without its hint, so that errors.Is sees what it wraps.
func (h hinted) Unwrap() error { return h.error }

// Hint says what to do about it.
func (h hinted) Hint() string { return h.hint }

// WithHint gives an error a sentence on how to fix it, which HintOf finds.
func WithHint(err error, hint string) error { return hinted{err, hint} }

// HintOf is what an error says about how to fix it, or "".
func HintOf(err error) string {
	if h, ok := errors.AsType[interface {
		error
		Hint() string
	}](err); ok {
		return h.Hint()
	}
	return ""
}

// Sentence is an error with its hint behind it.
func Sentence(err error) string {
	if hint := HintOf(err); hint != "" {
		return err.Error() + " (" + hint + ")"
	}
	return err.Error()
}
