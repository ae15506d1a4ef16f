package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"
	validator "github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/goldfish-inc/fluxkeeper/internal/test/schematest"
)

var update = flag.Bool("update", false, "write generated and golden files")

// These types describe the policy file to the schema generator. They live in
// a test so that the programs do not link it; TestSchemaHasTheParsersKeys
// holds them against the parser.
type (
	policyFile struct {
		Version int `json:"version" jsonschema:"enum=1"` // Version of this file format.
		// Where Flux pushes to and where its updates may go. In a pattern * stands for
		// anything but a slash, flux/** for everything below flux/.
		Branches *schemaBranches `json:"branches,omitempty"`
		// Patterns of the files that may change, from the repository's root; any file where left
		// out. * stands for anything but a slash, clusters/** for everything below clusters/.
		Paths []schemaText `json:"paths,omitempty" jsonschema:"minItems=1,uniqueItems=true"`
		// Who may make the commits. Where left out, the name and e-mail of Flux's documentation.
		Bots []schemaBot `json:"bots,omitempty" jsonschema:"minItems=1"`
		// Who may open the pull request, besides the bots; anyone where left out, since opening
		// proves nothing.
		Openers []schemaAccount `json:"openers,omitempty" jsonschema:"minItems=1"`
		// The least proof of who made the commits: text (names and e-mails, which anybody can
		// write), account (numeric ids), signature (verified), key (verified with a pinned key),
		// pusher (GitHub names who pushed).
		Evidence string `json:"evidence,omitempty" jsonschema:"enum=none,enum=text,enum=account,enum=signature,enum=key,enum=pusher,default=text"`
		// What holds where people move what Flux sets: warn (not applicable, with a warning for
		// each place) or refuse.
		People string `json:"people,omitempty" jsonschema:"enum=warn,enum=refuse,default=warn"`
		// Accounts of type Bot, besides the bots, that may move what Flux sets; none where left out.
		Others []schemaAccount `json:"others,omitempty" jsonschema:"minItems=1"`
		// The kinds of step that may happen, each the second half of a version/… rule; patch and
		// minor where left out, none where empty.
		Allow schemaAllow `json:"allow,omitempty"`
		// How versions are ordered: semver, calendar (a new year is not a breaking change), or
		// policy (forward in the order of the image's own ImagePolicy); semver where left out.
		Versioning schemaVersioning `json:"versioning,omitempty"`
		Limits     *schemaLimits    `json:"limits,omitempty"`  // Numbers that a change must keep to.
		Reverts    *schemaReverts   `json:"reverts,omitempty"` // What holds for versions that were taken back on the base.
		// Pattern of the pull request's title; only * is special and stands for any text.
		Title schemaText          `json:"title,omitempty"`
		Rules map[string]*setting `json:"rules,omitempty"` // Raises or lowers single rules, by name, such as version/major.
		// What the bots' accounts may do, which fluxkeeper-receiver holds webhook deliveries
		// against.
		Uses *schemaUses `json:"uses,omitempty"`
		// Other terms for some images. The first entry that matches and has not ended holds; what it
		// does not say is as at the top of the file.
		Images []schemaImage `json:"images,omitempty" jsonschema:"minItems=1"`
	}
	schemaBranches struct {
		// Patterns of the branches that Flux pushes to; flux-image-updates where left out.
		Head []schemaText `json:"head,omitempty" jsonschema:"minItems=1,uniqueItems=true"`
		// Names of the branches that updates may go to; the default branch where left out. No
		// patterns, since each has a check of its own.
		Base []schemaBase `json:"base,omitempty" jsonschema:"minItems=1,uniqueItems=true"`
	}
	schemaBot struct {
		Login schemaText `json:"login,omitempty"`                     // Login of the bot's GitHub account; needs the id.
		ID    int64      `json:"id,omitempty" jsonschema:"minimum=1"` // Numeric id of the account: gh api users/LOGIN --jq .id
		Name  schemaText `json:"name,omitempty"`                      // Name in the bot's commits; not compared where left out.
		Email schemaText `json:"email,omitempty"`                     // E-mail in the bot's commits; not compared where left out.
		// Public keys of the bot's signatures: SSH lines (ssh-ed25519 AAAA…), armored OpenPGP public
		// keys, or fingerprints (SHA256:… or 40 hex digits).
		Keys []string `json:"keys,omitempty" jsonschema:"minItems=1,uniqueItems=true"`
	}
	schemaAccount struct {
		Login schemaText `json:"login"`                     // Login of the GitHub account.
		ID    int64      `json:"id" jsonschema:"minimum=1"` // Numeric id of the account: gh api users/LOGIN --jq .id
	}
	schemaLimits struct {
		// How many minor versions a minor step may leave out; any number where left out.
		MinorSkip schemaMinorSkip `json:"minor-skip,omitempty"`
		Updates   int             `json:"updates,omitempty" jsonschema:"minimum=1,default=200"` // How many images one change may update.
	}
	schemaReverts struct {
		Within *schemaWithin `json:"within,omitempty"` // How far back the base is looked at, whichever comes first.
	}
	schemaWithin struct {
		Days    int `json:"days,omitempty" jsonschema:"minimum=1,default=90"`     // Days before the base's tip.
		Commits int `json:"commits,omitempty" jsonschema:"minimum=1,default=200"` // Commits that changed the file.
	}
	schemaImageLimits struct {
		MinorSkip schemaMinorSkip `json:"minor-skip,omitempty"` // How many minor versions a minor step may leave out; any number where left out.
	}
	setting struct {
		// error makes the verdict fail, warning and note are shown, off is not reported.
		Severity string     `json:"severity" jsonschema:"enum=error,enum=warning,enum=note,enum=off"`
		Reason   schemaText `json:"reason,omitempty"` // Why; needed where the severity is less than the rule's own.
	}
	schemaImage struct {
		// Pattern of the image's name as the manifest writes it, without tag and digest; * stands
		// for anything but a slash.
		Match schemaText `json:"match,omitempty"`
		// Pattern of the ImagePolicy, namespace:name. Where match is given too, both must match.
		Policy schemaText `json:"policy,omitempty" jsonschema:"pattern=^[^:]+:[^:]+$"`
		// The kinds of step that may happen, each the second half of a version/… rule; as at the top
		// of the file where left out, none where empty.
		Allow schemaAllow `json:"allow,omitempty"`
		// How versions are ordered: semver, calendar (a new year is not a breaking change), or
		// policy (forward in the order of the image's own ImagePolicy); as at the top of the file
		// where left out.
		Versioning schemaVersioning `json:"versioning,omitempty"`
		// How the ImagePolicy of these images puts tags in order, where it is not in this repository:
		// what its spec says of filterTags and policy.
		Order  *schemaOrder       `json:"order,omitempty"`
		Limits *schemaImageLimits `json:"limits,omitempty"` // Numbers that an update of these images must keep to.
		// The last day (UTC) on which this entry holds; for good where left out.
		Until  string     `json:"until,omitempty" jsonschema:"format=date"`
		Reason schemaText `json:"reason"` // Why these images are different.
	}
	schemaOrder struct {
		FilterTags *schemaFilter `json:"filterTags,omitempty"` // Which tags count, and what of them is compared.
		Policy     schemaBy      `json:"policy"`               // One of semver, numerical and alphabetical.
	}
	schemaFilter struct {
		Pattern schemaText `json:"pattern"`           // Regular expression (RE2) of the tags that count.
		Extract schemaText `json:"extract,omitempty"` // What of the match is compared, such as $ts; the tag where left out.
	}
	schemaBy struct {
		Semver       *schemaRange     `json:"semver,omitempty"`       // Versions within a range.
		Numerical    *schemaDirection `json:"numerical,omitempty"`    // By number.
		Alphabetical *schemaDirection `json:"alphabetical,omitempty"` // By letter.
	}
	schemaRange struct {
		Range schemaText `json:"range"` // The range, such as 1.x.
	}
	schemaDirection struct {
		Order string `json:"order" jsonschema:"enum=asc,enum=desc"` // asc: the last in order is the newest; desc: the first is.
	}
	schemaUses struct {
		// Where they may be used: owner/name, in which * stands for anything but a slash, or an id
		// in quotes; anywhere where left out.
		Repositories []schemaText `json:"repositories,omitempty" jsonschema:"minItems=1,uniqueItems=true"`
		// Patterns of the branches that they may push and propose; those that Flux pushes to where
		// left out.
		Branches []schemaText `json:"branches,omitempty" jsonschema:"minItems=1,uniqueItems=true"`
		// Webhook events that they may cause: event or event.action, and after a colon a pattern of the
		// object such as a status's context; where left out, what Flux and
		// proposals cause.
		Events []schemaEvent `json:"events,omitempty" jsonschema:"minItems=1,uniqueItems=true"`
		// How many of an event they may cause in an hour, by the event's name.
		Limits map[string]int `json:"limits,omitempty"`
		Hours  *schemaHours   `json:"hours,omitempty"` // When they may act; at any time where left out.
		// Patterns of the workflow files with markers that Flux updates: the gate takes these, and no
		// other ones, and its token needs the permission Workflows. Left out, the gate goes by paths,
		// and the token needs no such permission.
		Workflows []schemaText `json:"workflows,omitempty" jsonschema:"minItems=1,uniqueItems=true"`
	}
	schemaHours struct {
		From schemaClock `json:"from"` // Time of the day, such as 08:00.
		To   schemaClock `json:"to"`   // Time of the day; past midnight where it is not after from.
		// Days of the week on which that time begins; every day where left out.
		Days []schemaDay `json:"days,omitempty" jsonschema:"minItems=1,uniqueItems=true"`
		Zone schemaText  `json:"zone,omitempty"` // Time zone, such as Europe/Berlin; UTC where left out.
	}
	schemaClock      string
	schemaDay        string
	schemaEvent      string
	schemaText       string
	schemaBase       string
	schemaAllow      []string
	schemaVersioning string
	schemaMinorSkip  int
)

