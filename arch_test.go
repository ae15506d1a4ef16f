package fluxkeeper_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/goldfish-inc/fluxkeeper"

// rooms says what a room, a folder of internal or a program, may import of the other rooms.
var rooms = map[string][]string{
	"finding":      {},
	"text":         {"secret"}, // what is shown hides them
	"secret":       {},
	"gate":         {"finding", "secret", "text"},
	"record":       {"finding", "secret", "text"},
	"token":        {"finding", "record", "secret", "text"}, // rotations are on record
	"doctor":       {"finding", "gate", "record", "secret", "text"},
	"cluster":      {"doctor", "gate", "secret", "text", "token"},
	"github":       {"doctor", "finding", "gate", "record", "secret", "text", "token"},
	"report":       {"finding", "gate", "record", "secret", "text", "token"},
	"cli":          {"finding", "secret", "text"},
	"cmd/action":   {"cli", "finding", "gate", "github", "report", "secret", "text", "token"},
	"cmd/receiver": {"cli", "cluster", "doctor", "finding", "gate", "github", "record", "report", "secret", "text", "token"},
	"test":         {"finding", "gate", "record"}, // tests alone import it
	"":             {},
	"e2e":          {},
}

// edges know the world outside. Everything else below internal turns values into
// values: no clock, environment, network, file. An edge imports no other edge of
// another room.
var edges = []string{
	"internal/cli/console", "internal/cli/runner", "internal/cluster", "internal/gate/gitrepo", "internal/github",
	"internal/record/api", "internal/record/durable", "internal/record/intake", "internal/record/metric", "internal/record/store",
	"internal/token/esc",
}

// edge says whether a package is an edge, or part of one.
func edge(name string) bool {
	return slices.ContainsFunc(edges, func(e string) bool { return name == e || strings.HasPrefix(name, e+"/") })
}

// room is where a package stands.
func room(name string) string {
	if below, ok := strings.CutPrefix(name, "internal/"); ok {
		first, _, _ := strings.Cut(below, "/")
		return first
	}
	return name
}

// onlyPlace lists libraries that few packages may import.
var onlyPlace = map[string][]string{
	"github.com/bmatcuk/doublestar":          {"internal/text/pattern"},
	"github.com/alecthomas/kong":             {"cmd/action", "cmd/receiver", "internal/cli/console"},
	"github.com/go-git/":                     {"internal/gate/gitrepo"},
	"github.com/golang-jwt/jwt":              {"internal/github"},
	"github.com/google/go-github":            {"internal/github"},
	"github.com/hashicorp/go-retryablehttp":  {"internal/github"},
	"github.com/google/go-containerregistry": {"internal/gate/image"},
	"github.com/Masterminds/semver":          {"internal/gate/image"},
	"sigs.k8s.io/kustomize/kyaml":            {"internal/gate/manifest", "internal/gate/kustomize"},
	"gopkg.in/evanphx/json-patch":            {"internal/gate/kustomize"},
	"go.yaml.in/yaml": {"internal/cli/inputs", "internal/doctor", "internal/token/esc", "internal/test/esctest", "internal/finding",
		"internal/gate", "internal/test/gatetest", "internal/gate/manifest"},
	"github.com/jackc/pgx":                  {"internal/test/postgrestest", "internal/record/store"},
	"github.com/pressly/goose":              {"internal/record/store"},
	"github.com/sethvargo/go-githubactions": {"internal/cli/runner"},
	"github.com/hanwen/go-fuse":             {"internal/test/powercut"},
	"github.com/labstack/echo":              {"internal/record/api", "internal/record/intake"},
	"github.com/prometheus/":                {"internal/record/metric"},
	"github.com/klauspost/compress":         {"internal/record/store"},
	"golang.org/x/mod/sumdb":                {"internal/record/ledger", "internal/record/store"},
	"k8s.io/api":                            {"internal/cluster", "internal/test/kubetest"},
	"k8s.io/apimachinery":                   {"internal/cluster", "internal/test/kubetest"},
	"k8s.io/client-go":                      {"internal/cluster", "internal/test/kubetest"},
	"html/template":                         {"internal/report"},
	"modernc.org/sqlite":                    {"internal/record/store"},
}

// notLinked lists what a program must not contain, not even indirectly.
var notLinked = map[string][]string{
	"cmd/action": {
		"k8s.io/api", "k8s.io/apimachinery", "k8s.io/client-go", "github.com/labstack/echo", "database/sql", "modernc.org/sqlite",
		"github.com/jackc/pgx", "github.com/mattn/go-sqlite3",
	},
}

// listed is the part of go list's answer that the tests look at.
type listed struct {
	ImportPath, Dir, Doc        string
	GoFiles, TestGoFiles        []string
	XTestGoFiles, Imports, Deps []string
	Error                       *struct{ Err string }
}

