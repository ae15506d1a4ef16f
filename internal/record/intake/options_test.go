package intake_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-github/v66/github"

	"github.com/goldfish-inc/fluxkeeper/internal/record/intake"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
)

func TestNewRefuses(t *testing.T) {
	good := secrets(t, key)
	for want, o := range map[string]intake.Options{
		"there is no ledger":         {Secrets: good},
		"openssl rand -hex 32":       {Ledger: void{}},
		"there is no webhook secret": {Ledger: void{}, Secrets: new(intake.Secrets)},
		"allow 119837280 or more":    {Ledger: void{}, Secrets: good, Budget: 64 << 20},
		"at least 1 byte":            {Ledger: void{}, Secrets: good, MaxBody: -1},
		"hook id 0":                  {Ledger: void{}, Secrets: good, Allow: intake.Allow{Hooks: []int64{0}}},
		`target "goldfish-inc/x"`:    {Ledger: void{}, Secrets: good, Allow: intake.Allow{Targets: []string{"goldfish-inc/x"}}},
		"network 0.0.0.0/0": {Ledger: void{}, Secrets: good,
			Allow: intake.Allow{Proxies: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}}},
	} {
		if _, err := intake.New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New: %v, want %q", err, want)
		}
	}
	if _, err := intake.New(intake.Options{Ledger: void{}, Secrets: good, Budget: 119837280}); err != nil {
		t.Errorf("the budget of the hint: %v", err)
	}
}

func TestSecretsRefuses(t *testing.T) {
	many := make([]secret.Secret, 33)
	for i := range many {
		many[i] = secret.New(key)
	}
	kept := &memory{}
	live := secrets(t, key)
	h := handler(t, intake.Options{Ledger: kept, Secrets: live})
	for name, all := range map[string][]secret.Secret{
		"none": {}, "empty": {{}}, "one empty": {secret.New(key), secret.New("")}, "short": {secret.New("fifteen bytes!!")}, "many": many,
	} {
		if s, err := intake.NewSecrets(all...); err == nil {
			t.Errorf("%s: NewSecrets takes it: %v", name, s)
		} else if strings.Contains(err.Error(), "fifteen") {
			t.Errorf("%s: the error shows a secret: %v", name, err)
		}
		if err := live.Set(all...); err == nil {
			t.Errorf("%s: Set takes it", name)
		}
	}
	if status, text := answer(h, delivery("x", anyGUID, []byte("{}"))); status != 202 {
		t.Errorf("the secrets before a refused Set: answer %d %s", status, text)
	}
}

// TestRotation changes the secret as it is done: both live, then the new one
// alone, under load all the while.
func TestRotation(t *testing.T) {
	live := secrets(t, key)
	kept := &memory{}
	h := handler(t, intake.Options{Ledger: kept, Secrets: live})
	// 0: the old secret; 1: both; 2: the old one is about to go; 3: it is gone.
	var stage, falseNo, falseYes atomic.Int64
	var senders sync.WaitGroup
	stop := make(chan struct{})
	var sent atomic.Int64
	for worker := range 8 {
		senders.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				with, since, until := key, int64(0), int64(1)
				if i%2 == 1 {
					with, since, until = otherKey, 1, 3
				}
				body := fmt.Appendf(nil, "%d-%d", worker, i)
				r := delivery("x", fmt.Sprint("g-", worker, "-", i), body)
				r.Header.Set("X-Hub-Signature-256", sign(with, body))
				before := stage.Load()
				status, _ := answer(h, r)
				after := stage.Load()
				sent.Add(1)
				if status != 202 && before >= since && after <= until {
					falseNo.Add(1)
				}
				if status == 202 && with == key && before == 3 {
					falseYes.Add(1)
				}
			}
		})
	}
	reach := func(n int64) {
		for target := sent.Load() + n; sent.Load() < target; {
			answer(h, delivery("x", "reach", []byte("{}")))
		}
	}
	reach(500)
	if err := live.Set(secret.New(key), secret.New(otherKey)); err != nil {
		t.Error(err)
	}
	stage.Store(1)
	reach(500)
	stage.Store(2)
	if err := live.Set(secret.New(otherKey)); err != nil {
		t.Error(err)
	}
	old := delivery("x", "old", []byte("{}"))
	if status, _ := answer(h, old); status != 401 {
		t.Errorf("a removed secret: answer %d", status)
	}
	stage.Store(3)
	reach(500)
	close(stop)
	senders.Wait()
	if falseNo.Load() != 0 {
		t.Errorf("%d of %d refused although their secret was live", falseNo.Load(), sent.Load())
	}
	if falseYes.Load() != 0 {
		t.Errorf("%d of %d taken although their secret was gone", falseYes.Load(), sent.Load())
	}
}

