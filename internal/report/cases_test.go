package report_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/test/hostile"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/manifest"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/report"
)

const (
	baseSHA = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"
	headSHA = "9f8e7d6c5b4a39281706f5e4d3c2b1a09f8e7d6c"
)

// appYAML is a file in which line 12 is the marked image.
const appYAML = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: app
spec:
  template:
    spec:
      initContainers:
      - {image: ghcr.io/acme/init:1.0.1, name: init} # {"$imagepolicy": "flux-system:init"}
      containers:
      - name: app
        image: ghcr.io/acme/app:2.0.0 # {"$imagepolicy": "flux-system:app"}
        command: ["sleep", "1"]
        tag: "7.2" # {"$imagepolicy": "flux-system:cache:tag"}
`

func sources(files map[string]string) func(string) []byte {
	return func(file string) []byte {
		if text, ok := files[file]; ok {
			return []byte(text)
		}
		return nil
	}
}

func at(file string, line, column int, path string) finding.Place {
	return finding.Place{File: file, Line: line, Column: column, Path: path}
}

func update(p finding.Place, policy, image, from, to, step string) gate.Update {
	return gate.Update{Place: p, Policy: policy, Image: image, From: from, To: to, Step: step}
}

func digest(c string) string { return "sha256:" + strings.Repeat(c, 64) }

var (
	whole   = finding.Answer{Basis: finding.Whole}
	foreign = finding.Answer{Basis: finding.Foreign}
)

// cases are the reports that the golden files show.
func cases() map[string]report.Change {
	all := map[string]report.Change{
		"pass": passing(), "fail": failing(), "hostile": attacked(), "many": many(), "crowd": crowd(), "wide": wide(),
		"not-applicable": {HeadName: "fix-typo", Result: gate.Result{
			Answer: foreign, Base: change.Revision{Commit: baseSHA}, Head: change.Revision{Commit: headSHA},
			Reproduction: manifest.None,
		}},
		"undecided": {BaseName: "main", HeadName: "flux-image-updates", Result: gate.Result{
			Answer: finding.Answer{Basis: finding.Whole, Gaps: []string{
				"the list of changed files was cut at 3000 files", "main:.github/fluxkeeper.yaml:2:1: unknown key \"alow\"",
			}},
			Base: change.Revision{Commit: baseSHA}, Head: change.Revision{Commit: headSHA},
			Reproduction: manifest.None, Evidence: policy.EvidenceText,
		}},
		"unmoved": {BaseName: "main", HeadName: "HEAD", Result: gate.Result{
			Answer: foreign, Base: change.Revision{Commit: baseSHA}, Head: change.Revision{Commit: baseSHA},
			Reproduction: manifest.None,
		}},
		"empty": {},
	}
	for name, r := range all {
		r.Version = "1.2.3"
		all[name] = r
	}
	return all
}

func passing() report.Change {
	r := report.Change{BaseName: "main", HeadName: "flux-image-updates", Result: gate.Result{
		Answer: whole, Base: change.Revision{Commit: baseSHA}, Head: change.Revision{Commit: headSHA},
		Reproduction: manifest.Reproduced, Evidence: policy.EvidenceSignature,
		Reverts: gate.Lookback{Since: "2026-08-25T09:30:00Z", Commits: 41},
		Files: []gate.FileResult{{Path: "clusters/app.yaml", Reproduction: manifest.Reproduced},
			{Path: "infra/cache.yaml", Reproduction: manifest.Reproduced}},
		Updates: []gate.Update{
			update(at("infra/cache.yaml", 7, 14, "spec.values.image.tag"), "flux-system:cache", "docker.io/library/redis", "7.2.4", "7.2.5",
				"patch"),
			update(at("clusters/app.yaml", 12, 16, "spec.template.spec.containers[0].image"), "flux-system:app", "ghcr.io/acme/app", "1.4.2",
				"1.5.0", "minor"),
			update(at("clusters/app.yaml", 9, 17, "spec.template.spec.initContainers[0].image"), "flux-system:init", "ghcr.io/acme/init",
				digest("a"), digest("b"), "digest"),
		},
	}}
	r.Result.Updates[0].Orders = []gate.Order{{File: policy.File, Line: 7,
		Order: `numerical "asc" of tags like "^7\\.2\\.(?P<n>.*)$" by "$n"`}}
	r.Result.Updates[1].Orders = []gate.Order{{Policy: "flux-system/app", File: "policies/app.yaml", Line: 9, Order: `semver "~1.4"`}}
	return r
}

func failing() report.Change {
	r := passing()
	r.Source = sources(map[string]string{"clusters/app.yaml": appYAML})
	r.Result.Reproduction, r.Result.Evidence = manifest.Residue, policy.EvidenceText
	r.Result.Reverts.Cut = "the clone is shallow"
	r.Result.Files[0].Reproduction = manifest.Residue
	r.Result.Updates = append(r.Result.Updates[:2:2],
		update(at("clusters/app.yaml", 12, 16, "spec.template.spec.containers[0].image"), "flux-system:app", "ghcr.io/acme/app", "1.4.2", "2.0.0",
			"major"),
		update(at("clusters/app.yaml", 9, 17, ""), "flux-system:init", "ghcr.io/acme/init", "1.0.2", "1.0.1", "downgrade"),
		update(at("clusters/app.yaml", 14, 14, ""), "flux-system:cache", "redis", "latest", "7.2", "incomparable"),
	)[2:]
	r.Result.Updates = append(r.Result.Updates, passing().Result.Updates[0])
	major := "read the release notes, then merge by hand or allow it with an override"
	r.Result.Findings = []finding.Finding{
		{Rule: "version/major", Severity: finding.Error, Place: at("clusters/app.yaml", 12, 16, "spec.template.spec.containers[0].image"),
			Message: "ghcr.io/acme/app goes from 1.4.2 to 2.0.0, a major step", Hint: major},
		{Rule: "version/downgrade", Severity: finding.Warning, Was: finding.Error, Place: at("clusters/app.yaml", 9, 17, ""),
			Message: "ghcr.io/acme/init goes back from 1.0.2 to 1.0.1"},
		{Rule: "scope/residue", Severity: finding.Error, Place: at("clusters/app.yaml", 13, 9, "spec.template.spec.containers[0].command"),
			Message: "the key command was added", Hint: "move the change to a pull request of its own"},
		{Rule: "policy/form-mismatch", Severity: finding.Note, Place: at("clusters/app.yaml", 14, 14, ""),
			Message: "the tag has two parts"},
		{Rule: "identity/foreign-commit", Severity: finding.Error, Message: "commit 0123456789ab was made by mallory <mallory@example.com>",
			Hint: "only Flux may push to flux-image-updates"},
		{Rule: "scope/file-added", Severity: finding.Error, Was: finding.Warning, Place: at("clusters/new.yaml", 0, 0, ""),
			Message: "Flux adds no files"},
		{Rule: "yaml/duplicate-key", Severity: finding.Error, Place: at("clusters/app.yaml", 13, 0, ""), Message: "a line without a column"},
		{Rule: "yaml/duplicate-key", Severity: finding.Error, Place: at("clusters/app.yaml", 99, 1, ""), Message: "a line that is not there"},
	}
	return r
}

func attacked() report.Change {
	line := "image: \"\u202e" + hostile.Text[:20] + "\xff\" # ##[group]x ::error::y"
	r := report.Change{BaseName: hostile.Text, HeadName: "::error::x", Result: gate.Result{
		Answer: whole, Base: change.Revision{Commit: baseSHA}, Head: change.Revision{Commit: headSHA},
		Reproduction: manifest.Outcome(hostile.Text), Evidence: policy.Evidence(hostile.Text),
		Files: []gate.FileResult{{Path: "dir/" + hostile.Text, Reproduction: manifest.Residue}},
		Updates: []gate.Update{update(at(hostile.Text, 3, 4, hostile.Text), hostile.Text, "::set-output name=verdict::pass", "1.0\u202e",
			"gһcr\n", "step|"+hostile.Text)},
	}}
	r.Result.Findings = []finding.Finding{
		{Rule: "scope/residue", Severity: finding.Error, Place: at(hostile.Text, 1, 8, hostile.Text), Message: hostile.Text, Hint: hostile.Text},
		{Rule: hostile.Text, Severity: finding.Severity(hostile.Text), Was: finding.Severity(hostile.Text),
			Place: at("x"+hostile.Text, 1, 1, hostile.Text), Message: "::warning::" + hostile.Text},
		{Rule: "text/title", Severity: finding.Note, Was: finding.Severity(hostile.Text), Place: at("n"+hostile.Text, 1, 1, hostile.Text),
			Message: hostile.Text, Hint: hostile.Text},
		{Rule: "text/title", Severity: finding.Warning, Message: strings.Repeat(hostile.Text, 20), Hint: strings.Repeat("`|@", 2000)},
	}
	r.Result.Updates[0].Orders = slices.Repeat([]gate.Order{{Policy: hostile.Text, File: hostile.Text, Line: 3,
		Order: "`|" + hostile.Text}}, 3)
	r.Result.Gaps = slices.Repeat([]string{hostile.Text, "::error::" + hostile.Text}, 12)
	r.Source = func(string) []byte { return []byte(line) }
	return r
}

