package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	reflector "github.com/invopop/jsonschema"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
)

const (
	schemaFile         = "../../docs/verdict.schema.json"
	timelineSchemaFile = "../../docs/timeline.schema.json"
	scanSchemaFile     = "../../docs/scan.schema.json"
	tokenSchemaFile    = "../../docs/token.schema.json"
	checkupSchemaFile  = "../../docs/checkup.schema.json"
)

func schemas(t *testing.T) map[string][]byte {
	return map[string][]byte{
		schemaFile:         schema(t, document{}, schemaFile, "Fluxkeeper's verdict", "What fluxkeeper check --format json prints."),
		timelineSchemaFile: schema(t, timelineDocument{}, timelineSchemaFile, "Fluxkeeper's timeline", "What fluxkeeper-receiver report --format json prints."),
		scanSchemaFile:     schema(t, scanDocument{}, scanSchemaFile, "Fluxkeeper's search for tokens", "What fluxkeeper token scan --format json prints."),
		tokenSchemaFile:    schema(t, tokenDocument{}, tokenSchemaFile, "Fluxkeeper's report on a token", "What fluxkeeper token check --format json prints."),
		checkupSchemaFile:  schema(t, checkupDocument{}, checkupSchemaFile, "Fluxkeeper's checkup", "What fluxkeeper-receiver doctor --format json prints."),
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
			if name := filepath.Base(file); name == "hostile.json" || name == "empty.json" && pattern == "testdata/*.json" {
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

// TestCheckupKeepsItsSchema: whatever was found, and where nothing was.
func TestCheckupKeepsItsSchema(t *testing.T) {
	s := compile(t, checkupSchemaFile)
	wrong := []finding.Finding{{Rule: "cluster/stale", Severity: finding.Error, Message: "m\xff"}}
	for _, c := range []Checkup{{}, {Subject: "s", Rows: []CheckupRow{
		{Check: "a", Evidence: []string{"e\xff"}}, {Check: "b", Unread: []string{"u"}}, {Check: "c", Findings: wrong},
	}}} {
		var out bytes.Buffer
		if err := CheckupJSON(&out, c); err != nil {
			t.Fatal(err)
		}
		value, err := jsonschema.UnmarshalJSON(&out)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(value); err != nil {
			t.Error(err)
		}
	}
}

func TestSchemaWantsEveryKey(t *testing.T) {
	s := compile(t, schemaFile)
	r := Report{}
	r.Result.Verdict = "pass"
	data, err := json.Marshal(r.document())
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
	if err := SARIF(&out, Report{}); err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(out.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if err := compile(t, "testdata/sarif/sarif-2.1.0-rtm.5.json").Validate(value); err != nil {
		t.Error(err)
	}
	var log sarifLog
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