func TestAllow(t *testing.T) {
	networks := func(all ...string) func() []netip.Prefix {
		var out []netip.Prefix
		for _, one := range all {
			out = append(out, netip.MustParsePrefix(one))
		}
		return func() []netip.Prefix { return out }
	}
	proxies := networks("10.0.0.0/8", "::1/128")()
	github := networks("192.30.252.0/22", "2a0a:a440::/29")
	cases := []struct {
		name    string
		allow   intake.Allow
		peer    string
		forward []string
		want    int
	}{
		{"the hook", intake.Allow{Hooks: []int64{7, 292430182}}, "", nil, 202},
		{"another hook", intake.Allow{Hooks: []int64{7}}, "", nil, 403},
		{"the repository", intake.Allow{Targets: []string{"repository/79929171"}}, "", nil, 202},
		{"an organization of that id", intake.Allow{Targets: []string{"organization/79929171"}}, "", nil, 403},
		{"GitHub", intake.Allow{Networks: github}, "192.30.252.1:443", nil, 202},
		{"GitHub, IPv6", intake.Allow{Networks: github}, "[2a0a:a440::1]:443", nil, 202},
		{"GitHub, IPv4 in IPv6", intake.Allow{Networks: github}, "[::ffff:192.30.252.1]:443", nil, 202},
		{"somebody", intake.Allow{Networks: github}, "203.0.113.1:443", nil, 403},
		{"no address", intake.Allow{Networks: github}, "@", nil, 403},
		{"nobody may", intake.Allow{Networks: networks()}, "192.30.252.1:443", nil, 403},
		{"somebody says GitHub", intake.Allow{Networks: github, Proxies: proxies}, "203.0.113.1:443", []string{"192.30.252.1"}, 403},
		{"no proxy is known", intake.Allow{Networks: github}, "10.0.0.1:1", []string{"192.30.252.1"}, 403},
		{"proxy says GitHub", intake.Allow{Networks: github, Proxies: proxies}, "10.0.0.1:1", []string{"192.30.252.1"}, 202},
		{"proxy says GitHub and port", intake.Allow{Networks: github, Proxies: proxies}, "[::1]:1", []string{"192.30.252.1:4711"}, 202},
		{"two proxies", intake.Allow{Networks: github, Proxies: proxies}, "10.0.0.1:1", []string{"192.30.252.1, 10.9.9.9"}, 202},
		{"two proxies, two headers", intake.Allow{Networks: github, Proxies: proxies}, "10.0.0.1:1", []string{"192.30.252.1", "10.9.9.9"}, 202},
		{"client forges GitHub", intake.Allow{Networks: github, Proxies: proxies}, "10.0.0.1:1", []string{"192.30.252.1, 203.0.113.1"}, 403},
		{"client forges in a header", intake.Allow{Networks: github, Proxies: proxies}, "10.0.0.1:1", []string{"192.30.252.1", "203.0.113.1"},
			403},
		{"client forges a proxy", intake.Allow{Networks: github, Proxies: proxies}, "10.0.0.1:1", []string{"192.30.252.1, 203.0.113.1, 10.0.0.2"},
			403},
		{"nonsense behind GitHub", intake.Allow{Networks: github, Proxies: proxies}, "10.0.0.1:1", []string{"192.30.252.1, unknown"}, 403},
		{"empty hop", intake.Allow{Networks: github, Proxies: proxies}, "10.0.0.1:1", []string{"192.30.252.1,"}, 403},
		{"proxy says nothing", intake.Allow{Networks: github, Proxies: proxies}, "10.0.0.1:1", nil, 403},
		{"proxy itself is allowed", intake.Allow{Networks: networks("10.0.0.0/8"), Proxies: proxies}, "10.0.0.1:1", nil, 202},
		{"zone", intake.Allow{Networks: networks("fe80::/10")}, "[fe80::1%eth0]:1", nil, 403},
	}
	for _, c := range cases {
		kept := &memory{}
		r := delivery("x", anyGUID, []byte("{}"))
		if c.peer != "" {
			r.RemoteAddr = c.peer
		}
		for _, f := range c.forward {
			r.Header.Add("X-Forwarded-For", f)
		}
		status, text := answer(handler(t, intake.Options{Ledger: kept, Allow: c.allow}), r)
		if status != c.want || (kept.count() == 1) != (c.want == 202) {
			t.Errorf("%s: answer %d %s", c.name, status, text)
		}
	}
	hookless := delivery("x", anyGUID, []byte("{}"))
	hookless.Header.Del("X-GitHub-Hook-ID")
	if status, _ := answer(handler(t, intake.Options{Ledger: &memory{}, Allow: intake.Allow{Hooks: []int64{7}}}), hookless); status != 403 {
		t.Errorf("no hook where some are listed: answer %d", status)
	}
}

