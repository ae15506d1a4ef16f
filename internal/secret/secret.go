package secret

import (
	"fmt"
	"log/slog"
)

// mask stands for every secret, whatever its length.
const mask = "***"

// Secret is a value that every way of printing and encoding shows as "***". The
// zero value is empty: no secret. Only Reveal gives the value back.
//
// The value lies behind a pointer, so that == compares identities, not values
// (a comparison that stops at the first difference tells how much is right),
// and a printer that walks a struct by reflection finds an address.
type Secret struct{ value *string }

// New wraps a value. An empty one gives the zero Secret.
func New(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{&value}
}

// Reveal gives the value itself. Use it where the value leaves the program on
// purpose (a request's header), and nowhere else.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Empty says whether there is no secret.
func (s Secret) Empty() bool { return s.value == nil }

// String gives "***".
func (Secret) String() string { return mask }

// GoString gives "***", for %#v.
func (Secret) GoString() string { return mask }

// Format prints "***" for every verb and flag.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(mask)) }

// LogValue gives "***" to log/slog.
func (Secret) LogValue() slog.Value { return slog.StringValue(mask) }

// MarshalText gives "***" to every encoder that asks for text.
func (Secret) MarshalText() ([]byte, error) { return []byte(mask), nil }

// MarshalJSON gives "***" as a JSON string.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + mask + `"`), nil }

// UnmarshalText takes a value in, as flag parsers and decoders hand it over.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = New(string(text))
	return nil
}
