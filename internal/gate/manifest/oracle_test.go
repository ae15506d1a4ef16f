package manifest

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/test/sharedtest"
)

// oracle gives the folders of the oracle's pairs.
func oracle(t testing.TB) []string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(sharedtest.Path(t, "corpus", "oracle"), "*"))
	if err != nil || len(dirs) < 200 {
		t.Fatalf("only %d oracle pairs: %v", len(dirs), err)
	}
	return dirs
}

type oraclePolicy struct{ Namespace, Name, Image, Tag, Digest string }

func (p oraclePolicy) setters(into map[string]string) {
	id := p.Namespace + ":" + p.Name
	whole := p.Image + ":" + p.Tag
	if p.Digest != "" {
		whole += "@" + p.Digest
	}
	into[id], into[id+":name"], into[id+":tag"], into[id+":digest"] = whole, p.Image, p.Tag, p.Digest
}

// TestOracle holds Reproduce against what Flux's own code wrote.
func TestOracle(t *testing.T) {
	for _, dir := range oracle(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			var meta struct {
				Case, Filename string
				Policies       []oraclePolicy
				Written        bool
				Error          *string
			}
			data, err := os.ReadFile(filepath.Join(dir, "meta.json"))
			if err == nil {
				err = json.Unmarshal(data, &meta)
			}
			if err != nil {
				t.Fatal(err)
			}
			before, err1 := os.ReadFile(filepath.Join(dir, "before.yaml"))
			after, err2 := os.ReadFile(filepath.Join(dir, "after.yaml"))
			if err1 != nil || err2 != nil {
				t.Fatal(err1, err2)
			}
			if meta.Error != nil { // Flux refused the policy's image, so no file was touched
				if !bytes.Equal(before, after) {
					t.Errorf("%s: Flux wrote in spite of %s", meta.Case, *meta.Error)
				}
				return
			}
			setters := map[string]string{}
			for _, p := range meta.Policies {
				p.setters(setters)
			}
			got := before
			if Named(meta.Filename) {
				got, err = reproduce(before, setters, derived, false)
			}
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, after) {
				t.Errorf("%s: got\n%s\nwant\n%s", meta.Case, got, after)
			}
		})
	}
}
