package report_test

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/proposal"
	"github.com/goldfish-inc/fluxkeeper/internal/report"
	"github.com/goldfish-inc/fluxkeeper/internal/test/gatetest"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// TestJudgedFilesLeakNothing: what looks like a token in a judged file, wherever it
// stands, is in no form of the report, and the rest of its line is.
func TestJudgedFilesLeakNothing(t *testing.T) {
	long := strings.Repeat("x", 40)
	for name, token := range map[string]string{
		"token":    "gh" + "p_0123456789abcdefghijABCDEFGHIJ012345",
		"fine":     "github" + "_pat_11ABCDEFG0123456789_abcdefghijklmnop",
		"password": "https://me:hunter2" + long + "@example.com/x",
		"jwt":      "eyJ" + long + ".eyJ" + long + "." + long,
	} {
		secrets := []string{token}
		if name == "password" {
			secrets = []string{"hunter2"}
		} else if name == "jwt" {
			secrets = []string{long}
		} else {
			secrets = append(secrets, token[12:])
		}
		for place, in := range map[string][2]string{
			"tag": {"tag: 1.4.2 # {\"$imagepolicy\": \"n:app:tag\"}\n", "tag: \"TOKEN\" # {\"$imagepolicy\": \"n:app:tag\"}\n"},
			"value": {"a: b\ntag: 1.4.2 # {\"$imagepolicy\": \"n:app:tag\"}\n",
				"a: TOKEN\ntag: 1.4.3 # {\"$imagepolicy\": \"n:app:tag\"}\n"},
			"key": {"a: b\ntag: 1.4.2 # {\"$imagepolicy\": \"n:app:tag\"}\n",
				"\"TOKEN\": b\ntag: 1.4.3 # {\"$imagepolicy\": \"n:app:tag\"}\n"},
			"path": {"\"TOKEN\":\n  tag: 1.4.2 # {\"$imagepolicy\": \"n:app:tag\"}\n",
				"\"TOKEN\":\n  tag: 2.0.0 # {\"$imagepolicy\": \"n:app:tag\"}\n"},
			"comment": {"tag: 1.4.2 # {\"$imagepolicy\": \"n:app:tag\"}\n", "# TOKEN\ntag: 1.4.3 # {\"$imagepolicy\": \"n:app:tag\"}\n"},
			"anchor": {"a: b\ntag: 1.4.2 # {\"$imagepolicy\": \"n:app:tag\"}\n",
				"a: [TOKEN, &a b]\ntag: 1.4.3 # {\"$imagepolicy\": \"n:app:tag\"}\n"},
			"line": {"{a: 1, b: \"TOKEN\"}\n", "{a: 2, b: \"TOKEN\"} # {\"$imagepolicy\": \"n:app\"}\n"},
			"old":  {"tag: \"TOKEN\" # {\"$imagepolicy\": \"n:app:tag\"}\n", "tag: 1.4.2 # {\"$imagepolicy\": \"n:app:tag\"}\n"},
		} {
			t.Run(name+"/"+place, func(t *testing.T) {
				head := strings.ReplaceAll(in[1], "TOKEN", token)
				policy, facts, options, err := gatetest.Load(txtar.Parse([]byte("-- base/a.yaml --\n" +
					strings.ReplaceAll(in[0], "TOKEN", token) + "-- head/a.yaml --\n" + head)))
				if err != nil {
					t.Fatal(err)
				}
				result := gate.Judge(policy, facts, options)
				result.Gaps = append(result.Gaps, "read "+token+": refused")
				r := report.Change{Result: result, Source: func(string) []byte { return []byte(head) }}.Report()
				if proposed, err := proposal.Render(proposal.Templates{}, gate.Proposed(result.Updates), "b", "main"); err != nil {
					t.Error(err)
				} else {
					for _, hidden := range secrets {
						if strings.Contains(proposed.Title+proposed.Body, hidden) {
							t.Errorf("the pull request that is proposed holds it:\n%s", proposed.Body)
						}
					}
				}
				for _, format := range []string{"text", "json", "markdown", "sarif"} {
					var out bytes.Buffer
					if err := r.Write(&out, format, text.Style{}); err != nil {
						t.Fatal(err)
					}
					for _, s := range secrets {
						if strings.Contains(out.String(), s) {
							t.Errorf("%s: %q is in\n%s", format, s, out.String())
						}
					}
				}
				for _, f := range r.Findings { // of annotations and of the check run
					for _, s := range secrets {
						if strings.Contains(f.Message+f.Hint+f.Path, s) {
							t.Errorf("%q is in %+v", s, f)
						}
					}
				}
			})
		}
	}
}

// TestKeysInSourceLines: a private key is no source line, and lines keep their numbers.
func TestKeysInSourceLines(t *testing.T) {
	source := "a: |\n  -----BEGIN RSA " + "PRIVATE KEY-----\n  MIIEsecret\n  -----END RSA " + "PRIVATE KEY-----\ntag: 2.0.0\n"
	for line, want := range map[int]string{2: "***", 3: "***", 4: "***", 5: "tag: 2.0.0"} {
		result := gate.Result{Answer: whole}
		result.Findings = append(result.Findings, finding.Finding{
			Rule: "scope/residue", Severity: finding.Error, Place: at("a.yaml", line, 1, ""), Message: "m"})
		var out bytes.Buffer
		r := report.Change{Result: result, Source: func(string) []byte { return []byte(source) }}.Report()
		if err := r.Write(&out, "text", text.Style{}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), "| "+want+"\n") || strings.Contains(out.String(), "MIIEsecret") {
			t.Errorf("line %d: no %q in\n%s", line, want, out.String())
		}
	}
}
