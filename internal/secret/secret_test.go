package secret_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/goldfish-inc/fluxkeeper/internal/secret"
)

const value = "ghs_s3cr3t-Value.with-parts"

type holder struct {
	Token  secret.Secret
	hidden secret.Secret
}

func TestRedact(t *testing.T) {
	note := "PRIVATE" + "+KEY+example.com+12345678+AXrXNgUYVfsB"
	begin, end := "-----BEGIN RSA "+"PRIVATE KEY-----", "-----END RSA "+"PRIVATE KEY-----"
	for text, want := range map[string]string{
		"open ghp_abc: no such file":            "open ghp_***: no such file",
		`no rotation of "\nghp_abc"`:            `no rotation of "\nghp_***"`,
		"https://h/?q=user%3Aghp_abc":           "https://h/?q=user%3Aghp_***",
		"postgres://u:pass@db/x":                "postgres://***@db/x",
		"postgres://u:pa/ss@db/x":               "postgres://***@db/x",
		"postgres://u:p@ss@db/x":                "postgres://***@db/x",
		"oci://host:5000/x@sha256:abc":          "oci://host:5000/x@sha256:abc",
		"oci://u:p@host/x@sha256:abc":           "oci://***@host/x@sha256:abc",
		`"https://u:p@h/x" by me@h`:             `"https://***@h/x" by me@h`,
		"https://h/x by me@h":                   "https://h/x by me@h",
		`"\nAuthorization: Basic dXNlcjpwYXNz"`: `"\nAuthorization: Basic ***"`,
		"read key " + note + ": short":          "read key PRIVATE+KEY+*** short",
		"a " + begin + "\nMIIE\n" + end + " b":  "a *** b",
		"a " + begin + "\nMIIE":                 "a ***",
		"is eyJhbGci.eyJpc3M.c2ln, refused":     "is ***, refused",
	} {
		if got := secret.Redact(text); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("https://me:pass@host/path: Bearer abcdefgh")
	f.Add("open ghp_abc: no such file")
	f.Add("://a-----BEGIN PRIVATE " + "KEY-----'b-----END PRIVATE " + "KEY-----@PRIVATE+KEY+a eyJa.eyJb.c")
	f.Fuzz(func(t *testing.T, text string) {
		once := secret.Redact(text)
		if again := secret.Redact(once); again != once {
			t.Errorf("%q becomes %q", once, again)
		}
	})
}

func TestNothingPrintsASecret(t *testing.T) {
	s := secret.New(value)
	h := holder{s, s}
	all := map[string]any{
		"value": s, "pointer": &s, "struct": h, "pointer to struct": &h,
		"slice": []secret.Secret{s}, "map value": map[string]secret.Secret{"a": s}, "map key": map[secret.Secret]int{s: 1},
		"error": fmt.Errorf("use %v: %w", s, errors.New("refused")),
	}
	for name, v := range all {
		var out bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%p", "%.3s", "%50v", "%!"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		fmt.Fprintln(&out, v)
		slog.New(slog.NewTextHandler(&out, nil)).Info("text", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("json", "v", v)
		if j, err := json.Marshal(v); err == nil {
			out.Write(j)
		}
		if y, err := yaml.Marshal(v); err == nil {
			out.Write(y)
		}
		if x, err := xml.Marshal(v); err == nil {
			out.Write(x)
		}
		_ = gob.NewEncoder(&out).Encode(v)
		for _, leak := range []string{value, value[:8], fmt.Sprintf("%x", value[:8]), fmt.Sprintf("%X", value[:8])} {
			if strings.Contains(out.String(), leak) {
				t.Errorf("%s: %q is in the output:\n%s", name, leak, out.String())
			}
		}
		if !strings.Contains(out.String(), "***") && name != "map key" {
			t.Errorf("%s: no *** in the output:\n%s", name, out.String())
		}
	}
}

func TestReveal(t *testing.T) {
	if got := secret.New(value).Reveal(); got != value {
		t.Errorf("Reveal: got %q", got)
	}
	var s secret.Secret
	if err := s.UnmarshalText([]byte(value)); err != nil || s.Reveal() != value {
		t.Errorf("UnmarshalText: got %q, %v", s.Reveal(), err)
	}
}

func TestEmpty(t *testing.T) {
	if s := (secret.Secret{}); !s.Empty() || s.Reveal() != "" || s.String() != "***" {
		t.Error("the zero value is not an empty secret that prints ***")
	}
	if !secret.New("").Empty() || secret.New(value).Empty() {
		t.Error("Empty does not tell the empty secret from another")
	}
}