// name is the package's path below the module.
func (p listed) name() string {
	return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
}

// list returns the project's packages.
func list(t *testing.T) []listed {
	t.Helper()
	all, err := goList()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var goList = sync.OnceValues(func() ([]listed, error) {
	command := exec.Command("go", "list", "-json", "./...")
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("list packages: %w", err)
	}
	var all []listed
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
})

// TestFloors holds the floors that docs/design.md draws against the table of rooms.
func TestFloors(t *testing.T) {
	floor := map[string]int{}
	lines := strings.Split(strings.TrimSpace(drawing(t, "floors")), "\n")
	for n, line := range lines {
		names, _, _ := strings.Cut(strings.TrimSpace(line), "   ") // behind which it says what they are for
		for name := range strings.FieldsSeq(names) {
			floor[name] = len(lines) - n
		}
	}
	for from, allowed := range rooms {
		if from == "test" || from == "" || from == "e2e" {
			continue // nothing that is shipped imports them
		}
		if floor[from] == 0 {
			t.Errorf("%s is on no floor", from)
		}
		for _, to := range allowed {
			if floor[to] >= floor[from] {
				t.Errorf("%s may import %s, which is not below it", from, to)
			}
		}
	}
}

func TestRooms(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range list(t) {
		from := room(p.name())
		allowed, ok := rooms[from]
		if !ok {
			t.Errorf("%s stands in no room that the table knows", p.name())
			continue
		}
		seen[from] = true
		for _, path := range p.Imports {
			own, ok := strings.CutPrefix(path, module+"/")
			if !ok {
				continue
			}
			if to := room(own); to != from && !slices.Contains(allowed, to) {
				t.Errorf("%s imports %s, which the table does not allow", p.name(), own)
			}
			if edge(p.name()) && edge(own) && room(own) != from {
				t.Errorf("%s imports %s: an edge knows no other edge", p.name(), own)
			}
		}
	}
	for name := range rooms {
		if !seen[name] {
			t.Errorf("the table names %q, which does not exist", name)
		}
	}
}

func TestOnlyPlace(t *testing.T) {
	for _, p := range list(t) {
		for _, path := range p.Imports {
			for library, places := range onlyPlace {
				at := func(place string) bool { return p.name() == place || strings.HasPrefix(p.name(), place+"/") }
				if strings.HasPrefix(path, library) && !slices.ContainsFunc(places, at) {
					t.Errorf("%s imports %s; its only place is %s", p.name(), path, strings.Join(places, ", "))
				}
			}
		}
	}
}

func TestNotLinked(t *testing.T) {
	for _, p := range list(t) {
		for _, path := range notLinked[p.name()] {
			for _, dep := range p.Deps {
				// database/sql/driver is only interfaces, which semver speaks.
				if dep == path || dep != "database/sql/driver" && strings.HasPrefix(dep, path+"/") {
					t.Errorf("%s links %s", p.name(), dep)
				}
			}
		}
	}
}

// TestPure looks at what a pure package names itself. A library under it may
// import os: that it does no harm is the library's tests' business.
func TestPure(t *testing.T) {
	impureImports := []string{"os", "os/exec", "os/signal", "os/user", "net", "net/http", "syscall", "unsafe", "math/rand", "math/rand/v2",
		"path/filepath"}
	impureNames := map[string][]string{"time": {"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker",
		"Local", "LoadLocation"}}
	for _, p := range list(t) {
		if name := p.name(); !strings.HasPrefix(name, "internal/") || room(name) == "test" || edge(name) {
			continue
		}
		for _, path := range p.Imports {
			if slices.Contains(impureImports, path) || strings.HasPrefix(path, "golang.org/x/sys") {
				t.Errorf("%s is pure and imports %s", p.name(), path)
			}
		}
		for _, file := range parse(t, p.Dir, p.GoFiles) {
			ast.Inspect(file.ast, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok {
					if of, ok := s.X.(*ast.Ident); ok && slices.Contains(impureNames[of.Name], s.Sel.Name) {
						t.Errorf("%s: %s is pure and uses %s.%s", file.at(n), p.name(), of.Name, s.Sel.Name)
					}
				}
				return true
			})
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for _, p := range list(t) {
		if p.Doc == "" || !slices.Contains(p.GoFiles, "doc.go") {
			t.Errorf("%s has no doc.go with a package comment", p.name())
		}
		base := p.ImportPath[strings.LastIndex(p.ImportPath, "/")+1:]
		if slices.Contains([]string{"util", "utils", "common", "helpers", "types", "base"}, base) {
			t.Errorf("%s is named after nothing", p.name())
		}
	}
}
