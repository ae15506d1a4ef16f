package audit_test

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
)

// official is a package that npm fetches once, with the files of it that are looked at, by
// their hashes.
type official struct {
	npm, kept string
	files     map[string]string
}

// examples are GitHub's own examples of deliveries, of github.com and of its servers.
var examples = official{"@octokit/webhooks-examples@7.6.1", "webhooks-examples-", map[string]string{
	"package/api.github.com/index.json": "09d8f0c617876ae9dad22e26fea5510bfcaad50ee7e602659f6db25b87b25815",
	"package/ghes-31/index.json":        "e7dd7af48ef706a3045f8bb15cfb96a5410b700ad675e90d498a38a355671bc1",
	"package/ghes-32/index.json":        "098178d296bd161b7fe31f2e4117ae947200b49d7f2a7d61aca2de5312f4c39e",
	"package/ghes-33/index.json":        "5f4ba06fa3e9cbf19ec66dcd068645c32125fba9827aa4582888e28954259937",
	"package/ghes-34/index.json":        "7f86e37cebb616713ba4177175d9eafe42217d7aab601016103b3da2d1a37aea",
	"package/ghes-35/index.json":        "e6c08d50c960441bb5b53feef5274a09e589b6d8998e5359f522c07b996e03ba",
}}

// described are GitHub's descriptions of its events.
var described = official{"@octokit/openapi-webhooks@12.1.0", "webhooks-described-", map[string]string{
	"package/generated/ghec.json":      "714efb1339398f48008849570cc0ab15c59d23272e5733118ce9ae8d42d9c38c",
	"package/generated/ghes-3.19.json": "f76e18f9ea5c8243a50004a5a4538d285042d2f162fb56d3cf73d0761baacbff",
}}

type example struct {
	Name     string
	Examples []json.RawMessage
}

// officials gives GitHub's examples.
func officials(t testing.TB) []example {
	t.Helper()
	var all []example
	for _, data := range examples.read(t) {
		var some []example
		if err := json.Unmarshal(data, &some); err != nil {
			t.Fatal(err)
		}
		all = append(all, some...)
	}
	return all
}

// read gives the files, in the order of their names.
func (o official) read(t testing.TB) [][]byte {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	for _, name := range slices.Sorted(maps.Keys(o.files)) {
		kept := filepath.Join(cache, "fluxkeeper", o.kept+o.files[name][:16]+".json")
		data, err := os.ReadFile(kept)
		if errors.Is(err, fs.ErrNotExist) {
			if err = o.fetch(t, filepath.Join(cache, "fluxkeeper")); err == nil {
				data, err = os.ReadFile(kept)
			}
		}
		if err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Logf("%s of %s is missing: install npm, which fetches it once: %v", name, o.npm, err)
			continue
		}
		sum := sha256.Sum256(data)
		if got := hex.EncodeToString(sum[:]); got != o.files[name] {
			t.Fatalf("%s of %s has the hash %s", name, o.npm, got)
		}
		all = append(all, data)
	}
	if len(all) == 0 {
		t.Skipf("nothing of %s is here", o.npm)
	}
	return all
}

// fetch keeps the files in a folder.
func (o official) fetch(t testing.TB, into string) error {
	folder := t.TempDir()
	pack := exec.Command("npm", "pack", "--silent", "--pack-destination", folder, o.npm)
	pack.Stderr = os.Stderr
	name, err := pack.Output()
	if err != nil {
		return err
	}
	file, err := os.Open(filepath.Join(folder, strings.TrimSpace(string(name))))
	if err != nil {
		return err
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		return err
	}
	for archive := tar.NewReader(unzipped); ; {
		header, err := archive.Next()
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if hash := o.files[header.Name]; hash != "" {
			data, err := io.ReadAll(archive)
			kept := filepath.Join(into, o.kept+hash[:16]+".json")
			if err = errors.Join(err, os.MkdirAll(into, 0o755), os.WriteFile(kept, data, 0o644)); err != nil {
				return err
			}
		}
	}
}

