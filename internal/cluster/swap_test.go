package cluster

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/test/kubetest"
)

const tokenSecret = `apiVersion: v1
kind: Secret
metadata:
  name: github-token
  namespace: flux-system
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: '{"stringData":{"password":"first"}}'
stringData: {username: git, password: "first\n", other: kept}
`

// TestSwap replaces the token with the rights of examples/kubernetes/rotate.yaml.
func TestSwap(t *testing.T) {
	s := kubetest.Start(t)
	s.Apply(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: flux-system}\n")
	manifest, err := os.ReadFile(filepath.Join("..", "..", "examples", "kubernetes", "rotate.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	s.Apply(t, string(manifest)+"---\n"+tokenSecret+
		"---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: nobody, namespace: flux-system}\n")
	c := connect(t, s.As(t, namespace, "fluxkeeper-rotate"))
	read := func() Held {
		t.Helper()
		h, err := c.Token(t.Context(), namespace, "github-token")
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	refused := func(h Held, value, want string) {
		t.Helper()
		_, err := c.Swap(t.Context(), h, secret.New(value))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), value) {
			t.Errorf("%v, want %q", err, want)
		}
		if got := read().Token.Reveal(); got == value {
			t.Errorf("refused, and changed all the same")
		}
	}

	held := read()
	if held.Token.Reveal() != "first" || held.Key != "password" || held.Owned {
		t.Fatalf("%+v", held)
	}
	version, err := c.Swap(t.Context(), held, secret.New("second"))
	if err != nil || version == held.Version {
		t.Fatalf("version %s: %v", version, err)
	}
	after := read()
	if after.Token.Reveal() != "second" || string(after.object.Data["other"]) != "kept" || string(after.object.Data["username"]) != "git" {
		t.Error("something else than the token changed")
	}
	if describe(after.object).Applied {
		t.Error("the old token is still in the annotation of kubectl apply")
	}
	refused(held, "third-one", "changed it at the same time")

	s.Apply(t, strings.Replace(tokenSecret, "  annotations:", "  labels: {app.kubernetes.io/managed-by: pulumi}\n  annotations:", 1))
	refused(read(), "fourth-one", "Pulumi manages it")
	other := connect(t, s.As(t, namespace, "nobody"))
	if _, err := other.Token(t.Context(), namespace, "github-token"); err == nil || !strings.Contains(err.Error(), "no right") {
		t.Errorf("without rights: %v", err)
	}
	s.Clear(t, namespace, "/v1/secrets")
	s.Apply(t, "apiVersion: v1\nkind: Secret\nmetadata: {name: github-token, namespace: flux-system}\nstringData: {token: x}\n")
	if _, err := c.Token(t.Context(), namespace, "github-token"); err == nil || !strings.Contains(err.Error(), "without a token") {
		t.Errorf("a Secret that Flux reads nothing from: %v", err)
	}
	s.Clear(t, namespace, "/v1/secrets")
	s.Apply(t, "apiVersion: v1\nkind: Secret\nmetadata: {name: github-token, namespace: flux-system}\nimmutable: true\nstringData: "+
		"{bearerToken: x}\n")
	refused(read(), "fifth-one", "immutable")
}

// TestCopyRefusesWhatIsNotFluxs: a Secret of another program is neither hashed nor
// offered for a swap.
func TestCopyRefusesWhatIsNotFluxs(t *testing.T) {
	s := kubetest.Start(t)
	s.Apply(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: flux-system}\n")
	s.InstallFlux(t)
	const secrets = `apiVersion: v1
kind: Secret
metadata: {name: database, namespace: flux-system}
stringData: {username: app, password: correct horse battery}
---
apiVersion: v1
kind: Secret
metadata: {name: unused, namespace: flux-system}
stringData: {username: git, password: ghp_e1}
---
`
	healthy, err := os.ReadFile(filepath.Join("testdata", "healthy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	s.Apply(t, secrets+string(healthy))
	c := connect(t, s.Kubeconfig)
	for name, want := range map[string]string{
		"database": "it holds no token of GitHub", "unused": "no GitRepository in flux-system refers to this Secret", "github-token": "",
	} {
		p, err := c.Copy(t.Context(), namespace, name)
		switch {
		case want == "" && (err != nil || p.Store == nil || p.Worked == nil):
			t.Errorf("%s: %v, %+v", name, err, p.Place)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || p.Store != nil):
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}
