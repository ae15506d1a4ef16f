package token_test

import (
	"encoding/base64"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"golang.org/x/tools/txtar"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
)

// Tokens that nobody made, put together here so that the repository holds none.
func fakeClassic(prefix string) string {
	random := "fluxKeeperFLUXkeeper0123456789"
	return prefix + "_" + random + token.Checksum(random)
}

func fakeFine() string {
	text := strings.Repeat("aZ3kQ9xW7pL", 8)
	return "github" + "_pat_" + text[:22] + "_" + text[22:81]
}

// utf16Text is a text of the basic plane as UTF-16, in the order of its mark.
func utf16Text(mark, text string) string {
	for _, unit := range utf16.Encode([]rune(text)) {
		pair := []byte{byte(unit), byte(unit >> 8)}
		if mark[0] == 0xfe {
			slices.Reverse(pair)
		}
		mark += string(pair)
	}
	return mark
}

func TestFind(t *testing.T) {
	classic, fine := fakeClassic("gh"+"p"), fakeFine()
	app := "gh" + "s_815_eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiI4MTUifQ.c2lnbmF0dXJl"
	pulumi := "pul" + "-" + strings.Repeat("0123456789abcdef", 3)[:40]
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for name, c := range map[string]struct {
		text string
		want []string // kind line:column token
	}{
		"nothing":              {"hello\n", nil},
		"alone":                {classic, []string{"classic 1:1 " + classic}},
		"in YAML":              {"a: 1\n  password: " + classic + "\n", []string{"classic 2:13 " + classic}},
		"in quotes":            {`t="` + fine + `"`, []string{"fine-grained 1:4 " + fine}},
		"end of a sentence":    {"it is " + classic + ". Use it", []string{"classic 1:7 " + classic}},
		"glued to a word":      {classic + "_old", []string{"classic 1:1 " + classic}},
		"in a URL":             {"https://x-access-token:" + classic + "@github.com/acme/fleet", []string{"classic 1:24 " + classic}},
		"OAuth":                {fakeClassic("gh" + "o"), []string{"oauth 1:1 " + fakeClassic("gh"+"o")}},
		"an app's, with dots":  {"token " + app + "\n", []string{"installation 1:7 " + app}},
		"an app's, old form":   {fakeClassic("gh" + "s"), []string{"installation 1:1 " + fakeClassic("gh"+"s")}},
		"Pulumi's":             {"PULUMI_ACCESS_TOKEN=" + pulumi, []string{"pulumi 1:21 " + pulumi}},
		"a Secret's manifest":  {"data:\n  password: " + b64(classic) + "\n", []string{"classic 2:13 " + classic}},
		"base64, final break":  {"password: " + b64(fine+"\n"), []string{"fine-grained 1:11 " + fine}},
		"basic auth":           {"auth: " + b64("x-access-token:"+classic), []string{"classic 1:7 " + classic}},
		"two":                  {classic + "\n" + fine, []string{"classic 1:1 " + classic, "fine-grained 2:1 " + fine}},
		"wrong checksum":       {classic[:39] + "!" + "gh" + "p_" + strings.Repeat("x", 36), nil},
		"an example":           {"github" + "_pat_" + strings.Repeat("A", 22) + "_" + strings.Repeat("x", 59), nil},
		"a regular expression": {"gh" + "p_[A-Za-z0-9]{36}", nil},
		"a commit id":          {strings.Repeat("0123456789abcdef", 3)[:40], nil},
		"inside of a word":     {"x" + classic, []string{"classic 1:2 " + classic}},
		"behind an escape": {`{"k":"one\n` + classic + `\n` + fine + `\n` + app + `\n` + pulumi + `"}`,
			[]string{"classic 1:12 " + classic, "fine-grained 1:54 " + fine, "installation 1:149 " + app, "pulumi 1:211 " + pulumi}},
		"in a query":           {"https://h/?q=user%3A" + classic, []string{"classic 1:21 " + classic}},
		"behind a name":        {"my_" + classic + "\nmy_" + fine, []string{"classic 1:4 " + classic, "fine-grained 2:4 " + fine}},
		"behind a false start": {"xgh" + "p_" + classic, []string{"classic 1:6 " + classic}},
		"behind an app's":      {"gh" + "s_" + strings.Repeat("x", 30) + classic, []string{"classic 1:35 " + classic}},
		"UTF-16":               {utf16Text("\xff\xfe", "one\r\ntwo: ä"+classic+"\r\n"), []string{"classic 2:8 " + classic}},
		"UTF-16, high first":   {utf16Text("\xfe\xff", "password: "+b64(classic)), []string{"classic 1:11 " + classic}},
		"an app's, too short":  {app[:len("gh")] + "s_815_eyJhbGciOi.eyJpc3M.c2ln", nil},
		"UTF-16 by its mark":   {"\xff\xfe" + classic + "\n", []string{"classic 1:3 " + classic}},
		"binary":               {"\x00\xff\xfe" + classic + "\x00", []string{"classic 1:4 " + classic}},
	} {
		var got []string
		for _, f := range token.Find([]byte(c.text)) {
			got = append(got, fmt.Sprintf("%s %d:%d %s", f.Kind, f.Line, f.Column, f.Fingerprint))
		}
		var want []string
		for _, w := range c.want {
			at := strings.LastIndex(w, " ")
			want = append(want, w[:at+1]+token.Fingerprint(secret.New(w[at+1:])))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// TestFindIsLinear: however many tokens there are, or beginnings of tokens, and wherever
// they stand, each byte is looked at a few times: once for each prefix and each expression,
// once for the line breaks, and as often again unpacked out of base64.
func TestFindIsLinear(t *testing.T) {
	const most = 16
	tokens, others := strings.Repeat(fakeClassic("gh"+"p")+"\n", 2000), strings.Repeat("\n", 1<<20)
	for name, text := range map[string]string{
		"beginnings":             strings.Repeat("gh"+"p_", 10_000),
		"beginnings of an app's": strings.Repeat("gh"+"s_1_eyJ", 10_000),
		"an app's":               strings.Repeat("gh"+"s_815_eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiI4MTUifQ.c2lnbmF0dXJl\n", 2000),
		"tokens at the start":    tokens + others,
		"tokens at the end":      others + tokens,
		"in base64":              strings.Repeat(base64.StdEncoding.EncodeToString([]byte(fakeFine()))+"\n", 2000),
		"UTF-16":                 utf16Text("\xff\xfe", tokens[:10_000]),
	} {
		if looked := token.Looked([]byte(text)); looked < len(text) || looked > most*len(text) {
			t.Errorf("%s: %d bytes are looked at in a text of %d", name, looked, len(text))
		}
	}
}

// files are those of an example, by name.
func files(a *txtar.Archive) map[string]string {
	all := map[string]string{}
	for _, f := range a.Files {
		all[f.Name] = string(f.Data)
	}
	return all
}

// TestStorageExamples runs what docs/rules.md shows of the family storage: the
// first folder of a file's name is the repository where there are several.
func TestStorageExamples(t *testing.T) {
	ran := 0
	for _, rule := range finding.Catalogue() {
		if rule.Family() != "storage" {
			continue
		}
		ran++
		for _, example := range []struct {
			refused bool
			files   map[string]string
		}{{true, files(rule.Refused)}, {false, files(rule.Allowed)}} {
			var s token.Storage
			for name, text := range example.files {
				text = strings.NewReplacer("<a classic token>", fakeClassic("gh"+"p"), "<a fine-grained token>", fakeFine()).Replace(text)
				s.Add(strings.Split(name, "/")[0], path.Clean(name), []byte(text))
			}
			got := s.Findings()
			has := slices.ContainsFunc(got, func(f finding.Finding) bool {
				return f.Rule == rule.Name && f.Severity == rule.Severity && f.Hint != ""
			})
			if has != example.refused || !example.refused && len(got) > 0 {
				t.Errorf("%s, refused %v: %+v", rule.Name, example.refused, got)
			}
			if printed := fmt.Sprintf("%+v", got); strings.Contains(printed, fakeFine()) || strings.Contains(printed, fakeClassic("gh"+"p")) {
				t.Errorf("%s: a finding holds a token", rule.Name)
			}
		}
	}
	if ran != 3 {
		t.Errorf("%d rules", ran)
	}
}

func TestEnvironmentFiles(t *testing.T) {
	for name, want := range map[string]bool{
		".env": true, "a/.env": true, ".env.local": true, ".ENV.production": true, "prod.env": true,
		".env.example": false, ".env.sample": false, "env": false, ".envrc": false, "environment.yaml": false, "template.env": false,
		".environment": false,
	} {
		var s token.Storage
		s.Add("here", name, nil)
		if got := len(s.Findings()) > 0; got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func FuzzFind(f *testing.F) {
	f.Add([]byte("password: " + fakeClassic("gh"+"p")))
	f.Add([]byte(fakeFine() + "\n" + base64.StdEncoding.EncodeToString([]byte(fakeFine()))))
	f.Fuzz(func(t *testing.T, text []byte) {
		lines := strings.Count(string(text), "\n") + 1
		for _, one := range token.Find(text) {
			if one.Line < 1 || one.Line > lines || one.Column < 1 || one.Fingerprint == "" {
				t.Errorf("%+v", one)
			}
		}
		// What surrounds a token does not hide it.
		if got := token.Find(append(append(slices.Clone(text), '\n'), fakeFine()...)); len(got) == 0 {
			t.Error("a token on a line of its own is not found")
		}
	})
}
