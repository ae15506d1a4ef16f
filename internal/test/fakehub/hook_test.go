package fakehub_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
)

// app signs JWTs as an app does, with nothing but the standard library.
type app struct {
	t   testing.TB
	key *rsa.PrivateKey
}

const appID = 4242

func (w *world) newApp() app {
	w.t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		w.t.Fatal(err)
	}
	w.SetApp(fakehub.App{ID: appID, Key: &key.PublicKey})
	return app{w.t, key}
}

func (a app) jwt(change func(head, claims map[string]any)) string {
	a.t.Helper()
	now := time.Now().Unix()
	head, claims := map[string]any{"alg": "RS256", "typ": "JWT"}, map[string]any{"iss": appID, "iat": now - 60, "exp": now + 540}
	if change != nil {
		change(head, claims)
	}
	write := func(v any) string {
		data, err := json.Marshal(v)
		if err != nil {
			a.t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(data)
	}
	text := write(head) + "." + write(claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, a.key, crypto.SHA256, sum[:])
	if err != nil {
		a.t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func TestJWTsAreChecked(t *testing.T) {
	w := newWorld(t, fakehub.Options{})
	good := w.newApp()
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Unix()
	for what, test := range map[string]struct {
		token string
		code  int
		path  string
	}{
		"right":             {good.jwt(nil), 200, "/app"},
		"a text as issuer":  {good.jwt(func(_, c map[string]any) { c["iss"] = fmt.Sprint(appID) }), 200, "/app"},
		"another key":       {app{t, other}.jwt(nil), 401, "/app"},
		"another algorithm": {good.jwt(func(h, _ map[string]any) { h["alg"] = "none" }), 401, "/app"},
		"another app":       {good.jwt(func(_, c map[string]any) { c["iss"] = 7 }), 401, "/app"},
		"lives too long":    {good.jwt(func(_, c map[string]any) { c["exp"] = now + 3600 }), 401, "/app"},
		"expired":           {good.jwt(func(_, c map[string]any) { c["exp"] = now - 1 }), 401, "/app"},
		"not yet":           {good.jwt(func(_, c map[string]any) { c["iat"] = now + 300 }), 401, "/app"},
		"no app's token":    {fakehub.Token, 401, "/app"},
		"elsewhere":         {good.jwt(nil), 401, "/repos/goldfish-inc/oceanid/pulls"},
	} {
		if code, body := w.send("GET", test.path, "", "Authorization", "Bearer "+test.token); code != test.code {
			t.Errorf("%s: %d %s, want %d", what, code, body, test.code)
		}
	}
}

// arrival is a delivery as it came in.
type arrival struct{ guid, event, hook, target, body string }

// receiver takes deliveries that are rightly signed.
func receiver(t *testing.T, secret string) (url string, arrivals <-chan arrival) {
	t.Helper()
	got := make(chan arrival, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		if err != nil || r.Header.Get("X-Hub-Signature-256") != "sha256="+hex.EncodeToString(mac.Sum(nil)) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		h := r.Header.Get
		got <- arrival{h("X-GitHub-Delivery"), h("X-GitHub-Event"), h("X-GitHub-Hook-ID"),
			h("X-GitHub-Hook-Installation-Target-Type") + "/" + h("X-GitHub-Hook-Installation-Target-ID"), string(body)}
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(server.Close)
	return server.URL, got
}

func take(t *testing.T, arrivals <-chan arrival) arrival {
	t.Helper()
	select {
	case a := <-arrivals:
		return a
	default:
		t.Fatal("nothing arrived")
		return arrival{}
	}
}

const hooks = "/repos/goldfish-inc/oceanid/hooks/"

// listed asks for all pages of a hook's deliveries.
func (w *world) listed(address string) (all []map[string]any, pages int) {
	w.t.Helper()
	for address != "" {
		request, err := http.NewRequest("GET", address, nil)
		if err != nil {
			w.t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer github_pat_admin")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			w.t.Fatal(err)
		}
		var list []map[string]any
		err = json.NewDecoder(response.Body).Decode(&list)
		_ = response.Body.Close()
		if err != nil {
			w.t.Fatal(err)
		}
		all, pages = append(all, list...), pages+1
		address, _, _ = strings.Cut(strings.TrimPrefix(response.Header.Get("Link"), "<"), ">")
	}
	return all, pages
}

func newAdmin(t *testing.T, now func() time.Time) *world {
	w := newWorld(t, fakehub.Options{Now: now})
	w.AddToken("github_pat_admin",
		fakehub.Grant{Kind: fakehub.FineGrained, Account: "ann", Permissions: map[string]string{"repository_hooks": "write"}})
	return w
}

func TestDeliveriesArriveOrAreLost(t *testing.T) {
	var clock atomic.Int64
	clock.Store(time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC).Unix())
	w := newAdmin(t, func() time.Time { return time.Unix(clock.Load(), 0) })
	url, arrivals := receiver(t, leaktest.Secret)
	id := w.AddHook(fakehub.Hook{ID: 77, On: full, URL: url, Secret: leaktest.Secret})
	emit := func(f fakehub.Fate) string {
		return w.Emit(fakehub.Event{Name: "push", Repo: full, Body: []byte(`{"ref":"refs/heads/main"}`)}, f)
	}
	want := arrival{emit(fakehub.Fate{}), "push", "77", "repository/1234", `{"ref":"refs/heads/main"}`}
	if diff := cmp.Diff(want, take(t, arrivals), cmp.AllowUnexported(arrival{})); diff != "" {
		t.Error(diff)
	}
	lost := emit(fakehub.Fate{Lost: fakehub.TimedOut, Again: 1})
	emit(fakehub.Fate{Swallowed: true})
	late := emit(fakehub.Fate{Throttled: time.Minute})
	refused := emit(fakehub.Fate{Lost: fakehub.BadPeer, Refused: 422})
	if len(arrivals) != 0 {
		t.Error("a lost delivery arrived")
	}
	clock.Add(60)
	w.Deliver()
	if got := take(t, arrivals); got.guid != late {
		t.Errorf("%s arrived late, want %s", got.guid, late)
	}
	attempt := func(guid string) string {
		list, _ := w.listed(w.URL + hooks + "77/deliveries")
		i := slices.IndexFunc(list, func(one map[string]any) bool { return one["guid"] == guid })
		return fmt.Sprintf("%s%d/deliveries/%.0f/attempts", hooks, id, list[i]["id"])
	}
	for range 2 { // the first is lost as well
		if code, body := w.send("POST", attempt(lost), "", "Authorization", "Bearer github_pat_admin"); code != 202 {
			t.Errorf("redelivery: %d %s", code, body)
		}
		clock.Add(1)
	}
	w.Deliver() // waits for what is on its way
	if got := take(t, arrivals); got.guid != lost {
		t.Errorf("%s arrived, want %s", got.guid, lost)
	}
	if code, _ := w.send("POST", attempt(refused), "", "Authorization", "Bearer github_pat_admin"); code != 422 {
		t.Errorf("redelivery that is refused: %d", code)
	}
	var got []string
	list, _ := w.listed(w.URL + hooks + "77/deliveries")
	for _, one := range list {
		got = append(got, fmt.Sprint(one["status"], " ", one["status_code"], " ", one["redelivery"], " ", one["throttled_at"]))
	}
	if diff := cmp.Diff([]string{
		"OK 202 true <nil>", "timed out 0 true <nil>", "OK 202 false 2026-11-01T08:00:00Z",
		fakehub.BadPeer + " 0 false <nil>", "OK 200 false <nil>", "timed out 0 false <nil>", "OK 202 false <nil>",
	}, got); diff != "" {
		t.Error(diff)
	}
}

func TestDeliveriesAreListedOnPagesForThreeDays(t *testing.T) {
	now := time.Date(2026, 11, 10, 8, 0, 0, 0, time.UTC)
	w := newAdmin(t, func() time.Time { return now })
	w.AddHook(fakehub.Hook{ID: 77, On: full, Created: now.AddDate(0, -1, 0)})
	for i := range 250 { // one in every half hour: 144 in three days
		w.Emit(fakehub.Event{Name: "push", Repo: full, Body: []byte("{}"), Time: now.Add(-time.Duration(i) * 30 * time.Minute)},
			fakehub.Fate{Swallowed: i%2 == 0})
	}
	list, pages := w.listed(w.URL + hooks + "77/deliveries?per_page=50")
	if len(list) != 144 || pages != 3 {
		t.Errorf("%d deliveries on %d pages, want 144 on 3", len(list), pages)
	}
	if !slices.IsSortedFunc(list, func(a, b map[string]any) int {
		return strings.Compare(b["delivered_at"].(string), a["delivered_at"].(string))
	}) {
		t.Error("the latest are not first")
	}
	if list, _ := w.listed(w.URL + hooks + "77/deliveries?status=failure"); len(list) != 0 {
		t.Errorf("%d failures, although none got an answer", len(list))
	}
	for path, want := range map[string]int{hooks + "78/deliveries": 404, hooks + "77/deliveries/1": 404, hooks + "77/deliveries?cursor=x": 400,
		"/orgs/nobody/hooks": 403} {
		if code, body := w.send("GET", path, "", "Authorization", "Bearer github_pat_admin"); code != want {
			t.Errorf("%s: %d %s, want %d", path, code, body, want)
		}
	}
}

func TestHooksAreForAdministrators(t *testing.T) {
	w := newWorld(t, fakehub.Options{})
	w.AddHook(fakehub.Hook{ID: 77, On: full})
	w.AddHook(fakehub.Hook{ID: 78, On: "goldfish-inc"})
	w.Emit(fakehub.Event{Name: "push", Repo: full, Body: []byte("{}")}, fakehub.Fate{})
	list := func(token, path string) int {
		code, _ := w.send("GET", path, "", "Authorization", "Bearer "+token)
		return code
	}
	const repo, org = "/repos/goldfish-inc/oceanid/hooks", "/orgs/goldfish-inc/hooks"
	for name, test := range map[string]struct {
		grant     fakehub.Grant
		repo, org int
	}{
		"github_pat_fluxs": {fakehub.Grant{Kind: fakehub.FineGrained,
			Permissions: map[string]string{"contents": "write", "pull_requests": "write"}}, 403, 403},
		"github_pat_reads": {fakehub.Grant{Kind: fakehub.FineGrained, Permissions: map[string]string{"repository_hooks": "read"}}, 200, 403},
		"github_pat_member": {fakehub.Grant{Kind: fakehub.FineGrained, Member: true, Permissions: map[string]string{"repository_hooks": "read"}},
			404, 404},
		"ghp_classic": {fakehub.Grant{Kind: fakehub.Classic, Scopes: []string{"read:repo_hook"}}, 200, 404},
		"ghp_orgs":    {fakehub.Grant{Kind: fakehub.Classic, Scopes: []string{"admin:org_hook"}}, 404, 200},
	} {
		test.grant.Account = "ann"
		w.AddToken(name, test.grant)
		if got := list(name, repo); got != test.repo {
			t.Errorf("%s: hooks of the repository: %d, want %d", name, got, test.repo)
		}
		if got := list(name, org); got != test.org {
			t.Errorf("%s: hooks of the organization: %d, want %d", name, got, test.org)
		}
	}
}
