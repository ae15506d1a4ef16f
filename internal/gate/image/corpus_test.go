package image_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/image"
	"github.com/goldfish-inc/fluxkeeper/internal/test/sharedtest"
)

// corpusChange is one changed marker value of a real commit, with a rough
// label of somebody else's making.
type corpusChange struct {
	Form string `json:"form"`
	Old  string `json:"old"`
	New  string `json:"new"`
	Kind string `json:"kind"`
}

// Steps of real commits must agree with the labels of the collection, but for
// the reasons that excuse names.
func TestCorpus(t *testing.T) {
	root := sharedtest.Path(t, "corpus", "commits")
	agreed, other := 0, 0
	excused := map[string]int{}
	for _, change := range corpusChanges(t, root) {
		old, ok := corpusRef(change.Form, change.Old)
		new, ok2 := corpusRef(change.Form, change.New)
		if !ok || !ok2 || !strings.HasPrefix(change.Kind, "semver:") && !strings.HasPrefix(change.Kind, "calver:") {
			other++
			continue
		}
		label, _, _ := strings.Cut(change.Kind, "+")
		system, label, _ := strings.Cut(label, ":")
		versioning := image.Semver
		if system == "calver" {
			versioning = image.Calendar
		}
		step := image.Compare(old, new, versioning)
		want := map[string]image.Kind{
			"patch-up": image.Patch, "minor-up": image.Minor, "major-up": image.Major,
			"patch-down": image.Downgrade, "minor-down": image.Downgrade, "major-down": image.Downgrade,
			"pre-up": image.Prerelease, "pre-down": image.Downgrade, "build-up": image.Same,
		}[label]
		reason := excuse(change, step)
		switch {
		case want == "":
			t.Errorf("no kind for the label %s", change.Kind)
		case step.Kind == want && reason == "":
			agreed++
		case reason == "":
			t.Errorf("%s → %s is %v, labelled %s", change.Old, change.New, step, change.Kind)
		default:
			excused[reason]++
		}
	}
	if agreed < 500 {
		t.Errorf("only %d changes agree", agreed)
	}
	t.Logf("%d agree, %d are not about versions, excused: %v", agreed, other, excused)
}

// excuse says why a step may differ from its label; empty when it may not.
func excuse(change corpusChange, step image.Step) string {
	has := func(word string) bool { return slices.Contains(step.Words, word) }
	switch {
	case step.Kind == image.Prerelease && strings.Contains(change.Kind, "-up+"):
		// 1.23.1-1 → 1.24.0-0: to us the new version is a prerelease all the same.
		return "prerelease by its suffix"
	case strings.HasPrefix(change.Kind, "calver:major-up") && step.Kind == image.Minor:
		return "a new year is minor"
	case strings.Contains(change.Kind, ":pre-") && step.Kind == image.Variant:
		// 4.5.5-ls245 → 4.5.5: what semantic versioning calls a prerelease is a variant.
		return "variant by its suffix"
	case strings.HasPrefix(change.Kind, "calver:") && has("not-semver"):
		// v0.2605.0 → v26.02.2: only one side begins with a year.
		return "not a calendar version"
	}
	return ""
}

func corpusChanges(t *testing.T, root string) []corpusChange {
	t.Helper()
	var all []corpusChange
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.Name() != "meta.json" {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var meta struct {
			Changes []corpusChange `json:"changes"`
		}
		err = json.Unmarshal(data, &meta)
		all = append(all, meta.Changes...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// corpusRef reads a value by its marker's form, or, since some fields hold
// the wrong form, by its own.
func corpusRef(form, value string) (image.Ref, bool) {
	switch {
	case form == "tag" && image.ParseTag(value) == nil:
		return image.Ref{Tag: value}, true
	case form == "digest" && image.ParseDigest(value) == nil:
		return image.Ref{Digest: value}, true
	}
	r, err := image.ParseRef(value)
	if err == nil && r.Tag == "" && image.ParseTag(value) == nil {
		return image.Ref{Tag: value}, true
	}
	return r, err == nil
}