func (schemaText) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: `^\S(.*\S)?$`}
}

func (schemaBase) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: `^[^\s*?{[\\]([^*?{[\\]*[^\s*?{[\\])?$`}
}

func (schemaEvent) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: `^[a-z0-9_]+(\.[a-z0-9_]+)?(:.+)?$`}
}

func (schemaClock) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: `^([01][0-9]|2[0-3]):[0-5][0-9]$`}
}

func (schemaDay) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Enum: []any{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}}
}

func (schemaAllow) JSONSchema() *jsonschema.Schema {
	words := &jsonschema.Schema{Type: "string"}
	for _, w := range allowWords {
		words.Enum = append(words.Enum, w)
	}
	return &jsonschema.Schema{Type: "array", Items: words, UniqueItems: true}
}

func (schemaVersioning) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Enum: []any{"semver", "calendar", "policy"}}
}

func (schemaMinorSkip) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "integer", Minimum: "0"}, {Const: "any"}}}
}

func (schemaBot) JSONSchemaExtend(s *jsonschema.Schema) {
	s.DependentRequired = map[string][]string{"login": {"id"}, "id": {"login"}}
	s.AnyOf = []*jsonschema.Schema{{Required: []string{"name"}}, {Required: []string{"email"}}}
}

func (schemaImage) JSONSchemaExtend(s *jsonschema.Schema) {
	s.AnyOf = []*jsonschema.Schema{{Required: []string{"match"}}, {Required: []string{"policy"}}}
}

