package cluster

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/goldfish-inc/fluxkeeper/internal/doctor/flux"
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/test/kubetest"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
)

const namespace = "flux-system"

// window is the hour that the examples are about.
var (
	since = time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)
	now   = since.Add(time.Hour)
)

// example is one half of a rule's examples: what the cluster holds, and what is
// expected of it.
type example struct {
	objects []*unstructured.Unstructured
	apis    map[string][]string // nil: all kinds as v1
	logs    map[string]string   // by controller
	expect  flux.Expectation
}

// read takes an example apart: objects.yaml replaces the healthy cluster's
// objects of the same kind and name, and absent.txt takes some away.
func read(t *testing.T, archive *txtar.Archive) example {
	t.Helper()
	healthy, err := os.ReadFile(filepath.Join("testdata", "healthy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	e := example{objects: kubetest.Objects(t, string(healthy)), logs: map[string]string{}}
	rules := policy.Default()
	for _, file := range archive.Files {
		switch {
		case file.Name == "objects.yaml":
			for _, o := range kubetest.Objects(t, string(file.Data)) {
				e.remove(o.GetKind() + "/" + o.GetName())
				e.objects = append(e.objects, o)
			}
		case file.Name == "absent.txt":
			e.remove(strings.TrimSpace(string(file.Data)))
		case file.Name == "apis.yaml":
			err = yaml.UnmarshalStrict(file.Data, &e.apis)
		case file.Name == "policy.yaml":
			rules, err = policy.Parse(file.Name, file.Data)
		case file.Name == "expect.yaml":
			err = e.expected(file.Data)
		case path.Ext(file.Name) == ".log":
			e.logs[strings.TrimSuffix(file.Name, ".log")] = string(file.Data)
		default:
			err = fmt.Errorf("%s is no part of an example", file.Name)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	e.expect.Policy = &rules
	return e
}

func (e *example) remove(name string) {
	kept := e.objects[:0]
	for _, o := range e.objects {
		if o.GetKind()+"/"+o.GetName() != name {
			kept = append(kept, o)
		}
	}
	e.objects = kept
}

func (e *example) expected(text []byte) error {
	var file struct {
		Repository string
		Copies     []struct{ Where, Token string }
	}
	if err := yaml.UnmarshalStrict(text, &file); err != nil {
		return err
	}
	e.expect.Repository = file.Repository
	for _, c := range file.Copies {
		e.expect.Copies = append(e.expect.Copies, flux.Copy{Where: c.Where, Fingerprint: token.Fingerprint(secret.New(c.Token))})
	}
	return nil
}

// cluster is what reading the example's objects gives, without a server.
func (e *example) cluster(t *testing.T) flux.Cluster {
	t.Helper()
	r := &reader{query: Query{Namespace: namespace, Repository: e.expect.Repository, Since: since, Now: now}}
	r.cluster = flux.Cluster{Namespace: namespace, Since: since, Read: now}
	for _, k := range wanted() {
		api := flux.API{Kind: k.kind, Served: []string{"v1"}}
		if served, ok := e.apis[k.kind]; ok {
			api.Served = served
		}
		r.cluster.APIs = append(r.cluster.APIs, api)
		for _, o := range e.objects {
			if o.GetKind() == k.kind && len(api.Served) > 0 {
				r.take(k, o)
			}
		}
	}
	found := false
	for _, o := range e.objects {
		if o.GetKind() == "Secret" {
			s := &core.Secret{}
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, s); err != nil {
				t.Fatal(err)
			}
			s.Data = map[string][]byte{}
			for k, v := range s.StringData {
				s.Data[k] = []byte(v)
			}
			r.cluster.Secrets, found = append(r.cluster.Secrets, describe(s)), true
		}
	}
	if !found {
		r.cluster.Secrets = []flux.Secret{{Namespace: namespace, Name: "github-token", Missing: true}}
	}
	for _, name := range controllers() {
		log := flux.Log{Controller: name}
		if err := readLines(&log, strings.NewReader(e.logs[name])); err != nil {
			t.Fatal(err)
		}
		r.cluster.Logs = append(r.cluster.Logs, log)
	}
	return r.cluster
}

// examples runs a function on both halves of every rule of the family.
func examples(t *testing.T, run func(t *testing.T, e example) []finding.Finding) {
	ran := 0
	for _, rule := range finding.Catalogue() {
		if rule.Family() != "cluster" {
			continue
		}
		ran++
		t.Run(rule.Name, func(t *testing.T) {
			refused, allowed := read(t, rule.Refused), read(t, rule.Allowed)
			found := false
			for _, f := range run(t, refused) {
				found = found || f.Rule == rule.Name && f.Severity == rule.Severity && f.Message != "" && f.Hint != ""
			}
			if !found {
				t.Errorf("the refused example has no such finding: %+v", run(t, refused))
			}
			if got := run(t, allowed); len(got) > 0 {
				t.Errorf("the allowed example has findings: %+v", got)
			}
		})
	}
	if ran < 30 {
		t.Errorf("only %d rules", ran)
	}
}

// TestExamples runs what docs/rules.md shows of the family cluster: each rule's
// refused example must be reported by the rule, with the rule's severity, and
// its allowed example must have no finding at all.
func TestExamples(t *testing.T) {
	examples(t, func(t *testing.T, e example) []finding.Finding {
		return finding.Together(flux.Examine(e.cluster(t), e.expect)).Findings
	})
}

// TestHealthy holds the healthy cluster against every check: all are made, and
// all are well.
func TestHealthy(t *testing.T) {
	e := read(t, &txtar.Archive{Files: []txtar.File{{Name: "expect.yaml",
		Data: []byte("repository: acme/fleet\ncopies: [{where: ESC, token: ghp_e1}]\n")}}})
	checks := flux.Examine(e.cluster(t), e.expect)
	if len(checks) != 9 {
		t.Errorf("%d checks", len(checks))
	}
	for _, c := range checks {
		if c.State() != finding.OK || len(c.Evidence) == 0 {
			t.Errorf("%s is %s: %+v", c.Name, c.State(), c)
		}
	}
}
