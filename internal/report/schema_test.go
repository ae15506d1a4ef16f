package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	reflector "github.com/invopop/jsonschema"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/test/schematest"
	"github.com/goldfish-inc/fluxkeeper/internal/token/rotation"
)

const (
	schemaFile         = "../../docs/verdict.schema.json"
	timelineSchemaFile = "../../docs/timeline.schema.json"
	scanSchemaFile     = "../../docs/scan.schema.json"
	tokenSchemaFile    = "../../docs/token.schema.json"
	checkupSchemaFile  = "../../docs/checkup.schema.json"
	rotationSchemaFile = "../../docs/rotation.schema.json"
	completeSchemaFile = "../../docs/completeness.schema.json"
)

func schemas(t *testing.T) map[string][]byte {
	return map[string][]byte{
		schemaFile: schema(t, changeDocument{}, schemaFile, "Fluxkeeper's verdict", "What fluxkeeper check --format json prints."),
		timelineSchemaFile: schema(t, timelineDocument{}, timelineSchemaFile, "Fluxkeeper's timeline",
			"What fluxkeeper-receiver report --format json prints."),
		scanSchemaFile: schema(t, scanDocument{}, scanSchemaFile, "Fluxkeeper's search for tokens",
			"What fluxkeeper token scan --format json prints."),
		tokenSchemaFile: schema(t, tokenDocument{}, tokenSchemaFile, "Fluxkeeper's report on a token",
			"What fluxkeeper token check --format json prints."),
		checkupSchemaFile: schema(t, checkupDocument{}, checkupSchemaFile, "Fluxkeeper's checkup",
			"What fluxkeeper-receiver doctor --format json prints."),
		rotationSchemaFile: schema(t, rotationDocument{}, rotationSchemaFile, "Fluxkeeper's rotation of a token",
			"What fluxkeeper-receiver rotate status --format json prints."),
		completeSchemaFile: schema(t, completenessDocument{}, completeSchemaFile, "Fluxkeeper's statement of completeness",
			"What fluxkeeper-receiver reconcile --format json prints."),
	}
}

// schema is made from the types here, in a test, so that the program does not
// link the generator.
func schema(t *testing.T, of any, file, title, description string) []byte {
	t.Helper()
	r := reflector.Reflector{
		Anonymous:                 true, // the id is set below
		ExpandedStruct:            true,
		DoNotReference:            true,
		AllowAdditionalProperties: true, // keys may be added within a version
		LookupComment:             schematest.Comments(t),
	}
	s := r.Reflect(of)
	s.ID = reflector.ID("https://raw.githubusercontent.com/goldfish-inc/fluxkeeper/main/docs/" + filepath.Base(file))
	s.Title = title
	s.Description = description
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(s); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestSchemaIsCurrent(t *testing.T) {
	for file, got := range schemas(t) {
		if flag.Lookup("update").Value.String() == "true" {
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s is behind; run go test ./internal/report -update (-want +got):\n%s", file, diff)
		}
	}
}

func compile(t *testing.T, file string) *jsonschema.Schema {
	t.Helper()
	s, err := jsonschema.NewCompiler().Compile(file)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func validate(t *testing.T, s *jsonschema.Schema, file string) error {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(value)
}

// The golden files are what the formats write, so they are what is held
// against the schemas. The rules of SARIF are tested apart.
func TestOutputKeepsItsSchema(t *testing.T) {
	for pattern, s := range map[string]*jsonschema.Schema{
		"testdata/*.json":          compile(t, schemaFile),
		"testdata/timeline/*.json": compile(t, timelineSchemaFile),
		"testdata/*.sarif":         compile(t, "testdata/sarif/sarif-2.1.0-rtm.5.json"),
	} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) < 5 {
			t.Fatalf("%d files match %s: %v", len(files), pattern, err)
		}
		for _, file := range files {
			err := validate(t, s, file)
			// Words outside the format's lists are refused, as they should be.
			if name := filepath.Base(file); name == "hostile.json" {
				if err == nil {
					t.Errorf("%s: unknown words pass", file)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
}

// TestDocumentsKeepTheirSchemas: whatever was found, and where nothing was.
func TestDocumentsKeepTheirSchemas(t *testing.T) {
	checkups, rotations, statements := compile(t, checkupSchemaFile), compile(t, rotationSchemaFile), compile(t, completeSchemaFile)
	answer := finding.Answered([]finding.Finding{finding.New("cluster/stale", "", "m\xff")}, "u\xff")
	now := time.Unix(1_800_000_000, 0)
	d := rotation.Rotation{Repositories: []string{"acme/fleet"}, By: "ada\xff", New: "NEW", Started: now, Stored: now,
		Expires: now.AddDate(0, 1, 0), Places: []rotation.Place{{Where: "esc a/b/c d"}}}
	for name, c := range map[string]struct {
		report Report
		schema *jsonschema.Schema
	}{
		"an empty checkup": {Checkup{}.Report(), checkups},
		"a checkup": {Checkup{Subject: "s", Checks: []finding.Check{{Name: "a", Evidence: []string{"e\xff"}},
			{Name: "b", Answer: answer}}}.Report(), checkups},
		"no rotation":        {Rotation{Answer: finding.Answer{Basis: finding.Foreign}}.Report(), rotations},
		"a rotation":         {Rotation{Answer: answer, Rotation: d, Seen: rotation.Observation{Now: now}}.Report(), rotations},
		"an empty statement": {Completeness{}.Report(), statements},
		"a missing delivery": {Completeness{Statement: audit.Statement{Missing: []audit.Delivery{{GUID: "g\xff"}}}}.Report(), statements},
		"an unsettled push":  {Completeness{Statement: audit.Statement{Unsettled: []audit.Untold{{Name: "n\xff"}}}}.Report(), statements},
		"a push without event": {Completeness{Statement: audit.Statement{NeverEmitted: []audit.Untold{{Name: "n"}},
			Unlisted: []audit.Unlisted{{}}}}.Report(), statements},
	} {
		var out bytes.Buffer
		if err := JSON(&out, c.report); err != nil {
			t.Fatal(err)
		}
		value, err := jsonschema.UnmarshalJSON(&out)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.schema.Validate(value); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSchemaWantsEveryKey(t *testing.T) {
	s := compile(t, schemaFile)
	data, err := json.Marshal(Change{}.Report().Document)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"version", "verdict", "base", "head", "reproduction", "updates", "findings"} {
		var value map[string]any
		if err := json.Unmarshal(data, &value); err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(value); err != nil {
			t.Fatal(err)
		}
		delete(value, key)
		if s.Validate(value) == nil {
			t.Errorf("a report without %s passes", key)
		}
	}
}

func TestSARIFRules(t *testing.T) {
	var out bytes.Buffer
	if err := SARIF(&out, Change{}.Report()); err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(out.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if err := compile(t, "testdata/sarif/sarif-2.1.0-rtm.5.json").Validate(value); err != nil {
		t.Error(err)
	}
	var log struct {
		Runs []struct {
			Tool struct {
				Driver struct {
					Rules []struct {
						ID, HelpURI            string
						ShortDescription, Help struct{ Text, Markdown string }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(out.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	for _, rule := range log.Runs[0].Tool.Driver.Rules {
		if rule.ID == "version/major" {
			if rule.HelpURI != rulesPage+"#versionmajor" || rule.ShortDescription.Text == "" || rule.Help.Markdown == "" {
				t.Errorf("rule %+v", rule)
			}
			return
		}
	}
	t.Error("version/major is not among the rules")
}
