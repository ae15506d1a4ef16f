package esc_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/test/esctest"
	"github.com/goldfish-inc/fluxkeeper/internal/token/esc"
)

// pulumi and github are made when the tests run: the repository holds no text
// that looks like a token.
var (
	pulumi = "pul-" + strings.Repeat("0123456789", 4)
	github = "github" + "_pat_" + strings.Repeat("A1b2C3d4E5f", 2) + "_" + strings.Repeat("Zy9", 19) + "xW"
)

const definition = `# who changes this tells the others
imports:
  - flux/base
values:
  github:
    token: %s # the bot's
    note: "10"
  list:
    - a
    - fn::secret:
        ciphertext: ZXNjeAold
  "a.b": ${github.token}
  joined: Bearer ${github.token}
  price: $$$${free}
  aws:
    login:
      fn::open::aws-login:
        oidc: {roleArn: arn}
  pulumiConfig:
    "oceanid:githubToken": ${github.token}
`

var prod = esc.Environment{Organization: "acme", Project: "flux", Name: "prod"}

func path(t *testing.T, text string) esc.Path {
	t.Helper()
	p, err := esc.ParsePath(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func client(t *testing.T, f *esctest.Backend) *esc.Client {
	t.Helper()
	c, err := esc.New(esc.Options{URL: f.URL, Token: secret.New(pulumi), UserAgent: "fluxkeeper/test"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestFormsAreToldApart(t *testing.T) {
	f := esctest.Serve(t, pulumi, fmt.Sprintf(definition, github))
	d, err := client(t, f).Definition(t.Context(), prod)
	if err != nil {
		t.Fatal(err)
	}
	if d.Revision() != 7 {
		t.Errorf("revision %d, want 7", d.Revision())
	}
	for text, want := range map[string]esc.Form{
		"github.token":                        esc.Plain,
		"github.note":                         esc.Plain,
		"github":                              esc.Composite,
		"github.other":                        esc.Absent,
		"nothing.here":                        esc.Absent,
		"list[0]":                             esc.Plain,
		"list[1]":                             esc.Hidden,
		"list[2]":                             esc.Absent,
		`["a.b"]`:                             esc.Reference,
		"joined":                              esc.Reference,
		"price":                               esc.Plain,
		"aws.login":                           esc.Computed,
		"aws.login.accessKeyId":               esc.Computed,
		`pulumiConfig["oceanid:githubToken"]`: esc.Reference,
		"pulumiConfig.oceanid:githubToken":    esc.Reference,
	} {
		if got := d.At(path(t, text)); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	printed := fmt.Sprintf("%v %+v %#v %s %q %x", d, d, d, d, d, d)
	if strings.Contains(printed, github) || strings.Contains(printed, "Node") {
		t.Error("a definition can be printed")
	}
}

func TestSetMakesAPlainValueASecret(t *testing.T) {
	f := esctest.Serve(t, pulumi, fmt.Sprintf(definition, "an-old-one"))
	c := client(t, f)
	revision, err := set(t, c, "github.token", github)
	if err != nil {
		t.Fatal(err)
	}
	if revision != 8 {
		t.Errorf("revision %d, want 8", revision)
	}
	v, err := c.Value(t.Context(), prod, 0, path(t, "github.token"))
	if err != nil {
		t.Fatal(err)
	}
	if v.Text.Reveal() != github || !v.Secret {
		t.Errorf("the value read back is another, or no secret (%v)", v.Secret)
	}
	old, err := c.Value(t.Context(), prod, 7, path(t, "github.token"))
	if err != nil || old.Text.Reveal() != "an-old-one" || old.Secret {
		t.Errorf("the revision before is not read: %v", err)
	}
	d, err := c.Definition(t.Context(), prod)
	if err != nil {
		t.Fatal(err)
	}
	if got := d.At(path(t, "github.token")); got != esc.Hidden {
		t.Errorf("the definition holds it as %s", got)
	}
	// What stood beside it is as it was, with its comments.
	for _, want := range []string{"# who changes this tells the others", "- flux/base", `note: "10"`, "ciphertext: ZXNjeAold", "roleArn: arn",
		"Bearer ${github.token}"} {
		if !strings.Contains(f.Text, want) {
			t.Errorf("%q is gone:\n%s", want, f.Text)
		}
	}
	if strings.Contains(f.Text, github) {
		t.Error("the definition holds the value itself")
	}
	want := []string{
		"GET /api/esc/environments/acme/flux/prod", "PATCH /api/esc/environments/acme/flux/prod",
		"POST /api/esc/environments/acme/flux/prod/open?duration=1m0s", "GET /api/esc/environments/acme/flux/prod/open/s1?property=github.token",
		"POST /api/esc/environments/acme/flux/prod/versions/7/open?duration=1m0s",
		"GET /api/esc/environments/acme/flux/prod/open/s1?property=github.token",
		"GET /api/esc/environments/acme/flux/prod",
	}
	if !slices.Equal(f.Asked, want) {
		t.Errorf("asked\n%s", strings.Join(f.Asked, "\n"))
	}
	if f.Sessions["s1"] > time.Minute {
		t.Errorf("opened for %v", f.Sessions["s1"])
	}
}

func TestSetMakesWhatIsNotThere(t *testing.T) {
	for _, before := range []string{"", "values:\n", "imports: []\n", "values: {github: {}}\n", "values:\n  github:\n"} {
		f := esctest.Serve(t, pulumi, before)
		c := client(t, f)
		if _, err := set(t, c, "github.token", github); err != nil {
			t.Errorf("%q: %v", before, err)
			continue
		}
		v, err := c.Value(t.Context(), prod, 0, path(t, "github.token"))
		if err != nil || v.Text.Reveal() != github || !v.Secret {
			t.Errorf("%q: it is not read back as a secret: %v", before, err)
		}
	}
}

// set puts a value into the environment as it stands.
func set(t *testing.T, c *esc.Client, at, value string) (int64, error) {
	t.Helper()
	d, err := c.Definition(t.Context(), prod)
	if err != nil {
		return 0, err
	}
	return c.Set(t.Context(), prod, d, path(t, at), secret.New(value))
}

// TestAnothersChangeIsKept: what somebody saved after the look may be another token.
func TestAnothersChangeIsKept(t *testing.T) {
	const changed = "values:\n  github: {token: old}\n  another: change\n"
	f := esctest.Serve(t, pulumi, "values:\n  github: {token: old}\n")
	f.Before = func() { f.Text, f.Before = changed, nil }
	c := client(t, f)
	if _, err := set(t, c, "github.token", github); err == nil || !strings.Contains(err.Error(), "changed at the same time") ||
		f.Text != changed {
		t.Errorf("error %v, and it holds\n%s", err, f.Text)
	}
	if _, err := set(t, c, "github.token", github); err != nil || !strings.Contains(f.Text, "another: change") {
		t.Errorf("error %v, and it holds\n%s", err, f.Text)
	}
}

// TestSlotHoldsATokenOfGitHub: another service's credential is neither hashed nor replaced.
func TestSlotHoldsATokenOfGitHub(t *testing.T) {
	for text, refused := range map[string]bool{
		"values:\n  github: {token: " + github + "}\n": false,
		"values: {}\n": false,
		"values:\n  github: {token: glpat-of-another-service}\n": true,
		"values:\n  github: {token: correct horse battery}\n":    true,
	} {
		slot, err := client(t, esctest.Serve(t, pulumi, text)).Slot("acme/flux/prod", "github.token")
		if err != nil {
			t.Fatal(err)
		}
		c, err := slot.Copy(t.Context())
		if refused != (err != nil) || refused && (c.Token != "" || c.Store != nil || !strings.Contains(err.Error(), "no token of GitHub")) {
			t.Errorf("%q: token %q, error %v", text, c.Token, err)
		}
	}
}

func TestSetRefuses(t *testing.T) {
	for name, c := range map[string]struct{ path, value, want string }{
		"reference":        {`["a.b"]`, github, "is a reference"},
		"function":         {"aws.login", github, "computed"},
		"below a function": {"aws.login.key", github, "computed"},
		"mapping":          {"github", github, "further values"},
		"below a scalar":   {"github.token.more", github, "does not fit"},
		"far in a list":    {"list[9]", github, "does not fit"},
		"interpolation":    {"github.token", "a${b}", "reference"},
		"nothing":          {"github.token", "", "empty"},
	} {
		f := esctest.Serve(t, pulumi, fmt.Sprintf(definition, "old"))
		before := f.Text
		_, err := set(t, client(t, f), c.path, c.value)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if f.Text != before {
			t.Errorf("%s: the environment was changed", name)
		}
	}
}

func TestErrorsHoldNoValue(t *testing.T) {
	answers := map[string]http.HandlerFunc{
		"quotes the value": func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				w.Header().Set("ETag", "x")
				fmt.Fprint(w, "values: {}\n")
				return
			}
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `{"code":400,"message":"Bad Request: %s %s","diagnostics":[{"summary":"%s is odd"}]}`, github, pulumi, github)
		},
		"no YAML": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", "x")
			fmt.Fprintf(w, "values: [%s\n", github)
		},
		"no tag":       func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "values: {}\n") },
		"unauthorized": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/?t="+github, http.StatusTemporaryRedirect)
		},
		"hangs up": func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) },
		"too long": func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, strings.Repeat(github, 5<<20/len(github)))
		},
	}
	for name, answer := range answers {
		f := esctest.Serve(t, pulumi, "")
		f.Answer = answer
		_, err := set(t, client(t, f), "github.token", github)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		if printed := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(printed, github) || strings.Contains(printed, pulumi) {
			t.Errorf("%s: the error holds a token", name)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, address := range []string{"http://api.pulumi.com", "http://192.0.2.1", "ftp://localhost", "https://user@api.pulumi.com", "https://",
		"api.pulumi.com", "https://a/?x=1"} {
		if _, err := esc.New(esc.Options{URL: address, Token: secret.New(pulumi)}); err == nil {
			t.Errorf("%s: taken", address)
		}
	}
	if _, err := esc.New(esc.Options{}); err == nil {
		t.Error("no token: taken")
	}
	for _, address := range []string{"", "https://pulumi.example.com/", "http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:2"} {
		if _, err := esc.New(esc.Options{URL: address, Token: secret.New(pulumi)}); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestNames(t *testing.T) {
	for _, text := range []string{"", "a/b", "a/b/c/d", "a//c", "../b/c", "a/b c/d", "a/b/c?x", "a/./c"} {
		if _, err := esc.ParseEnvironment(text); err == nil {
			t.Errorf("environment %q: taken", text)
		}
	}
	if e, err := esc.ParseEnvironment("ryan-taylor/oceanid-cluster/prod"); err != nil || e.String() != "ryan-taylor/oceanid-cluster/prod" {
		t.Errorf("%v, %v", e, err)
	}
	for _, text := range []string{"", ".", "a.", ".a", "a..b", "[0]", "a[", "a[]", "a[x]", `a["b]`, `a["b"`, "a[0]b", "a[-1]", `a[""]`,
		"a[99999999]"} {
		if p, err := esc.ParsePath(text); err == nil {
			t.Errorf("path %q: taken as %+v", text, p)
		}
	}
}
