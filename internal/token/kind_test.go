package token_test

import (
	"strings"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
)

// TestChecksum: a published example, in parts so that no scanner takes it for a
// leak.
func TestChecksum(t *testing.T) {
	const random, want = "zQWBuTSOoRi4A9spHcVY" + "5ncnsDkxkJ", "0mLq" + "17"
	if got := token.Checksum(random); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := token.Inspect(secret.New("ghp_" + random + want)); got != (token.Form{Kind: token.Classic, Whole: true}) {
		t.Errorf("%+v", got)
	}
}

func TestInspect(t *testing.T) {
	random := strings.Repeat("aB3", 10)
	whole := random + token.Checksum(random)
	jwt := "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIxIn0.c2ln-_"
	for text, want := range map[string]token.Form{
		"ghp_" + whole:             {Kind: token.Classic, Whole: true},
		"gho_" + whole:             {Kind: token.OAuth, Whole: true},
		"ghu_" + whole:             {Kind: token.AppUser, Whole: true},
		"ghs_" + whole:             {Kind: token.Installation, Whole: true},
		"ghr_" + whole:             {Kind: token.Refresh, Whole: true},
		"ghs_4242_" + jwt:          {Kind: token.Installation, Whole: true},
		"ghs_4242_" + jwt[:25]:     {Kind: token.Installation},
		"ghp_" + whole[:35]:        {Kind: token.Classic},
		"ghp_" + whole + "a":       {Kind: token.Classic},
		"ghp_" + "b" + whole[1:]:   {Kind: token.Classic},
		"ghp_" + whole + "\n":      {Kind: token.Classic},
		strings.Repeat("0af9", 10): {Kind: token.Legacy, Whole: true},
		"github_pat_" + strings.Repeat("x", 22) + "_" + strings.Repeat("y", 59): {Kind: token.FineGrained, Whole: true},
		"github_pat_" + strings.Repeat("x", 22):                                 {Kind: token.FineGrained},
		"glpat-" + whole:                                                        {Kind: token.Unknown},
		"":                                                                      {Kind: token.Unknown},
		"ghx_" + whole:                                                          {Kind: token.Unknown},
		"GHP_" + whole:                                                          {Kind: token.Unknown},
	} {
		if got := token.Inspect(secret.New(text)); got != want {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
}

// FuzzSendable: nothing that cannot stand in a header is sent, and one changed
// character is noticed.
func FuzzSendable(f *testing.F) {
	for _, seed := range []string{"", "ghp_", "ghp_a\r\nX-Evil: 1", "github_pat_ä", " ghp_x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := secret.New(text)
		if token.Sendable(s) && strings.ContainsAny(text, "\r\n\x00 \t") {
			t.Errorf("%q would be sent", text)
		}
		if form := token.Inspect(s); form.Whole && form.Kind == token.Classic {
			changed := []byte(text)
			changed[10] = 'a' + (changed[10]+1)%26
			if string(changed) != text && token.Inspect(secret.New(string(changed))).Whole {
				t.Errorf("%q and %q are both whole", text, changed)
			}
		}
	})
}

// TestFingerprint: the one was made by sha256sum and base64; a password has none.
func TestFingerprint(t *testing.T) {
	for text, want := range map[string]string{"ghp_" + "abc": "3H8SP+RNfkJ28HQisJKr+xZYEPg3h9Raib2uyWvwHEg=", "abc": "", "": ""} {
		if got := token.Fingerprint(secret.New(text)); got != want {
			t.Errorf("%q: %s", text, got)
		}
	}
}

func TestParseExpiry(t *testing.T) {
	at := time.Date(2026, 11, 12, 10, 31, 26, 0, time.UTC)
	for text, ok := range map[string]bool{
		"2026-11-12 10:31:26 UTC": true, "2026-11-12 12:31:26 +0200": true, "2026-11-12 10:31:26 +0000": true, "2026-11-12 03:01:26 -0730": true,
		"2026-11-12T10:31:26Z": false, "2026-11-12": false, "2026-11-12 10:31:26 PST": false, "": false, "2026-13-12 10:31:26 UTC": false,
	} {
		got, err := token.ParseExpiry(text)
		if (err == nil) != ok || ok && (!got.Equal(at) || got.Location() != time.UTC) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func TestReminders(t *testing.T) {
	end := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for hours, want := range map[int]int{91 * 24: 0, 30*24 + 23: 0, 30 * 24: 30, 15 * 24: 30, 14 * 24: 14, 7*24 + 1: 14, 7 * 24: 7, 25: 7,
		24: 1, 1: 1, -72: 1} {
		if got := token.Reminder(end, end.Add(-time.Duration(hours)*time.Hour)); got != want {
			t.Errorf("%d hours: %d, want %d", hours, got, want)
		}
	}
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for hours, want := range map[int]int{23: 0, 24: 1, 25: 1, 48: 2, -1: -1} {
		if got := token.DaysLeft(now.Add(time.Duration(hours)*time.Hour), now); got != want {
			t.Errorf("%d hours: %d days, want %d", hours, got, want)
		}
	}
	if days := token.Reminders(now); len(days) != 4 || !days[3].Equal(now.AddDate(0, 0, -1)) {
		t.Errorf("%v", days)
	}
}

func TestClassify(t *testing.T) {
	const none = ""
	for _, tt := range []struct {
		status  int
		message string
		header  string // NAME: VALUE
		want    token.Class
	}{
		{0, none, none, token.Unreached},
		{200, none, none, token.OK}, {204, none, none, token.OK},
		{409, "Git Repository is empty.", none, token.OK},
		{302, none, none, token.Elsewhere},
		{401, "Bad credentials", "X-GitHub-Request-Id: C0DE:1", token.BadCredentials},
		{401, "Bad credentials", none, token.Trouble},
		{401, "Unauthorized", "X-GitHub-Request-Id: C0DE:1", token.Trouble},
		{401, "Invalid username or token. Password authentication is not supported for Git operations.", "X-GitHub-Request-Id: C0DE:1",
			token.Trouble},
		{403, "Maximum number of login attempts exceeded. Please try again later.", none, token.LockedOut},
		{403, "Access denied by the corporate proxy.", none, token.Trouble},
		{403, "Write access to repository not granted.", none, token.Lacks},
		{403, "Must have admin rights to Repository.", none, token.Lacks},
		{403, "Resource not accessible by personal access token", none, token.Lacks},
		{403, "Resource not accessible by integration", none, token.Lacks},
		{404, "Not Found", none, token.NotFound},
		{404, "Not Found", "X-GitHub-SSO: required; url=https://github.com/orgs/acme/sso", token.SSO},
		{403, "Resource protected by organization SAML enforcement.", none, token.SSO},
		{403, "API rate limit exceeded for user ID 1.", none, token.Limited},
		{429, "", "X-RateLimit-Remaining: 0", token.Limited},
		{403, "You have exceeded a secondary rate limit.", "X-RateLimit-Remaining: 0", token.TooFast},
		{429, "", none, token.TooFast},
		{403, "", "Retry-After: 60", token.TooFast},
		{403, "Although you appear to have the correct authorization credentials, the `acme` organization has an IP allow list enabled, and " +
			"your IP address is not permitted to access this resource.", none, token.AddressRefused},
		{403, "Sorry. Your account was suspended.", none, token.Suspended},
		{403, "`acme` forbids access via a personal access token (classic). Please use a GitHub App, OAuth App, or a personal access token " +
			"with fine-grained permissions.", none, token.ClassicForbidden},
		{403, "The 'HHS ONC' enterprise forbids access via a fine-grained personal access tokens if the token's lifetime is greater than 366 " +
			"days.", none, token.LifetimeRefused},
		{403, "The 'acme' organization forbids access via a personal access token (classic) if the token's lifetime is greater than 90 days.",
			none, token.LifetimeRefused},
		{422, "Validation Failed", none, token.Invalid}, {400, "", none, token.Invalid},
		{410, "Issues has been disabled in this repository.", none, token.Disabled},
		{500, "", none, token.Trouble}, {418, "", none, token.Trouble},
	} {
		header := func(name string) string {
			if n, v, _ := strings.Cut(tt.header, ": "); strings.EqualFold(n, name) {
				return v
			}
			return ""
		}
		if got := token.Classify(tt.status, tt.message, header); got != tt.want {
			t.Errorf("%d %q %q: %s, want %s", tt.status, tt.message, tt.header, got, tt.want)
		}
	}
}

// TestSSOPage: the part of the address that lets its reader authorize the token
// is left out.
func TestSSOPage(t *testing.T) {
	for header, want := range map[string]string{
		"required; url=https://github.com/orgs/acme/sso?authorization_request=AZSCKL": "https://github.com/orgs/acme/sso",
		"partial-results; organizations=1,2":                                          "",
		"required; url=javascript:alert(1)":                                           "",
		"":                                                                            "",
	} {
		if got := token.SSOPage(header); got != want {
			t.Errorf("%q: %q", header, got)
		}
	}
}
