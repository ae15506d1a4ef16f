package leaktest_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
)

// planted are a secret of every look.
func planted() map[string]string {
	random := strings.Repeat("fluxKeeper", 3)
	return map[string]string{
		"fine-grained":       leaktest.Token("found"),
		"its end":            leaktest.Token("found")[64:],
		"classic":            "ghp_" + random + token.Checksum(random),
		"short":              "ghs_app",
		"app's":              "ghs_815_eyJhbGciOi.eyJpc3M.c2ln",
		"of before 2021":     leaktest.Legacy,
		"Pulumi's":           "pul-" + strings.Repeat("0123456789", 4),
		"service account's":  "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiI4MTUifQ.c2lnbmF0dXJl",
		"webhook's":          leaktest.Secret,
		"GitHub's example's": "It's a Secret to Everybody",
		"signing key":        "PRIVATE" + "+KEY+example.com+12345678+AXrXNgUYVfsBZfHBhrtsEtOTf9WYSo2U3NzRe5GAEOWQ",
		"PEM":                "-----BEGIN RSA " + "PRIVATE KEY-----",
		"address":            "postgres://fluxkeeper:correct-horse@db.example.com/ledger",
		"weak password":      "hunter2",
	}
}

// TestFind plants secrets of every look in every form, and in every place where a
// group of base64 can begin.
func TestFind(t *testing.T) {
	for name, secret := range planted() {
		percent := ""
		for _, b := range []byte(secret) {
			percent += fmt.Sprintf("%%%02x", b)
		}
		text := func(s string) string {
			data, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			return string(data)
		}
		forms := map[string]string{
			"as it is": secret, "in a log line": `{"level":"error","msg":"bad credentials ` + secret + `"}`,
			"in an address": "https://x-access-token:" + secret + "@github.com/", "in JSON": text("it is " + secret),
			"in a panic": "panic: " + fmt.Sprintf("%q", secret) + "\n\ngoroutine 1 [running]:",
			"hex":        fmt.Sprintf("x%x", secret), "HEX": strings.ToUpper(hex.EncodeToString([]byte(secret))),
			"percent": percent, "query": url.QueryEscape(secret),
			"base64 in JSON in base64": base64.StdEncoding.EncodeToString([]byte(text(base64.StdEncoding.EncodeToString([]byte(secret))))),
		}
		for n := range 4 {
			forms[fmt.Sprintf("base64 behind %d bytes", n)] = base64.StdEncoding.EncodeToString([]byte("user:"[:n] + secret + "\n"))
			forms[fmt.Sprintf("base64 for URLs, behind %d characters", n)] = "abcd"[:n] + base64.RawURLEncoding.EncodeToString([]byte(secret))
		}
		for form, text := range forms {
			leaks := leaktest.Find([]byte("first\n" + text + "\nlast"))
			if len(leaks) == 0 || leaks[0].Line != 2 {
				t.Errorf("%s, %s: found %v", name, form, leaks)
			}
			if left := leaktest.Find([]byte(leaktest.Redact(text))); len(left) > 0 {
				t.Errorf("%s, %s: Redact leaves %v", name, form, left)
			}
			if said := fmt.Sprint(leaks); strings.Contains(said, secret) {
				t.Errorf("%s, %s: the secret is said", name, form)
			}
		}
	}
}

// TestProgramsRedact: what the programs hide in errors is every secret that has a look,
// whatever stands before it.
func TestProgramsRedact(t *testing.T) {
	hidden := map[string]bool{}
	for name, text := range planted() {
		looks := leaktest.Find([]byte(text))
		looks = slices.DeleteFunc(looks, func(l leaktest.Leak) bool {
			return l.What == "a secret of the tests" || l.What == "a token of before 2021" // no look, and that of a commit's id
		})
		for _, l := range looks {
			hidden[l.What] = true
			for _, form := range []string{text, fmt.Sprintf("%q", "\n"+text), "user%3A" + text, "my_" + text, "at https://h/a?b=" + text + ": EOF",
				`{"k":"` + text + `"}`} {
				if left := leaktest.Find([]byte(secret.Redact(form))); len(left) > 0 {
					t.Errorf("%s: secret.Redact leaves %v", name, left)
				}
			}
		}
	}
	if len(hidden) != 5 {
		t.Errorf("looks that were tried: %v", hidden)
	}
}

// TestFindsNothing: what people and programs write about tokens is none.
func TestFindsNothing(t *testing.T) {
	for _, text := range []string{
		"", "\x00\xff\n", "***", "token: github_pat_***", "begins with ghp_, gho_ or github_pat_", "ghp_[A-Za-z0-9]{36}", "pull-request",
		"27c240778a1e3a5c0a3f6f1d9b1c3a9d5f3b2c1d", "postgres://user@db/ledger", "postgres://user:***@db/ledger",
		"fluxkeeper.example+c74f20a3+AY3Ho1C6Yp0Z2AbSdDzF0qXCyRWnMcwT1m2rPjqb9LLh", "one\u0085two%20three\\u0041",
	} {
		if leaks := leaktest.Find([]byte(text)); leaks != nil || leaktest.Redact(text) != text {
			t.Errorf("%q: %v", text, leaks)
		}
	}
}

func FuzzFind(f *testing.F) {
	f.Add([]byte("a\nghp_abc"), []byte("b"))
	f.Add([]byte("Z2hwX2FiYw=="), []byte("%67%68"))
	f.Fuzz(func(t *testing.T, before, behind []byte) {
		text := string(before) + "\n" + leaktest.Secret + "\n" + string(behind)
		if len(leaktest.Find([]byte(text))) == 0 {
			t.Errorf("%q: not found", text)
		}
		if left := leaktest.Find([]byte(leaktest.Redact(text))); len(left) > 0 {
			t.Errorf("%q: Redact leaves %v", text, left)
		}
	})
}
