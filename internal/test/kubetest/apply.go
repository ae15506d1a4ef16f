package kubetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	authentication "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
)

// manager is what fields that a test sets are said to be managed by.
const manager = "kubetest"

// Objects reads YAML documents.
func Objects(t testing.TB, text string) []*unstructured.Unstructured {
	t.Helper()
	var all []*unstructured.Unstructured
	for documents := yaml.NewYAMLOrJSONDecoder(bytes.NewReader([]byte(text)), 4096); ; {
		o := &unstructured.Unstructured{}
		err := documents.Decode(&o.Object)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(o.Object) > 0 {
			all = append(all, o)
		}
	}
}

// Apply brings YAML documents into the cluster, their status included.
func (s *Server) Apply(t testing.TB, text string) {
	t.Helper()
	for _, o := range Objects(t, text) {
		status, hasStatus := o.Object["status"]
		delete(o.Object, "status")
		to := s.resource(o)
		if _, err := to.Apply(t.Context(), o.GetName(), o, meta.ApplyOptions{FieldManager: manager, Force: true}); err != nil {
			t.Fatalf("apply %s %s: %v", o.GetKind(), o.GetName(), err)
		}
		if !hasStatus {
			continue
		}
		withStatus := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": o.GetAPIVersion(), "kind": o.GetKind(), "metadata": map[string]any{"name": o.GetName()}, "status": status,
		}}
		withStatus.SetNamespace(o.GetNamespace())
		if _, err := to.ApplyStatus(t.Context(), o.GetName(), withStatus, meta.ApplyOptions{FieldManager: manager, Force: true}); err != nil {
			t.Fatalf("apply status of %s %s: %v", o.GetKind(), o.GetName(), err)
		}
	}
}

// DryRun has the server check YAML documents without keeping them, with every
// unknown field refused, and returns its complaints.
func (s *Server) DryRun(t testing.TB, text string) (complaints []error) {
	t.Helper()
	for _, o := range Objects(t, text) {
		_, err := s.resource(o).Create(t.Context(), o,
			meta.CreateOptions{DryRun: []string{meta.DryRunAll}, FieldValidation: meta.FieldValidationStrict, FieldManager: manager})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			complaints = append(complaints, fmt.Errorf("%s %s: %w", o.GetKind(), o.GetName(), err))
		}
	}
	return complaints
}

// resource names the endpoint of an object by its kind: all kinds in use here
// have regular plurals.
func (s *Server) resource(o *unstructured.Unstructured) dynamic.ResourceInterface {
	gv := o.GroupVersionKind().GroupVersion()
	plural := strings.ToLower(o.GetKind()) + "s"
	if strings.HasSuffix(plural, "ys") {
		plural = strings.TrimSuffix(plural, "ys") + "ies"
	}
	of := s.dynamic.Resource(gv.WithResource(plural))
	if o.GetNamespace() == "" {
		return of
	}
	return of.Namespace(o.GetNamespace())
}

// Clear deletes all objects of kinds in a namespace, given as group/version/plural.
func (s *Server) Clear(t testing.TB, namespace string, kinds ...string) {
	t.Helper()
	for _, kind := range kinds {
		part := strings.Split(kind, "/")
		of := s.dynamic.Resource(schema.GroupVersionResource{Group: part[0], Version: part[1], Resource: part[2]})
		if err := of.Namespace(namespace).DeleteCollection(t.Context(), meta.DeleteOptions{}, meta.ListOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

// InstallFlux installs Flux's resource definitions and waits until they are
// served. The versions are taken for v1, the only one that Flux 2.9 has: the
// last is the one that objects are stored in.
func (s *Server) InstallFlux(t testing.TB, versions ...string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.CRDs, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no resource definitions in %s: %v", s.CRDs, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, crd := range Objects(t, string(text)) {
			delete(crd.Object, "status")
			rename(t, crd, versions)
			s.installOne(t, crd)
		}
	}
}

// rename gives a definition the versions, all with the same schema.
func rename(t testing.TB, crd *unstructured.Unstructured, versions []string) {
	t.Helper()
	all, _, err := unstructured.NestedSlice(crd.Object, "spec", "versions")
	i := slices.IndexFunc(all, func(v any) bool { return v.(map[string]any)["name"] == "v1" })
	if err != nil || i < 0 || len(versions) == 0 {
		return
	}
	var renamed []any
	for n, name := range versions {
		v := (&unstructured.Unstructured{Object: all[i].(map[string]any)}).DeepCopy().Object
		v["name"], v["served"], v["storage"] = name, true, n == len(versions)-1
		renamed = append(renamed, v)
	}
	if err := unstructured.SetNestedSlice(crd.Object, renamed, "spec", "versions"); err != nil {
		t.Fatal(err)
	}
}

func (s *Server) installOne(t testing.TB, crd *unstructured.Unstructured) {
	t.Helper()
	of := s.resource(crd)
	if _, err := of.Apply(t.Context(), crd.GetName(), crd, meta.ApplyOptions{FieldManager: manager, Force: true}); err != nil {
		t.Fatalf("install %s: %v", crd.GetName(), err)
	}
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	group, _, _ := unstructured.NestedString(crd.Object, "spec", "group")
	plural, _, _ := unstructured.NestedString(crd.Object, "spec", "names", "plural")
	versions, _, _ := unstructured.NestedSlice(crd.Object, "spec", "versions")
	for _, v := range versions {
		version, _ := v.(map[string]any)["name"].(string)
		for {
			_, err := s.dynamic.Resource(schema.GroupVersionResource{Group: group, Version: version, Resource: plural}).List(t.Context(),
				meta.ListOptions{Limit: 1})
			if err == nil {
				break
			}
			select {
			case <-again.C:
			case <-t.Context().Done():
				t.Fatalf("%s %s is not served: %v", crd.GetName(), version, err)
			}
		}
	}
}

// As writes a kubeconfig of a service account, with a token that the server
// issued for it, and returns the file's name.
func (s *Server) As(t testing.TB, namespace, account string) string {
	t.Helper()
	hour := int64(3600)
	request := &authentication.TokenRequest{Spec: authentication.TokenRequestSpec{ExpirationSeconds: &hour}}
	issued, err := s.core.ServiceAccounts(namespace).CreateToken(t.Context(), account, request, meta.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "kubeconfig")
	s.writeKubeconfig(t, name, s.config.Host, "token: "+issued.Status.Token)
	return name
}

// SetLog gives a controller a pod with this log; the pod is made at the first
// time.
func (s *Server) SetLog(t testing.TB, namespace, controller, log string) {
	t.Helper()
	pod := controller + "-0"
	s.kubelet.set(namespace+"/"+pod+"/manager", log)
	s.Apply(t, fmt.Sprintf(`apiVersion: v1
kind: Pod
metadata: {name: %s, namespace: %s, labels: {app: %s}}
spec: {nodeName: fake, containers: [{name: manager, image: none}]}
status: {phase: Running}
`, pod, namespace, controller))
}