// TestHolesOfTheLibrary shows what go-github's own check lets through, beside
// ours: why it is not used.
func TestHolesOfTheLibrary(t *testing.T) {
	body := []byte(`{"a":1}`)
	form := []byte("payload=%7B%22a%22%3A1%7D&payload=%7B%22evil%22%3A1%7D")
	huge := bytes.Repeat([]byte("a"), 26<<20)
	cases := map[string]struct {
		body   []byte
		key    string
		header map[string]string
		ours   int
	}{
		"SHA-1 where SHA-256 is missing": {body, key,
			map[string]string{"X-Hub-Signature-256": "", "X-Hub-Signature": "sha1=" + sha1HMAC(key, string(body))}, 401},
		"SHA-1 in SHA-256's header":         {body, key, map[string]string{"X-Hub-Signature-256": "sha1=" + sha1HMAC(key, string(body))}, 401},
		"unsigned where there is no secret": {body, "", map[string]string{"X-Hub-Signature-256": "", "X-Hub-Signature": ""}, 401},
		"no limit":                          {huge, key, nil, 413},
		"a form is read":                    {form, key, map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, 415},
		"upper case": {body, key,
			map[string]string{"X-Hub-Signature-256": "sha256=" + strings.ToUpper(sign(key, body)[7:])}, 401},
	}
	for name, c := range cases {
		make := func() *http.Request {
			r := delivery("x", anyGUID, c.body)
			for header, value := range c.header {
				r.Header.Set(header, value)
				if value == "" {
					r.Header.Del(header)
				}
			}
			return r
		}
		if _, err := github.ValidatePayload(make(), []byte(c.key)); err != nil {
			t.Errorf("%s: the library refuses it by now: %v", name, err)
		}
		kept := &memory{}
		if status, text := answer(handler(t, intake.Options{Ledger: kept}), make()); status != c.ours || kept.count() != 0 {
			t.Errorf("%s: answer %d %s, %d kept", name, status, text, kept.count())
		}
	}
	// A form is read before the check: what the library reports of an unsigned
	// form is the form's fault, not the missing signature.
	r := delivery("x", anyGUID, []byte("payload=%ZZ"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Del("X-Hub-Signature-256")
	r.Header.Del("X-Hub-Signature")
	if _, err := github.ValidatePayload(r, []byte(key)); err == nil || !strings.Contains(err.Error(), "URL escape") {
		t.Errorf("the library on an unsigned broken form: %v", err)
	}
}

// TestBoundSecrets: a secret that is bound is good for its hook or target, and for no other.
func TestBoundSecrets(t *testing.T) {
	for bound, want := range map[string]int{
		"": 202, "hook/292430182": 202, "repository/79929171": 202, "hook/292430183": 401, "repository/7": 401, "organization/79929171": 401,
	} {
		h := handler(t, intake.Options{Ledger: &memory{}, Secrets: secrets(t, key), Bound: []string{bound}})
		if status, text := answer(h, delivery("x", anyGUID, []byte("{}"))); status != want {
			t.Errorf("bound to %q: %d %s", bound, status, text)
		}
	}
}