// wide has what makes carets miss: tabs, wide and combining characters, CRLF,
// lines longer than the terminal.
func wide() report.Change {
	text := "名前: ghcr.io/日本/アプリ:2.0.0 # 印\r\n" +
		"\timage:\tregistry:1.0 # tab\r\n" +
		strings.Repeat("k: [", 60) + "ghcr.io/acme/long:2.0.0" + strings.Repeat("]", 60) + strings.Repeat(" # tail", 20) + "\r\n" +
		"key: " + strings.Repeat("v", 300) + "\r\n" +
		"e\u0301te\u0301: \"q\\\"uo # te\" # x\r\n" +
		"single: 'it''s' # y\n" +
		"bad: \xffvalue # z"
	r := report.Change{BaseName: baseSHA[:7], HeadName: "HEAD", Source: sources(map[string]string{"日本/アプリ.yaml": text})}
	r.Result = gate.Result{Answer: whole, Base: change.Revision{Commit: baseSHA}, Head: change.Revision{Commit: headSHA},
		Reproduction: manifest.Equivalent, Evidence: policy.EvidenceKey}
	columns := []int{5, 9, 241, 6, 7, 9, 6, 1}
	for i, c := range columns {
		r.Result.Findings = append(r.Result.Findings, finding.Finding{Rule: "yaml/case", Severity: finding.Error,
			Place: at("日本/アプリ.yaml", i+1, c, "名前"), Message: fmt.Sprintf("line %d", i+1)})
	}
	r.Result.Findings = append(r.Result.Findings, finding.Finding{Rule: "yaml/case", Severity: finding.Error,
		Place: at("日本/アプリ.yaml", 7, 80, ""), Message: "beyond the end of the line"})
	r.Result.Updates = []gate.Update{
		update(at("日本/アプリ.yaml", 1, 5, "名前"), "flux-system:app", "ghcr.io/acme/app", "1.0.0", "1.0.1", "patch"),
		update(at("a.yaml", 1, 5, "x"), "flux-system:other", "gһcr.io/acme/app", "1.0.0", "1.1.0", "minor"), // a Cyrillic letter
	}
	return r
}

