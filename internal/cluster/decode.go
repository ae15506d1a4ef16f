package cluster

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/goldfish-inc/fluxkeeper/internal/doctor/flux"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/image"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
)

// field is a text of an object; empty where it is missing or no text.
func field(o *unstructured.Unstructured, path ...string) string {
	s, _, _ := unstructured.NestedString(o.Object, path...)
	return s
}

func flag(o *unstructured.Unstructured, path ...string) bool {
	b, _, _ := unstructured.NestedBool(o.Object, path...)
	return b
}

func moment(o *unstructured.Unstructured, path ...string) time.Time {
	t, _ := time.Parse(time.RFC3339, field(o, path...)) // zero where it is none
	return t
}

func gitRepository(o *unstructured.Unstructured) flux.GitRepository {
	return flux.GitRepository{
		Namespace: o.GetNamespace(), Name: o.GetName(),
		URL: field(o, "spec", "url"), Provider: field(o, "spec", "provider"), Secret: field(o, "spec", "secretRef", "name"),
		Branch: field(o, "spec", "ref", "branch"), Suspended: flag(o, "spec", "suspend"), Conditions: conditions(o),
	}
}

func automation(o *unstructured.Unstructured) flux.Automation {
	interval, _ := time.ParseDuration(field(o, "spec", "interval")) // 0 where it is none
	observed, _, _ := unstructured.NestedInt64(o.Object, "status", "observedGeneration")
	return flux.Automation{
		Namespace: o.GetNamespace(), Name: o.GetName(),
		Source: field(o, "spec", "sourceRef", "name"), SourceNamespace: field(o, "spec", "sourceRef", "namespace"),
		CheckoutBranch: field(o, "spec", "git", "checkout", "ref", "branch"),
		PushBranch:     field(o, "spec", "git", "push", "branch"), Refspec: field(o, "spec", "git", "push", "refspec"),
		AuthorName: field(o, "spec", "git", "commit", "author", "name"), AuthorEmail: field(o, "spec", "git", "commit", "author", "email"),
		SigningKey:      field(o, "spec", "git", "commit", "signingKey", "secretRef", "name"),
		MessageTemplate: field(o, "spec", "git", "commit", "messageTemplate"),
		UpdatePath:      field(o, "spec", "update", "path"),
		Suspended:       flag(o, "spec", "suspend"), Interval: interval,
		Generation: o.GetGeneration(), ObservedGeneration: observed,
		LastRun: moment(o, "status", "lastAutomationRunTime"), LastPush: moment(o, "status", "lastPushTime"),
		LastPushCommit: field(o, "status", "lastPushCommit"), Conditions: conditions(o),
	}
}

func imagePolicy(o *unstructured.Unstructured) flux.ImagePolicy {
	p := flux.ImagePolicy{
		Namespace: o.GetNamespace(), Name: o.GetName(), Latest: field(o, "status", "latestRef", "tag"),
		Suspended: flag(o, "spec", "suspend"), Conditions: conditions(o),
		Selector: image.Selector{
			Range:   field(o, "spec", "policy", "semver", "range"),
			Pattern: field(o, "spec", "filterTags", "pattern"), Extract: field(o, "spec", "filterTags", "extract"),
		},
	}
	for name, order := range map[string]*string{"numerical": &p.Selector.Numerical, "alphabetical": &p.Selector.Alphabetical} {
		if _, ok, _ := unstructured.NestedMap(o.Object, "spec", "policy", name); ok {
			*order = cmp.Or(field(o, "spec", "policy", name, "order"), "asc")
		}
	}
	if latest := field(o, "status", "latestImage"); p.Latest == "" && latest != "" { // until v1beta2
		latest, _, _ = strings.Cut(latest[strings.LastIndex(latest, "/")+1:], "@")
		_, p.Latest, _ = strings.Cut(latest, ":")
	}
	return p
}

func conditions(o *unstructured.Unstructured) []flux.Condition {
	raw, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	var all []flux.Condition
	for _, item := range raw {
		fields, ok := item.(map[string]any)
		if !ok {
			continue
		}
		c := &unstructured.Unstructured{Object: fields}
		all = append(all, flux.Condition{
			Type: field(c, "type"), Status: field(c, "status"), Reason: field(c, "reason"), Message: field(c, "message"),
			Time: moment(c, "lastTransitionTime"),
		})
	}
	return all
}

// tokenKeys are the keys whose values are tokens for GitHub.
var tokenKeys = [...]string{"password", "bearerToken", "token"}

// describe says of a Secret what may be said: nothing of its values but
// fingerprints of tokens.
func describe(s *core.Secret) flux.Secret {
	d := flux.Secret{Namespace: s.Namespace, Name: s.Name, Managers: managers(s.ManagedFields)}
	for name, value := range s.Data {
		trimmed := strings.TrimSpace(string(value))
		k := flux.Key{Name: name, Empty: trimmed == "", Padded: len(trimmed) != len(value)}
		if slices.Contains(tokenKeys[:], name) && !k.Empty {
			k.Fingerprint = token.Fingerprint(secret.New(trimmed))
		}
		d.Keys = append(d.Keys, k)
	}
	slices.SortFunc(d.Keys, func(a, b flux.Key) int { return strings.Compare(a.Name, b.Name) })
	var applied struct {
		Data       map[string]any `json:"data"`
		StringData map[string]any `json:"stringData"`
	}
	if json.Unmarshal([]byte(s.Annotations[core.LastAppliedConfigAnnotation]), &applied) == nil {
		d.Applied = len(applied.Data)+len(applied.StringData) > 0
	}
	return d
}

// tokenOf is the token that Flux makes of a Secret.
func tokenOf(s *core.Secret) secret.Secret {
	return secret.New(strings.TrimSpace(string(cmp.Or(string(s.Data["password"]), string(s.Data["bearerToken"])))))
}

// managers are the programs that own the values, latest first.
func managers(fields []meta.ManagedFieldsEntry) []string {
	fields = slices.Clone(fields)
	slices.SortStableFunc(fields, func(a, b meta.ManagedFieldsEntry) int {
		if a.Time == nil || b.Time == nil {
			return 0
		}
		return b.Time.Compare(a.Time.Time)
	})
	var names []string
	for _, f := range fields {
		var owned map[string]any
		if f.FieldsV1 == nil || json.Unmarshal(f.FieldsV1.GetRawBytes(), &owned) != nil {
			continue
		}
		_, data := owned["f:data"]
		if _, plain := owned["f:stringData"]; (data || plain) && !slices.Contains(names, f.Manager) {
			names = append(names, f.Manager)
		}
	}
	return names
}
