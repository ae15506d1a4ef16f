package proposal_test

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/proposal"
)

func TestRender(t *testing.T) {
	certManager := func(part, step, to string) proposal.Update {
		return proposal.Update{Image: "quay.io/jetstack/cert-manager-" + part, From: "v1.16.2", To: to, Step: step}
	}
	three := []proposal.Update{
		certManager("controller", "minor", "v1.18.2"), certManager("webhook", "minor", "v1.18.2"),
		certManager("webhook", "minor", "v1.18.2"), certManager("cainjector", "minor", "v1.18.2"),
	}
	const list = "- quay.io/jetstack/cert-manager-controller: v1.16.2 → v1.18.2\n" +
		"- quay.io/jetstack/cert-manager-webhook: v1.16.2 → v1.18.2\n" +
		"- quay.io/jetstack/cert-manager-cainjector: v1.16.2 → v1.18.2\n"
	const sentences = "\nThis update was automatically applied based on the configured semver policy.\n" +
		"Only non-breaking changes (patch and minor versions) are auto-applied.\n"
	const footer = "\n🤖 Generated with Flux Image Automation"
	tests := []struct {
		name      string
		templates proposal.Templates
		updates   []proposal.Update
		want      proposal.Text
	}{
		{
			"the default", proposal.Templates{Title: " "}, three,
			proposal.Text{Title: "chore: automated image updates for non-breaking changes", Body: list + sentences + footer},
		},
		{
			"a step that breaks", proposal.Templates{}, []proposal.Update{certManager("controller", "major", "v2.0.0")},
			proposal.Text{
				Title: "chore: automated image updates for non-breaking changes",
				Body: "- quay.io/jetstack/cert-manager-controller: v1.16.2 → v2.0.0\n" + sentences +
					"\n**Not all of these are patch or minor steps:** quay.io/jetstack/cert-manager-controller (major).\n" + footer,
			},
		},
		{
			"templates", proposal.Templates{
				Title: "{{len .Updates}} images\n to {{.Base}}",
				Body:  "{{range .Updates}}* {{.Image}} {{.Step}}\n{{end}}from {{.Branch}}\n",
			}, three[:2],
			proposal.Text{
				Title: "2 images to main",
				Body:  "* quay.io/jetstack/cert-manager-controller minor\n* quay.io/jetstack/cert-manager-webhook minor\nfrom flux-image-updates",
			},
		},
		{
			"hostile", proposal.Templates{Body: "{{range .Lines}}{{.}}\n{{end}}"},
			[]proposal.Update{{Image: "a\n- b: 1 → 2 @everyone <!--", From: "", To: "`x`", Step: "incomparable"}},
			proposal.Text{
				Title: proposal.DefaultTitle,
				Body: "- `a\\u{000A}-\\u{0020}b:\\u{0020}1\\u{0020}\\u{2192}\\u{0020}2\\u{0020}\\u{0040}everyone\\u{0020}\\u{003C}\\u{0021}--`: – " +
					"→ `\\u{0060}x\\u{0060}`",
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := proposal.Render(tt.templates, tt.updates, "flux-image-updates", "main")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestRenderRefuses(t *testing.T) {
	tests := []struct {
		name      string
		templates proposal.Templates
		want      string
	}{
		{"no template", proposal.Templates{Title: "{{"}, "render title"},
		{"an unknown field", proposal.Templates{Body: "{{.Secret}}"}, "render body"},
		{"an empty title", proposal.Templates{Title: `{{""}}`}, "empty"},
		{"our marks", proposal.Templates{Body: "<!-- fluxkeeper:proposal -->"}, "marks"},
		{"a long body", proposal.Templates{Body: strings.Repeat("x", 70_000)}, "too many"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := proposal.Render(tt.templates, []proposal.Update{{Image: "example.com/app"}}, "flux-image-updates", "main"); err == nil ||
				!strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// TestTooLongAList: a body with half a list would claim that the rest is not there.
func TestTooLongAList(t *testing.T) {
	var updates []proposal.Update
	for i := range 3000 {
		updates = append(updates, proposal.Update{Image: fmt.Sprintf("registry.example.com/team/app-%d", i), From: "1.0.0", To: "2.0.0",
			Step: "major"})
	}
	got, err := proposal.Render(proposal.Templates{}, updates, "b", "main")
	if err != nil {
		t.Fatal(err)
	}
	if missing, _ := proposal.Compare(got.Body, updates, true); len(missing) != 0 {
		t.Errorf("leaves %d of 3000 updates out", len(missing))
	}
	if !strings.Contains(got.Body, "3000 images, too many to list here") || len(got.Body) > 60_000 {
		t.Errorf("%d bytes: %.200s", len(got.Body), got.Body)
	}
}

func TestPlace(t *testing.T) {
	first := proposal.Place("", "one")
	if !proposal.Owned(first) || proposal.Owned("one") {
		t.Error("a body does not know whose it is")
	}
	edited := "Please look, @team.\r\n" + strings.ReplaceAll(first, "\n", "\r\n") + "\r\nLooks good.\r\n"
	got := proposal.Place(edited, "two")
	for _, want := range []string{"Please look, @team.\r\n<!--", "\ntwo\n", "-->\r\nLooks good."} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %q", want, got)
		}
	}
	if strings.Contains(got, "one") {
		t.Errorf("the old text is still in %q", got)
	}
	unix := strings.ReplaceAll(got, "\r\n", "\n")
	if again := proposal.Place(got, "two"); again != got || !proposal.Same(unix, again) || proposal.Same(again, edited) {
		t.Errorf("%q became %q", got, again)
	}
	if got := proposal.Place("a person's words", "two"); strings.Contains(got, "person") {
		t.Errorf("without marks the whole body is taken over, got %q", got)
	}
}

func TestCompare(t *testing.T) {
	held := []proposal.Update{
		{Image: "ghcr.io/acme/app", From: "v1.4.2", To: "v1.4.3"}, {Image: "ghcr.io/acme/app", From: "v1.4.2", To: "v1.4.3"},
		{Image: "flux-system:db", From: "", To: "1.0."}, {Image: "a__b/c", From: "1", To: "2"},
	}
	rendered, err := proposal.Render(proposal.Templates{}, held, "b", "main")
	if err != nil {
		t.Fatal(err)
	}
	if missing, extra := proposal.Compare(rendered.Body, held, true); len(missing)+len(extra) > 0 {
		t.Errorf("what was written is found to say less %v and more %v", missing, extra)
	}
	missing, extra := proposal.Compare("* app: 1.4.2 -> 1.4.3\n- [x] `redis:7.0` → 8", held, true)
	if len(missing) != 2 || len(extra) != 1 || extra[0].Image != "redis" {
		t.Errorf("missing %v, extra %v", missing, extra)
	}
}

// magnets is what GitHub looks for in rendered text outside of code.
var magnets = regexp.MustCompile(`(?i)@[a-z0-9]|#[0-9]|\bgh-[0-9]|://|www\.|:[a-z0-9+_-]+:`)

// FuzzLine: whatever an image is called, its line is one list item of plain
// text and code, and is read back as this one update.
func FuzzLine(f *testing.F) {
	for _, s := range []string{
		"", "ghcr.io/acme/app", "v1.2.3", "a -> b", "→", "::error::", "*x*", "_x_", "a__b__c", "<b>", "[a](b)", "@user", "www.example.com",
		"http://a",
		"gh-1", "x:tada", "sha256:0123", "`", "a: b", "-", "1.", "[x] ", "\n", "\xff", "a|b", "~~x~~", ":5000/a", "&amp;", "\\", "+", "---", "_",
		"_.",
	} {
		f.Add(s, s, s)
		f.Add("ghcr.io/acme/app", s, "1.0.1")
		f.Add(s, "1.0.0", "1.0.1")
	}
	f.Fuzz(func(t *testing.T, name, from, to string) {
		u, other := proposal.Update{Image: name, From: from, To: to}, proposal.Update{Image: name, From: from, To: to + "0"}
		line := u.Line()
		if missing, extra := proposal.Compare("words\n"+line+"\n", []proposal.Update{u}, true); len(missing)+len(extra) > 0 {
			t.Fatalf("%q misses %v, adds %v", line, missing, extra)
		}
		missing, extra := proposal.Compare(line, []proposal.Update{u, other}, true)
		if len(missing) != 1 || len(extra) > 0 || strings.ContainsAny(line, "\n\r") {
			t.Fatalf("%q is read as another: misses %v, adds %v", line, missing, extra)
		}
		var b strings.Builder
		if err := goldmark.New(goldmark.WithExtensions(extension.GFM)).Convert([]byte("x\n\n"+line), &b); err != nil {
			t.Fatal(err)
		}
		item, ok := strings.CutPrefix(b.String(), "<p>x</p>\n<ul>\n<li>")
		item, closed := strings.CutSuffix(item, "</li>\n</ul>\n")
		if !ok || !closed {
			t.Fatalf("%q is shown as %q", line, b.String())
		}
		text := regexp.MustCompile(`<code>[^<]*</code>`).ReplaceAllString(item, "CODE")
		if strings.Contains(text, "<") {
			t.Errorf("%q is shown as %q", line, item)
		}
		if m := magnets.FindString(html.UnescapeString(text)); m != "" {
			t.Errorf("%q shows %q", line, m)
		}
	})
}

// TestDressedClaims: however GitHub shows a line of the list, it is read as it is shown.
func TestDressedClaims(t *testing.T) {
	held := []proposal.Update{{Image: "ghcr.io/acme/my_app", From: "1.4.2", To: "1.9.0"}}
	for _, form := range []string{
		"- ghcr.io/acme/my_app: 1.4.2 → %s", "- *ghcr.io/acme/my_app*: 1.4.2 → **%s**", "- ***my_app***: ~~1.4.2~~ → %s",
		"- _ghcr.io/acme/my_app_: 1.4.2 → %s", "- [my_app](https://example.com/a->b): 1.4.2 → %s", "- [`my_app`][1]: 1.4.2 → %s",
		"- <b>ghcr.io/acme/my_app</b>: 1.4.2 → %s", "- ghcr.io/acme/my_app: 1.4.2 &rarr; %s", "- ghcr.io/acme/my_app:\u00a01.4.2 ⟶ %s",
	} {
		for version, extra := range map[string]int{"1.9.0": 0, "1.4.3": 1} {
			missing, more := proposal.Compare(fmt.Sprintf(form, version), held, true)
			if len(missing) != extra || len(more) != extra {
				t.Errorf(form+": missing %q, extra %q", version, missing, more)
			}
		}
	}
}