// TestEventsOfGitHub: each event that GitHub documents is a row of the table, with a reason
// where no more is read of it than who did what and where, and no row is made up.
func TestEventsOfGitHub(t *testing.T) {
	rows, documented := audit.EventTable(), map[string]bool{}
	for _, event := range officials(t) {
		documented[event.Name] = true
	}
	for _, data := range described.read(t) {
		var description struct {
			Webhooks map[string]struct {
				Post struct {
					ExternalDocs struct{ URL string }
				}
			}
		}
		if err := json.Unmarshal(data, &description); err != nil {
			t.Fatal(err)
		}
		for _, hook := range description.Webhooks {
			_, name, _ := strings.Cut(hook.Post.ExternalDocs.URL, "#")
			documented[strings.ReplaceAll(name, "-", "_")] = true
		}
	}
	for name := range documented {
		if _, ok := rows[name]; !ok {
			t.Errorf("%s is in no row", name)
		}
	}
	for name, reason := range rows {
		if !documented[name] && name != "bypass_request_push_ruleset" { // as the pages call it
			t.Errorf("GitHub documents no event %s", name)
		}
		if reason == "" && !audit.Reads(name) {
			t.Errorf("nothing is read of %s, and no reason is given", name)
		}
		if reason != "" && audit.Reads(name) {
			t.Errorf("%s is read, and has a reason not to be", name)
		}
	}
	if len(documented) < 80 {
		t.Errorf("only %d events", len(documented))
	}
}

// GitHub's examples have nothing wrong with them, whichever event they are of,
// and the sender of each is found.
func TestOfficialExamples(t *testing.T) {
	read := 0
	for _, event := range officials(t) {
		for i, body := range event.Examples {
			read++
			r := record(0, event.Name, body)
			r.Source, r.Target = "", ""
			reading := audit.Read(r, body)
			b := reading.Body
			if b.Malformed != "" || b.Event != event.Name {
				t.Errorf("%s %d: malformed %q, event %q", event.Name, i, b.Malformed, b.Event)
			}
			var plain struct {
				Sender     *struct{ ID int64 }
				Repository *struct{ ID int64 }
			}
			if err := json.Unmarshal(body, &plain); err != nil {
				t.Fatal(err)
			}
			if plain.Sender != nil && plain.Sender.ID != b.Sender.ID || plain.Repository != nil && plain.Repository.ID != b.Repository.ID {
				t.Errorf("%s %d: sender %d, repository %d", event.Name, i, b.Sender.ID, b.Repository.ID)
			}
			got := audit.Judge([]audit.Reading{reading}, audit.Contract{Accounts: []audit.Account{{ID: b.Sender.ID}}})
			if want := min(b.Sender.ID, 1); int64(len(got.Uses)+got.Followed) != want {
				t.Errorf("%s %d: %d uses, %d followed, want %d", event.Name, i, len(got.Uses), got.Followed, want)
			}
			for _, f := range got.Findings {
				if rule, _ := finding.Lookup(f.Rule); rule.Family() == "delivery" && !slices.Contains(honest, f.Rule) {
					t.Errorf("%s %d: %s: %s", event.Name, i, f.Rule, f.Message)
				}
			}
		}
	}
	if read < 300 {
		t.Errorf("only %d examples", read)
	}
}

var (
	// These are what some examples tell, which are years old.
	honest = []string{"delivery/clock", "delivery/meta", "delivery/guard-loosened", "delivery/secret-leaked"}
)

func BenchmarkReadOfficial(b *testing.B) {
	for _, event := range officials(b) {
		if event.Name != "push" && event.Name != "pull_request" {
			continue
		}
		b.Run(event.Name, func(b *testing.B) {
			size, n := 0, 0
			for b.Loop() {
				body := event.Examples[n%len(event.Examples)]
				audit.Read(record(0, event.Name, nil), body)
				size += len(body)
				n++
			}
			b.ReportMetric(float64(size)/float64(n), "B/body")
		})
	}
}
