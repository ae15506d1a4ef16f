package policy

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/image"
)

// Each file under testdata/bad is one mistake: the policy file, the
// error that Parse gives, and what the schema says of it.
func TestBadPolicies(t *testing.T) {
	schema := compileSchema(t)
	files, err := filepath.Glob("testdata/bad/*.txtar")
	if err != nil || len(files) < 50 {
		t.Fatalf("found %d files, error %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			policy := archive.Files[0].Data
			_, err = Parse(File, policy)
			var problems *Error
			if !errors.As(err, &problems) {
				t.Fatalf("error is %v, want a *Error", err)
			}
			got := &txtar.Archive{Comment: archive.Comment, Files: []txtar.File{
				archive.Files[0],
				{Name: "error", Data: []byte(err.Error() + "\n")},
				{Name: "schema", Data: []byte(schemaOpinion(schema, policy) + "\n")},
			}}
			if *update {
				if err := os.WriteFile(file, txtar.Format(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(txtar.Format(archive)), string(txtar.Format(got))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestPatternOfBases: whoever wrote a pattern where names belong is told the names,
// where the branches are at hand.
func TestPatternOfBases(t *testing.T) {
	const file = "version: 1\nbranches: {base: [\"release/*\"]}\n"
	for want, branches := range map[string]func(string) ([]string, error){
		`; today it matches "release/1", "release/2"`: func(prefix string) ([]string, error) {
			return []string{prefix + "2", prefix + "1", "main", prefix + "a/b"}, nil
		},
		"; today it matches none": func(string) ([]string, error) { return nil, nil },
		"the branches":            func(string) ([]string, error) { return []string{"release/1"}, errors.New("no answer") },
	} {
		if _, err := ParseAmong("p", []byte(file), branches); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%v, want … %s", err, want)
		}
	}
}

// TestGuards: the default branch is guarded, and what its policy names.
func TestGuards(t *testing.T) {
	p := Policy{Base: []string{"release/1"}}
	if !p.Guards("main", "main") || !p.Guards("release/1", "main") || p.Guards("release/2", "main") || p.Guards("", "") {
		t.Error("guarded are the default branch and what is named, and nothing else")
	}
}

func TestBadBytes(t *testing.T) {
	for name, c := range map[string]struct{ data, want string }{
		"nothing":          {"", "p:1:1: the policy file says nothing"},
		"not UTF-8":        {"version: 1\ntitle: \xff\n", "p:2:8: the file is not valid UTF-8"},
		"UTF-16":           {"\xff\xfev\x00", "p:1:1: the file is not valid UTF-8"},
		"NUL":              {"version: 1\n\n é \x00", "p:3:4: invisible character U+0000"},
		"lone CR":          {"version: 1 # \revidence: none\n", "p:1:14: invisible character U+000D"},
		"late BOM":         {"version: 1\n\uFEFF", "p:2:1: invisible character U+FEFF"},
		"too large":        {"version: 1\n#" + strings.Repeat("x", 256<<10), "p:1:1: the file is larger than 256 KiB"},
		"deep":             {strings.Repeat("[", 20_000), "p:1:1: this is not YAML: "},
		"key in a message": {"version: 1\n\"\\e[31m\": 1\n", `p:2:1: unknown key "\x1b[31m"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("p", []byte(c.data))
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s…", err, c.want)
			}
		})
	}
}

// ed25519Key is the one in testdata/good/everything.yaml.
const ed25519Key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0zt3BQyS3m0oGYVq8hbZ9XrSxwnVn3JMnmO0oeR6l9"

// openpgpKey is the one in the same file.
const openpgpKey = `-----BEGIN PGP PUBLIC KEY BLOCK-----

mDMEawOeQxYJKwYBBAHaRw8BAQdAY9lBc/ttP9VdumCNN0kettJbYB9fDwxkEl3t
h7Dv2sy0F2ZsdXggPGZsdXhAZXhhbXBsZS5jb20+iJYEExYIAD4WIQSzQSOEX4H7
pG3vhzjK/0CbWQFqLwUCawOeQwIbAwUJWn1w/QULCQgHAgYVCgkICwIEFgIDAQIe
AQIXgAAKCRDK/0CbWQFqLyp0AP9x09I/0cnfUaEnVJB+wD513WIl4agWY8b0GdnW
JpJOqQD9E174bTRMBmphFfbH7qpjS40Uw9vzWcdiA8RwAQxSJg4=
=Lxa0
-----END PGP PUBLIC KEY BLOCK-----
`

func everything() Policy {
	return Policy{
		Head:  []string{"flux-image-updates", "flux/**"},
		Base:  []string{"main", "release/1"},
		Paths: []string{"clusters/**", "apps/*/{values,release}.yaml"},
		Bots: []Bot{{
			Account: change.Account{Login: "goldfish-flux", ID: 123456},
			Name:    "fluxcdbot", Email: "fluxcdbot@users.noreply.github.com",
			Keys: []string{
				ed25519Key + " flux@example.com",
				"SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
				"0123456789ABCDEF0123456789ABCDEF0123456F",
				openpgpKey,
			},
		}, {Email: "second@example.com"}},
		Openers:  []change.Account{{Login: "github-actions[bot]", ID: 41898282}},
		Evidence: EvidenceKey,
		People:   PeopleRefuse,
		Others:   []change.Account{{Login: "renovate[bot]", ID: 29139614}},
		Terms:    Terms{Allow: []string{"patch"}, Versioning: image.Semver, MinorSkip: 1},
		Overrides: []Override{{
			Image: "ghcr.io/acme/*", Policy: "flux-system:app-*",
			Terms:  Terms{Allow: []string{"patch", "minor", "major"}, Versioning: image.Calendar, MinorSkip: -1},
			Until:  time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC),
			Reason: "we release from main", Line: 28,
		}, {
			Image:  "registry:5000/frozen",
			Terms:  Terms{Allow: []string{}, Versioning: image.Semver, MinorSkip: 1},
			Reason: "waits for the migration", Line: 35,
		}, {
			Policy: "*:nightly",
			Terms:  Terms{Allow: []string{"not-semver"}, Versioning: image.ByPolicy, MinorSkip: 1},
			Reason: `timestamps: "by design"`, Line: 38,
		}},
		MaxUpdates: 50,
		Reverts:    change.Within{Days: 30, Commits: 50},
		Title:      "chore: automated image updates*",
		Rules:      map[string]Setting{"version/major": {Severity: finding.Warning, Reason: "a person reads them"}},
		Uses: Uses{
			Repositories: []string{"acme/fleet", "acme-*/*", "1296269"},
			Branches:     []string{"flux/**"},
			Events:       []string{"push", "pull_request.opened"},
			Limits:       map[string]int{"push": 5, "release": 1},
			Hours:        &Hours{From: 22*60 + 30, To: 6 * 60, Days: []time.Weekday{time.Sunday, time.Monday}, Zone: "Europe/Berlin"},
			Workflows:    []string{".github/workflows/test.yaml", ".github/workflows/image-*.yml"},
		},
	}
}

func TestContract(t *testing.T) {
	want := everything().Uses
	got := everything().Contract()
	if got.Limits["push"] != 5 || got.Limits["release"] != 1 || got.Limits["create"] == 0 {
		t.Errorf("limits %v: want those of the file, and the usual ones of what it does not say", got.Limits)
	}
	want.Limits, got.Limits = nil, nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what the file says is changed (-want +got):\n%s", diff)
	}
	p := Default()
	p.Head = []string{"a", "b/*"}
	got = p.Contract()
	if diff := cmp.Diff(p.Head, got.Branches); diff != "" || got.Repositories != nil || len(got.Events) == 0 {
		t.Errorf("%+v", got)
	}
}

func TestGoodPolicies(t *testing.T) {
	patchOnly := Default()
	patchOnly.Terms.Allow = []string{"patch"}
	schema := compileSchema(t)
	for name, want := range map[string]Policy{
		"everything": everything(), "least": Default(), "crlf": patchOnly, "document-marks": Default(),
	} {
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile("testdata/good/" + name + ".yaml")
			if err != nil {
				t.Fatal(err)
			}
			got, err := Parse(name, data)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if opinion := schemaOpinion(schema, data); opinion != "accepts" {
				t.Errorf("the schema %s it", opinion)
			}
		})
	}
}

func TestTemplateSetsTheDefaults(t *testing.T) {
	got, err := Parse("template", Template())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Default(), got); diff != "" {
		t.Errorf("(-default +template):\n%s", diff)
	}
	// The lines that begin with a bare # are examples: they must be right too.
	examples := regexp.MustCompile(`(?m)^( *)#([^ \n]|  )`).ReplaceAll(Template(), []byte("$1$2"))
	p, err := Parse("template", examples)
	if err != nil {
		t.Fatal(err)
	}
	if p.Base == nil || p.Paths == nil || p.Bots[0].ID == 0 || p.Bots[0].Keys == nil || p.Openers == nil ||
		p.Title == "" || p.Rules == nil || p.Uses.Events == nil || p.Uses.Hours == nil || len(p.Overrides) != 3 {
		t.Errorf("an example is missing: %+v", p)
	}
	if opinion := schemaOpinion(compileSchema(t), examples); opinion != "accepts" {
		t.Errorf("the schema %s the examples", opinion)
	}
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"flux-image-updates", "flux-image-updates", true},
		{"flux-image-updates", "flux-image-updates2", false},
		{"flux-image-updates", "a/flux-image-updates", false},
		{"flux/*", "flux/app", true},
		{"flux/*", "flux/app/prod", false},
		{"flux/**", "flux/app/prod", true},
		{"*", "a/b", false},
		{"**", "a/b", true},
		{"{a,b}/*.yaml", "b/c.yaml", true},
		{"[", "[", false},
	} {
		p := Policy{Head: []string{c.pattern}, Base: []string{c.pattern}, Paths: []string{"no", c.pattern}}
		if p.MatchBase(c.s) != (c.pattern == c.s) {
			t.Errorf("%q on %q: a base is compared by its name", c.pattern, c.s)
		}
		if p.MatchHead(c.s) != c.want || p.MatchPath(c.s) != c.want {
			t.Errorf("%q on %q: want %v everywhere", c.pattern, c.s, c.want)
		}
	}
	var none Policy
	if none.MatchHead("x") || !none.MatchBase("x") || !none.MatchPath("x") || !none.MatchTitle("x") {
		t.Error("without patterns: want no head, any base, any path, any title")
	}
}

func TestMatchTitle(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"[Flux] Image update", "[Flux] Image update", true},
		{"[Flux] Image update", "F Image update", false},
		{"chore: update*", "chore: update a/b to {1}", true},
		{"chore: update*", "a chore: update", false},
		{"*update*", "x", false},
		{"*update*", "an update is here", true},
		{"a*b*c", "abc", true},
		{"a*b*c", "a-c-b", false},
		{"ab*ba", "aba", false},
		{"*", "", true},
	} {
		if got := (Policy{Title: c.pattern}).MatchTitle(c.s); got != c.want {
			t.Errorf("%q on %q: %v, want %v", c.pattern, c.s, got, c.want)
		}
	}
}

func TestTermsFor(t *testing.T) {
	day := func(s string) time.Time {
		when, err := time.Parse(time.DateTime, s)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	p := everything()
	for _, c := range []struct {
		image, policy, today string
		line                 int // of the override, 0 for the general terms
	}{
		{"ghcr.io/acme/app", "flux-system:app-prod", "2026-01-01 00:00:00", 28},
		{"ghcr.io/acme/app", "flux-system:app-prod", "2026-12-31 23:59:59", 28},
		{"ghcr.io/acme/app", "flux-system:app-prod", "2027-01-01 00:00:00", 0},
		{"ghcr.io/acme/team/app", "flux-system:app-prod", "2026-01-01 00:00:00", 0},
		{"ghcr.io/acme/app", "flux-system:other", "2026-01-01 00:00:00", 0},
		{"ghcr.io/acme/app", "", "2026-01-01 00:00:00", 0},
		{"ghcr.io/acme/app", "x:nightly", "2027-01-01 00:00:00", 38},
		{"registry:5000/frozen", "x:nightly", "2026-01-01 00:00:00", 35},
		{"any", "x:y:nightly", "2026-01-01 00:00:00", 0},
		{"any", "nightly", "2026-01-01 00:00:00", 0},
	} {
		terms, override := p.TermsFor(c.image, c.policy, day(c.today))
		line, want := 0, p.Terms
		if override != nil {
			line, want = override.Line, override.Terms
		}
		if diff := cmp.Diff(want, terms); line != c.line || diff != "" {
			t.Errorf("%s %s on %s: override of line %d, want %d %s", c.image, c.policy, c.today, line, c.line, diff)
		}
	}
	if ended := p.Ended(day("2026-12-31 12:00:00")); ended != nil {
		t.Errorf("ended on the last day: %v", ended)
	}
	if diff := cmp.Diff(p.Overrides[:1], p.Ended(day("2027-01-01 00:00:00"))); diff != "" {
		t.Errorf("ended on the day after (-want +got):\n%s", diff)
	}
}

func TestExplain(t *testing.T) {
	shouting := Default()
	shouting.Evidence = EvidenceNone
	shouting.Rules = map[string]Setting{
		"scope/residue":  {Severity: finding.Off, Reason: "a\nb"},
		"yaml/duplicate": {Severity: finding.Warning, Reason: "old files"},
	}
	var got bytes.Buffer
	for _, p := range []Policy{Default(), everything(), shouting} {
		got.WriteString(p.Explain(time.Date(2027, 1, 1, 12, 0, 0, 0, time.UTC)) + "\n")
	}
	golden := "testdata/explain.golden"
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/bad/*.txtar", "testdata/good/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatalf("no seeds in %s: %v", pattern, err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			if archive := txtar.Parse(data); len(archive.Files) > 0 {
				data = archive.Files[0].Data
			}
			f.Add(data)
		}
	}
	f.Add(Template())
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Parse(File, data)
		if err == nil {
			if len(p.Head) == 0 || len(p.Bots) == 0 || p.MaxUpdates < 1 {
				t.Errorf("a policy without head, bot or limit: %+v", p)
			}
			for _, o := range p.Overrides {
				if o.Image == "" && o.Policy == "" || o.Reason == "" {
					t.Errorf("an override without pattern or reason: %+v", o)
				}
			}
			if strings.Count(p.Explain(time.Time{}), "\n") < len(p.Overrides)+len(p.Bots) {
				t.Error("the explanation leaves something out")
			}
			return
		}
		var problems *Error
		if !errors.As(err, &problems) || len(problems.Problems) == 0 {
			t.Fatalf("error is %#v", err)
		}
		for _, problem := range problems.Problems {
			if problem.Line < 1 || problem.Column < 1 || hidden(problem.Message+problem.Hint) {
				t.Errorf("bad problem: %+v", problem)
			}
		}
	})
}