// many has more of everything than anybody reads.
func many() report.Change {
	r := report.Change{BaseName: "main", HeadName: "flux-image-updates"}
	r.Result = gate.Result{Answer: whole, Base: change.Revision{Commit: baseSHA}, Head: change.Revision{Commit: headSHA},
		Reproduction: manifest.Residue}
	for i := range 500 {
		p := at(fmt.Sprintf("apps/team-%03d/deployment.yaml", i/2), i%2*10+5, 9, "spec.template.spec.containers[0].image")
		r.Result.Findings = append(r.Result.Findings, finding.Finding{Rule: "version/minor-skip", Severity: finding.Error, Place: p,
			Message: fmt.Sprintf("minor version %d is left out", i), Hint: "allow more in the policy"})
		r.Result.Updates = append(r.Result.Updates, update(p, "flux-system:app", "ghcr.io/acme/app", "1.0.0", fmt.Sprintf("1.%d.0", i), "minor"))
	}
	r.Result.Findings = append(r.Result.Findings, finding.Finding{Rule: "version/major", Severity: finding.Error,
		Place: at("z.yaml", 1, 1, ""), Message: "one of another kind"})
	return r
}

// crowd has one error among what many images have in common.
func crowd() report.Change {
	r := report.Change{BaseName: "main", HeadName: "flux-image-updates", Source: func(string) []byte { return []byte(appYAML) }}
	r.Result = gate.Result{Answer: whole, Base: change.Revision{Commit: baseSHA}, Head: change.Revision{Commit: headSHA},
		Reproduction: manifest.Reproduced}
	for i := range 30 {
		p := at(fmt.Sprintf("apps/app-%02d.yaml", i), 12, 16, "spec.template.spec.containers[0].image")
		image := fmt.Sprintf("ghcr.io/acme/app-%02d", i)
		r.Result.Updates = append(r.Result.Updates, update(p, "flux-system:app", image, "1.2.0", "1.5.0", "minor"))
		r.Result.Findings = append(r.Result.Findings,
			finding.Finding{Rule: "version/minor-skip", Severity: finding.Note, Place: p, Message: image + " leaves out 2 minor versions",
				Hint: "set minor-skip"},
			finding.Finding{Rule: "policy/orphan-marker", Severity: finding.Warning, Place: p, Message: "the base has no ImagePolicy for " + image,
				Hint: "keep the ImagePolicy in this repository"})
		if i < 2 {
			r.Result.Findings = append(r.Result.Findings,
				finding.Finding{Rule: "policy/breaking-range", Severity: finding.Note, Place: p, Message: "the range of " + image + " is open",
					Hint: fmt.Sprintf("close it at %d.0.0", i+2)})
		}
	}
	last := at("apps/app-29.yaml", 12, 16, "")
	r.Result.Findings = append(r.Result.Findings,
		finding.Finding{Rule: "version/major", Severity: finding.Error, Place: last, Message: "a major step", Hint: "read the release notes"},
		finding.Finding{Rule: "version/floating", Severity: finding.Note, Was: finding.Error, Place: last,
			Message: "the tag does not stay the same image"},
		finding.Finding{Rule: "text/title", Severity: finding.Note, Message: "the title is another"})
	return r
}
