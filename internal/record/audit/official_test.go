package audit_test

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
)

// GitHub's own examples of deliveries, by version and hash.
const (
	officialPackage = "@octokit/webhooks-examples@7.6.1"
	officialFile    = "package/api.github.com/index.json"
	officialHash    = "09d8f0c617876ae9dad22e26fea5510bfcaad50ee7e602659f6db25b87b25815"
)

type official struct {
	Name     string
	Examples []json.RawMessage
}

// officials gives GitHub's examples, which npm fetches once.
func officials(t testing.TB) []official {
	t.Helper()
	data, err := officialData(t)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("GitHub's examples are missing: install npm, which fetches them once: %v", err)
	}
	sum := sha256.Sum256(data)
	if got := hex.EncodeToString(sum[:]); got != officialHash {
		t.Fatalf("the examples have the hash %s", got)
	}
	var all []official
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func officialData(t testing.TB) ([]byte, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	kept := filepath.Join(cache, "fluxkeeper", "webhooks-examples-"+officialHash[:16]+".json")
	if data, err := os.ReadFile(kept); err == nil {
		return data, nil
	}
	folder := t.TempDir()
	pack := exec.Command("npm", "pack", "--silent", "--pack-destination", folder, officialPackage)
	pack.Stderr = os.Stderr
	name, err := pack.Output()
	if err != nil {
		return nil, err
	}
	file, err := os.Open(filepath.Join(folder, strings.TrimSpace(string(name))))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	for archive := tar.NewReader(unzipped); ; {
		header, err := archive.Next()
		if err != nil {
			return nil, err
		}
		if header.Name != officialFile {
			continue
		}
		data, err := io.ReadAll(archive)
		return data, errors.Join(err, os.MkdirAll(filepath.Dir(kept), 0o755), os.WriteFile(kept, data, 0o644))
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
