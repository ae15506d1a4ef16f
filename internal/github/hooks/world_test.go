package hooks_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/github/hooks"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
	"github.com/goldfish-inc/fluxkeeper/internal/test/hubtest"
)

const (
	adminToken = "github_pat_admin"
	appID      = 4242
	hookID     = 400_000_077

	fleet = hubtest.Fleet
)

// world is a hub with webhooks.
type world struct{ *hubtest.World }

var (
	noon      = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	monthAgo  = noon.AddDate(0, -1, 0)
	repoScope = hooks.Scope{Kind: hooks.RepositoryScope, Owner: fleet}
	orgScope  = hooks.Scope{Kind: hooks.OrganizationScope, Owner: "acme"}
	appScope  = hooks.Scope{Kind: hooks.AppScope}
)

// hookWorld is a hub at noon with a token that may administer webhooks.
func hookWorld(t testing.TB, now func() time.Time) *world {
	if now == nil {
		now = func() time.Time { return noon }
	}
	w := &world{hubtest.NewRepo(t)}
	w.Commit("start", "README.md", "hello\n")
	w.Serve(func(o *fakehub.Options) { o.Now = now })
	w.AddToken(adminToken, fakehub.Grant{Kind: fakehub.FineGrained, Account: "ann", Permissions: map[string]string{
		"repository_hooks": "write", "organization_hooks": "write", "contents": "read",
	}})
	return w
}

func (w *world) webhooks(token string, app github.App) *hooks.Client {
	w.T.Helper()
	c, err := hooks.New(github.Options{FirstWait: time.Millisecond, Token: secret.New(token), APIURL: w.URL, Budget: 20 * time.Second}, app)
	if err != nil {
		w.T.Fatal(err)
	}
	return c
}

// newApp puts an app on the hub, with a key in either of the two PEM forms.
func (w *world) newApp(pkcs8 bool) github.App {
	w.T.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		w.T.Fatal(err)
	}
	w.SetApp(fakehub.App{ID: appID, Slug: "keeper", Key: &key.PublicKey})
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	if pkcs8 {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			w.T.Fatal(err)
		}
		block = &pem.Block{Type: "PRIVATE KEY", Bytes: der}
	}
	return github.App{ID: appID, Key: secret.New(string(pem.EncodeToMemory(block)))}
}
