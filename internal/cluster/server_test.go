package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/goldfish-inc/fluxkeeper/internal/doctor/flux"
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/test/kubetest"
	"github.com/goldfish-inc/fluxkeeper/internal/test/sharedtest"
)

// TestServer reads from a real API server. The cluster grows from test to test:
// without Flux, with versions that only an old Flux has, with both.
func TestServer(t *testing.T) {
	s := kubetest.Start(t)
	s.Apply(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: flux-system}\n")
	manifest, err := os.ReadFile(filepath.Join("..", "..", "examples", "kubernetes", "doctor.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	s.Apply(t, string(manifest))
	least := s.As(t, namespace, "fluxkeeper-doctor")

	t.Run("without Flux", func(t *testing.T) { withoutFlux(t, least) })
	s.InstallFlux(t, "v1beta2")
	t.Run("only v1beta2", func(t *testing.T) { oldVersions(t, s, least) })
	s.InstallFlux(t, "v1beta2", "v1")
	for _, name := range controllers() {
		s.SetLog(t, namespace, name, "")
	}
	t.Run("examples", func(t *testing.T) {
		examples(t, func(t *testing.T, e example) []finding.Finding {
			if e.apis != nil {
				return finding.Together(flux.Examine(e.cluster(t), e.expect)).Findings // not for one cluster to have
			}
			return finding.Together(flux.Examine(ask(t, s, least, e).Cluster, e.expect)).Findings
		})
	})
	t.Run("healthy", func(t *testing.T) { healthy(t, s, least) })
	t.Run("recorded logs", func(t *testing.T) { recordedLogs(t, s, least) })
	t.Run("events", func(t *testing.T) { eventsOnly(t, s, least) })
	t.Run("no rights", func(t *testing.T) { noRights(t, s) })
	t.Run("which cluster", func(t *testing.T) { whichCluster(t, s, least) })
	t.Run("least rights", func(t *testing.T) { leastRights(t, least) })
	t.Run("other Secret", func(t *testing.T) { otherSecret(t, s, least) })
	t.Run("wrong token", func(t *testing.T) { wrongToken(t, least) })
}

func query() Query {
	return Query{Namespace: namespace, Repository: "acme/fleet", Since: since, Now: now}
}

// connect reads as whom a kubeconfig names.
func connect(t *testing.T, kubeconfig string) *Client {
	t.Helper()
	c, err := Connect(Options{Kubeconfig: kubeconfig, UserAgent: "fluxkeeper-test"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func readAll(t *testing.T, kubeconfig string) Reading {
	t.Helper()
	got, err := connect(t, kubeconfig).Read(t.Context(), query())
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// ask puts an example into the cluster, in place of the last one, and reads it.
func ask(t *testing.T, s *kubetest.Server, kubeconfig string, e example) Reading {
	t.Helper()
	s.Clear(t, namespace, "/v1/secrets", "/v1/events", "source.toolkit.fluxcd.io/v1/gitrepositories",
		"image.toolkit.fluxcd.io/v1/imageupdateautomations", "image.toolkit.fluxcd.io/v1/imagepolicies")
	for _, o := range e.objects {
		text, err := json.Marshal(o.DeepCopy().Object)
		if err != nil {
			t.Fatal(err)
		}
		s.Apply(t, string(text))
	}
	for _, name := range controllers() {
		s.SetLog(t, namespace, name, e.logs[name])
	}
	return readAll(t, kubeconfig)
}

func states(checks []finding.Check) map[string]finding.State {
	all := map[string]finding.State{}
	for _, c := range checks {
		all[c.Name] = c.State()
	}
	return all
}

func rules(findings []finding.Finding) (names []string) {
	for _, f := range findings {
		if !slices.Contains(names, f.Rule) {
			names = append(names, f.Rule)
		}
	}
	slices.Sort(names)
	return names
}

func withoutFlux(t *testing.T, least string) {
	got := readAll(t, least)
	found := finding.Together(flux.Examine(got.Cluster, flux.Expectation{Repository: "acme/fleet"})).Findings
	missing := 0
	for _, f := range found {
		if f.Rule == "cluster/api-missing" {
			missing++
		}
	}
	if missing != 3 {
		t.Errorf("findings are %+v", found)
	}
	if state := states(flux.Examine(got.Cluster, flux.Expectation{}))[flux.CheckFailures]; state != finding.Gap {
		t.Errorf("without controllers, events and logs are %s", state)
	}
}

func oldVersions(t *testing.T, s *kubetest.Server, least string) {
	e := read(t, &txtar.Archive{Files: []txtar.File{{Name: "expect.yaml", Data: []byte("repository: acme/fleet\n")}}})
	for _, o := range e.objects {
		if group := strings.TrimSuffix(o.GetAPIVersion(), "/v1"); strings.Contains(group, ".") {
			o.SetAPIVersion(group + "/v1beta2")
		}
		text, err := json.Marshal(o.Object)
		if err != nil {
			t.Fatal(err)
		}
		s.Apply(t, string(text))
	}
	got := readAll(t, least)
	if names := rules(finding.Together(flux.Examine(got.Cluster, e.expect)).Findings); !slices.Equal(names, []string{"cluster/api-old"}) {
		t.Errorf("rules are %q", names)
	}
	if len(got.Cluster.Repositories)+len(got.Cluster.Automations)+len(got.Cluster.Policies) != 3 {
		t.Errorf("objects are %+v", got.Cluster)
	}
}

func healthy(t *testing.T, s *kubetest.Server, least string) {
	e := read(t, &txtar.Archive{Files: []txtar.File{{Name: "expect.yaml",
		Data: []byte("repository: acme/fleet\ncopies: [{where: ESC, token: ghp_e1}]\n")}}})
	got := ask(t, s, least, e)
	for _, c := range flux.Examine(got.Cluster, e.expect) {
		if c.State() != finding.OK {
			t.Errorf("%s is %s: %+v", c.Name, c.State(), c)
		}
	}
	if got.Token.Reveal() != "ghp_e1" {
		t.Error("the token is not the Secret's")
	}
	if !slices.Contains(got.Cluster.Secrets[0].Managers, "kubetest") {
		t.Errorf("managers are %q", got.Cluster.Secrets[0].Managers)
	}
	text, err := json.Marshal(got)
	if err != nil || bytes.Contains(text, []byte("ghp_e1")) {
		t.Errorf("%v: the token is in what was read: %s", err, text)
	}
	counted := &counter{}
	config, err := clientcmd.BuildConfigFromFlags("", least)
	if err != nil {
		t.Fatal(err)
	}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { counted.next = next; return counted })
	countedClient, err := newClient(rest.CopyConfig(config))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := countedClient.Read(t.Context(), query()); err != nil {
		t.Fatal(err)
	}
	if counted.requests > 11 || counted.unsafe > 0 {
		t.Errorf("%d requests, %d of them not GET", counted.requests, counted.unsafe)
	}
}

// counter counts requests.
type counter struct {
	next             http.RoundTripper
	requests, unsafe int
}

func (c *counter) RoundTrip(r *http.Request) (*http.Response, error) {
	c.requests++
	if r.Method != http.MethodGet {
		c.unsafe++
	}
	return c.next.RoundTrip(r)
}

// recordedLogs puts what real controllers wrote behind the kubelet.
func recordedLogs(t *testing.T, s *kubetest.Server, least string) {
	text, err := os.ReadFile(sharedtest.Path(t, "flux-e2e", "logs", "image-automation-controller.json.log"))
	if err != nil {
		t.Fatal(err)
	}
	e := read(t, &txtar.Archive{})
	e.logs["image-automation-controller"] = string(text)
	got := ask(t, s, least, e)
	causes := map[string]int{}
	for _, f := range flux.Failures(got.Cluster) {
		causes[f.Object[strings.LastIndex(f.Object, "/")+1:]+" "+f.Cause.Name] += f.Attempts
	}
	want := map[string]int{
		"token-revoked token-rejected": 6, "token-other-repo repository-not-found": 11, "token-readonly write-denied": 8,
		"push-to-main protected-branch": 9, "push-to-main hook-declined": 6, "no-workflow-scope workflow-scope": 9,
		"no-workflow-scope hook-declined": 6, "no-secret secret-missing": 11, "git-down server-down": 7, "git-down source-missing": 13,
	}
	for name, n := range want {
		if causes[name] != n {
			t.Errorf("%s: %d failures, want %d", name, causes[name], n)
		}
	}
	if len(causes) != len(want) {
		t.Errorf("causes are %v", causes)
	}
	q := query()
	q.Since = time.Date(2026, 11, 22, 20, 28, 0, 0, time.UTC) // its last minute
	later, err := connect(t, least).Read(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if all, some := len(got.Cluster.Logs[0].Lines), len(later.Cluster.Logs[0].Lines); some == 0 || some >= all {
		t.Errorf("%d lines since the last minute, %d in all", some, all)
	}
}

// eventsOnly has a failure that no log tells of.
func eventsOnly(t *testing.T, s *kubetest.Server, least string) {
	e := read(t, &txtar.Archive{Files: []txtar.File{{Name: "expect.yaml", Data: []byte("repository: acme/fleet\n")}}})
	ask(t, s, least, e)
	event := func(name, kind, at string) string {
		return `apiVersion: v1
kind: Event
metadata: {name: ` + name + `, namespace: flux-system}
involvedObject: {apiVersion: image.toolkit.fluxcd.io/v1, kind: ImageUpdateAutomation, name: fleet, namespace: flux-system}
type: ` + kind + `
reason: GitOperationFailed
message: "failed to update source: failed to push to remote: command error on refs/heads/main: protected branch hook declined"
count: 7
firstTimestamp: "` + at + `"
lastTimestamp: "` + at + `"
`
	}
	s.Apply(t, event("fleet.1", "Warning", "2026-11-22T20:45:00Z"))
	s.Apply(t, event("fleet.2", "Warning", "2026-11-22T19:45:00Z")) // before the window
	s.Apply(t, event("fleet.3", "Normal", "2026-11-22T20:46:00Z"))
	got := readAll(t, least)
	if len(got.Cluster.Events) != 1 {
		t.Errorf("events are %+v", got.Cluster.Events)
	}
	if names := rules(finding.Together(flux.Examine(got.Cluster, e.expect)).Findings); !slices.Equal(names, []string{"cluster/push-refused"}) {
		t.Errorf("rules are %q", names)
	}
}

// noRights asks as a service account without any role: nothing is ok.
func noRights(t *testing.T, s *kubetest.Server) {
	s.Apply(t, "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: nobody, namespace: flux-system}\n")
	got := readAll(t, s.As(t, namespace, "nobody"))
	for name, state := range states(flux.Examine(got.Cluster, flux.Expectation{Repository: "acme/fleet"})) {
		if name != flux.CheckAPI && state == finding.OK {
			t.Errorf("without rights, %s is ok", name)
		}
	}
	if found := finding.Together(flux.Examine(got.Cluster, flux.Expectation{Repository: "acme/fleet"})).Findings; len(found) > 0 {
		t.Errorf("what could not be read was judged: %+v", found)
	}
	for _, u := range got.Cluster.Unread {
		if !strings.HasPrefix(u.Why, "no right to read it") {
			t.Errorf("%s: %s", u.What, u.Why)
		}
	}
}

// whichCluster: the cluster has one identity, whoever may read it; who may not is
// told so.
func whichCluster(t *testing.T, s *kubetest.Server, least string) {
	got, err := connect(t, least).ID(t.Context())
	same, adminErr := connect(t, s.Kubeconfig).ID(t.Context())
	if err != nil || adminErr != nil || len(got) != 36 || got != same {
		t.Errorf("%q, %v and %q, %v", got, err, same, adminErr)
	}
	if id, err := connect(t, s.As(t, namespace, "nobody")).ID(t.Context()); id != "" || err == nil ||
		!strings.Contains(err.Error(), "no right to read it") {
		t.Errorf("%q, %v", id, err)
	}
}

// leastRights tries what doctor's service account must not be able to do.
func leastRights(t *testing.T, least string) {
	c := connect(t, least)
	automations := schema.GroupVersionResource{Group: "image.toolkit.fluxcd.io", Version: "v1", Resource: "imageupdateautomations"}
	patch := []byte(`{"spec":{"suspend":true}}`)
	for name, try := range map[string]func() error{
		"list Secrets": func() error {
			_, err := c.core.Secrets(namespace).List(t.Context(), meta.ListOptions{})
			return err
		},
		"change the Secret": func() error {
			_, err := c.core.Secrets(namespace).Patch(t.Context(), "github-token", types.MergePatchType, []byte(`{"data":null}`),
				meta.PatchOptions{})
			return err
		},
		"read another namespace": func() error {
			_, err := c.core.Pods("default").List(t.Context(), meta.ListOptions{})
			return err
		},
		"read another namespace's object": func() error {
			_, err := c.core.Namespaces().Get(t.Context(), "default", meta.GetOptions{})
			return err
		},
		"list namespaces": func() error {
			_, err := c.core.Namespaces().List(t.Context(), meta.ListOptions{})
			return err
		},
		"list Secrets of kube-system": func() error {
			_, err := c.core.Secrets("kube-system").List(t.Context(), meta.ListOptions{})
			return err
		},
		"read a config map": func() error {
			_, err := c.core.ConfigMaps(namespace).List(t.Context(), meta.ListOptions{})
			return err
		},
		"delete a pod": func() error {
			return c.core.Pods(namespace).Delete(t.Context(), "source-controller-0", meta.DeleteOptions{})
		},
		"change an automation": func() error {
			_, err := c.dynamic.Resource(automations).Namespace(namespace).Patch(t.Context(), "fleet", types.MergePatchType, patch,
				meta.PatchOptions{})
			return err
		},
	} {
		if err := try(); !apierrors.IsForbidden(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// otherSecret has the GitRepository name a Secret that the role does not.
func otherSecret(t *testing.T, s *kubetest.Server, least string) {
	e := read(t, &txtar.Archive{Files: []txtar.File{{Name: "objects.yaml", Data: []byte(`apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: fleet, namespace: flux-system}
spec: {url: https://github.com/acme/fleet, interval: 5m, secretRef: {name: admin-password}}
`)}}})
	got := ask(t, s, least, e)
	of := states(flux.Examine(got.Cluster, flux.Expectation{Repository: "acme/fleet", Copies: []flux.Copy{{Where: "ESC", Fingerprint: "x"}}}))
	if of[flux.CheckSecret] != finding.Gap || of[flux.CheckToken] != finding.Gap || !got.Token.Empty() {
		t.Errorf("states are %v", of)
	}
}

// wrongToken asks with credentials that nobody issued.
func wrongToken(t *testing.T, least string) {
	text, err := os.ReadFile(least)
	if err != nil {
		t.Fatal(err)
	}
	before, _, _ := strings.Cut(string(text), "token: ")
	_, after, _ := strings.Cut(string(text), "}}]\ncontexts")
	bad := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(bad, []byte(before+"token: nobodys-token}}]\ncontexts"+after), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := connect(t, bad).Read(t.Context(), query()); err == nil || strings.Contains(err.Error(), "nobodys-token") {
		t.Errorf("error is %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := connect(t, least).Read(ctx, query()); err == nil {
		t.Error("a cancelled reading succeeded")
	}
}