func generateSchema(t *testing.T) []byte {
	t.Helper()
	reflector := jsonschema.Reflector{Anonymous: true, DoNotReference: true, LookupComment: schematest.Comments(t)}
	schema := reflector.Reflect(&policyFile{})
	schema.ID = "https://raw.githubusercontent.com/goldfish-inc/fluxkeeper/main/docs/fluxkeeper.schema.json"
	schema.Title = "Fluxkeeper policy"
	schema.Description = "What a Flux image update may do and who may make it: " + File
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(schema); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestSchemaIsGenerated(t *testing.T) {
	want := generateSchema(t)
	for _, file := range []string{"fluxkeeper.schema.json", "../../../docs/fluxkeeper.schema.json"} {
		if *update {
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is out of date: run go test ./internal/gate -run TestSchemaIsGenerated -update", file)
		}
	}
	if !*update && !bytes.Equal(Schema(), want) {
		t.Error("PolicySchema differs from the generated schema")
	}
}

func compileSchema(t *testing.T) *validator.Schema {
	t.Helper()
	doc, err := validator.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := validator.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// schemaOpinion says whether an editor that knows the schema would mark the file.
func schemaOpinion(schema *validator.Schema, data []byte) string {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil || len(doc.Content) == 0 {
		return "cannot read"
	}
	v, err := asJSON(doc.Content[0])
	switch {
	case err != nil:
		return "cannot read"
	case schema.Validate(v) != nil:
		return "refuses"
	}
	return "accepts"
}

// asJSON reads YAML as editors do, with dates as text.
func asJSON(n *yaml.Node) (any, error) {
	switch n.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			v, err := asJSON(n.Content[i+1])
			if err != nil {
				return nil, err
			}
			if _, repeated := m[n.Content[i].Value]; repeated || n.Content[i].Kind != yaml.ScalarNode {
				return nil, errors.New("a key that JSON cannot have")
			}
			m[n.Content[i].Value] = v
		}
		return m, nil
	case yaml.SequenceNode:
		list := []any{}
		for _, item := range n.Content {
			v, err := asJSON(item)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	case yaml.AliasNode:
		return asJSON(n.Alias)
	}
	if n.ShortTag() == "!!timestamp" {
		return n.Value, nil
	}
	var v any
	err := n.Decode(&v)
	return v, err
}

// The keys that the parser knows, as its hint lists them, are the properties
// that the schema has at the same place.
func TestSchemaHasTheParsersKeys(t *testing.T) {
	var schema map[string]any
	if err := json.Unmarshal(Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	for place, file := range map[string]string{
		"":                                      "version: 1\nzzzzzzzz: 1\n",
		"properties/branches":                   "version: 1\nbranches: {zzzzzzzz: 1}\n",
		"properties/bots/items":                 "version: 1\nbots: [{email: a@b, zzzzzzzz: 1}]\n",
		"properties/openers/items":              "version: 1\nopeners: [{login: a, id: 1, zzzzzzzz: 1}]\n",
		"properties/others/items":               "version: 1\nothers: [{login: a, id: 1, zzzzzzzz: 1}]\n",
		"properties/limits":                     "version: 1\nlimits: {zzzzzzzz: 1}\n",
		"properties/uses":                       "version: 1\nuses: {zzzzzzzz: 1}\n",
		"properties/images/items":               "version: 1\nimages: [{match: a, reason: b, zzzzzzzz: 1}]\n",
		"properties/rules/additionalProperties": "version: 1\nrules: {version/major: {severity: error, zzzzzzzz: 1}}\n",
		"properties/images/items/properties/order": "version: 1\nimages: [{match: a, reason: b, order: {policy: {semver: {range: 1.x}}, " +
			"zzzzzzzz: 1}}]\n",
		"properties/images/items/properties/limits": "version: 1\nimages: [{match: a, reason: b, limits: {zzzzzzzz: 1}}]\n",
	} {
		at := schema
		for _, step := range strings.FieldsFunc(place, func(c rune) bool { return c == '/' }) {
			at, _ = at[step].(map[string]any)
		}
		properties, _ := at["properties"].(map[string]any)
		want := "the keys here are " + strings.Join(slices.Sorted(maps.Keys(properties)), ", ")
		_, err := Parse("p", []byte(file))
		var problems *Error
		if !errors.As(err, &problems) || len(problems.Problems) != 1 || problems.Problems[0].Hint != want {
			t.Errorf("at %q: got %v\nwant the hint %s", place, err, want)
		}
		for name, p := range properties {
			if p, _ := p.(map[string]any); p["description"] == nil {
				t.Errorf("at %q: %s has no description", place, name)
			}
		}
	}
}
