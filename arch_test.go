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

// imports is the import table of docs/design.md: what a package may import of
// the project's own. Edge packages are missing from every other edge's list.
var imports = map[string][]string{
	"":                            {},
	"cmd/action":                  {"internal/console", "internal/finding", "internal/gate", "internal/github", "internal/gitrepo", "internal/manifest", "internal/plan", "internal/proposal", "internal/report", "internal/runner", "internal/secret", "internal/setting", "internal/token"},
	"cmd/receiver":                {"internal/admin", "internal/audit", "internal/cluster", "internal/console", "internal/diagnosis", "internal/esc", "internal/finding", "internal/gate", "internal/github", "internal/intake", "internal/ledger", "internal/metric", "internal/proof", "internal/report", "internal/secret", "internal/store", "internal/token"},
	"e2e":                         {}, // holds only tests
	"internal/diagnosis":          {"internal/audit", "internal/finding", "internal/gate", "internal/image", "internal/secret"},
	"internal/console":            {"internal/finding", "internal/report", "internal/secret"},
	"internal/cluster":            {"internal/diagnosis", "internal/image", "internal/secret", "internal/token"},
	"internal/fakehub":            {"internal/leaktest"}, // for tests only
	"internal/fakehub/cmd":        {"internal/fakehub"},  // for tests only
	"internal/fakehub/github/cut": {},                    // a tool
	"internal/esc":                {"internal/secret"},
	"internal/esctest":            {"internal/leaktest"}, // for tests only
	"internal/finding":            {},
	"internal/gate":               {"internal/finding", "internal/image", "internal/manifest", "internal/proposal"},
	"internal/gatetest":           {"internal/finding", "internal/gate", "internal/image", "internal/manifest"}, // for tests only
	"internal/github":             {"internal/audit", "internal/diagnosis", "internal/finding", "internal/gate", "internal/manifest", "internal/plan", "internal/secret", "internal/signature", "internal/token"},
	"internal/gitrepo":            {"internal/gate", "internal/manifest", "internal/signature"},
	"internal/crashtest":          {"internal/ledger"}, // for tests only
	"internal/admin":              {"internal/ledger", "internal/proof"},
	"internal/audit":              {"internal/finding", "internal/ledger"},
	"internal/image":              {},
	"internal/intake":             {"internal/ledger", "internal/secret"},
	"internal/kubetest":           {},                                                // for tests only
	"internal/leaktest":           {"internal/test/knownfail"},                       // for tests only
	"internal/leaktest/sift":      {"internal/leaktest", "internal/test/sharedtest"}, // for tests only
	"internal/ledger":             {"internal/secret"},
	"internal/manifest":           {},
	"internal/proof":              {},
	"internal/powercut":           {}, // for tests only
	"internal/metric":             {},
	"internal/plan":               {"internal/finding", "internal/gate", "internal/proposal", "internal/report"},
	"internal/postgrestest":       {}, // for tests only
	"internal/proposal":           {"internal/image"},
	"internal/report":             {"internal/audit", "internal/finding", "internal/gate", "internal/image", "internal/manifest", "internal/token"},
	"internal/runner":             {"internal/finding", "internal/report", "internal/secret"},
	"internal/secret":             {},
	"internal/signature":          {"internal/gate"},
	"internal/setting":            {"internal/secret"},
	"internal/store":              {"internal/ledger", "internal/proof"},
	"internal/storytest":          {"internal/fakehub"}, // for tests only
	"internal/test/knownfail":     {},                   // for tests only
	"internal/test/sharedtest":    {},                   // for tests only
	"internal/token":              {"internal/finding", "internal/secret"},
}

// pure packages turn values into values: no clock, environment, network, file.
var pure = []string{
	"internal/audit", "internal/diagnosis", "internal/finding", "internal/gate", "internal/image", "internal/ledger",
	"internal/manifest", "internal/plan", "internal/proof", "internal/proposal", "internal/report",
	"internal/secret", "internal/setting", "internal/signature", "internal/token",
}

// onlyPlace lists libraries that few packages may import.
var onlyPlace = map[string][]string{
	"github.com/alecthomas/kong":             {"cmd/action", "cmd/receiver", "internal/console"},
	"github.com/go-git/":                     {"internal/gitrepo"},
	"github.com/golang-jwt/jwt":              {"internal/github"},
	"github.com/google/go-github":            {"internal/github"},
	"github.com/hashicorp/go-retryablehttp":  {"internal/github"},
	"github.com/google/go-containerregistry": {"internal/image"},
	"github.com/Masterminds/semver":          {"internal/image"},
	"sigs.k8s.io/kustomize/kyaml":            {"internal/manifest"},
	"go.yaml.in/yaml":                        {"internal/diagnosis", "internal/esc", "internal/esctest", "internal/finding", "internal/gate", "internal/gatetest", "internal/manifest"},
	"github.com/jackc/pgx":                   {"internal/postgrestest", "internal/store"},
	"github.com/pressly/goose":               {"internal/store"},
	"github.com/sethvargo/go-githubactions":  {"internal/runner"},
	"github.com/hanwen/go-fuse":              {"internal/powercut"},
	"github.com/labstack/echo":               {"internal/admin", "internal/intake"},
	"github.com/prometheus/":                 {"internal/metric"},
	"github.com/klauspost/compress":          {"internal/store"},
	"golang.org/x/mod/sumdb":                 {"internal/ledger", "internal/store"},
	"k8s.io/api":                             {"internal/cluster", "internal/kubetest"},
	"k8s.io/apimachinery":                    {"internal/cluster", "internal/kubetest"},
	"k8s.io/client-go":                       {"internal/cluster", "internal/kubetest"},
	"html/template":                          {"internal/report"},
	"modernc.org/sqlite":                     {"internal/store"},
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

func TestImportTable(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range list(t) {
		allowed, ok := imports[p.name()]
		if !ok {
			t.Errorf("%s is not in the import table", p.name())
			continue
		}
		seen[p.name()] = true
		for _, path := range p.Imports {
			own, ok := strings.CutPrefix(path, module+"/")
			if ok && !slices.Contains(allowed, own) {
				t.Errorf("%s imports %s, which the import table does not allow", p.name(), own)
			}
		}
	}
	for name := range imports {
		if !seen[name] {
			t.Errorf("the import table names %q, which does not exist", name)
		}
	}
}

func TestOnlyPlace(t *testing.T) {
	for _, p := range list(t) {
		for _, path := range p.Imports {
			for library, places := range onlyPlace {
				if strings.HasPrefix(path, library) && !slices.Contains(places, p.name()) {
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
	impureImports := []string{"os", "os/exec", "os/signal", "os/user", "net", "net/http", "syscall", "unsafe", "math/rand", "math/rand/v2", "path/filepath"}
	impureNames := map[string][]string{"time": {"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker", "Local", "LoadLocation"}}
	for _, p := range list(t) {
		if !slices.Contains(pure, p.name()) {
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
