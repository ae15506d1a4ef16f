package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

const source = `package main

import (
	"fmt"

	"golang.org/x/sync/errgroup"
)

var release string

func main() {
	var g errgroup.Group
	fmt.Println("this is", release, g.Wait())
}
`

// clone makes a repository of the same commit, always.
func clone(t *testing.T, dir string) string {
	t.Helper()
	sums, err := os.ReadFile("go.sum")
	must(t, err)
	for file, text := range map[string]string{
		"cmd/action/main.go": source, "cmd/receiver/main.go": source, "LICENSE": "Do what you like.\n", "README.md": "# Read me\n",
		"go.mod": "module example.com/made\n\ngo 1.26.0\n\nrequire golang.org/x/sync v0.22.0\n", "go.sum": string(sums),
		"action.yml": "runs:\n  using: docker" + fromDockerfile, "demo/run": "#!/bin/sh\n",
	} {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644))
	}
	must(t, os.Chmod(filepath.Join(dir, "demo/run"), 0o755))
	git(t, dir, "init", "-q", "-b", "main")
	git(t, dir, "add", "-A")
	git(t, dir, "commit", "-q", "-m", "All")
	return dir
}

func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	command := exec.Command("git", args...)
	command.Dir = dir
	command.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Ann", "GIT_AUTHOR_EMAIL=ann@example.com", "GIT_COMMITTER_NAME=Ann", "GIT_COMMITTER_EMAIL=ann@example.com",
		"GIT_AUTHOR_DATE=2026-11-22T12:00:00Z", "GIT_COMMITTER_DATE=2026-11-22T12:00:00Z")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const madeVersion = "v1.2.3"

// host is what runs here, and windows what does not.
var host = "linux/" + runtime.GOARCH

func makeIt(t *testing.T, version, dir, out string) error {
	t.Helper()
	return run(t.Context(), []string{"make", "-version", version, "-source", dir, "-o", out, "-go", "go",
		"-platforms", host + ",windows/amd64"})
}

// TestTwoFoldersOneRelease makes a release twice, on two machines as far as files, times and settings go, and looks
// at what it holds.
func TestTwoFoldersOneRelease(t *testing.T) {
	one, other := filepath.Join(t.TempDir(), "one"), filepath.Join(t.TempDir(), "another", "folder")
	must(t, makeIt(t, madeVersion, clone(t, t.TempDir()), one))
	t.Setenv("TZ", "Asia/Tokyo")
	t.Setenv("GOFLAGS", "-tags=other")
	t.Setenv("GOAMD64", "v3")
	there := clone(t, filepath.Join(t.TempDir(), "a", "longer", "name"))
	must(t, filepath.WalkDir(there, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.Contains(path, ".git/") {
			return errors.Join(os.Chtimes(path, time.Time{}, time.Unix(1, 0)), os.Chmod(path, 0o600|d.Type().Perm()))
		}
		return err
	}))
	must(t, os.Chmod(filepath.Join(there, "demo/run"), 0o700))
	must(t, os.MkdirAll(filepath.Dir(other), 0o755))
	must(t, makeIt(t, madeVersion, there, other))
	same(t, one, other)

	arch := runtime.GOARCH
	for _, file := range []string{
		"fluxkeeper_1.2.3_linux_" + arch + ".tar.gz", "fluxkeeper_1.2.3_windows_amd64.zip",
		"fluxkeeper-receiver_1.2.3_linux_" + arch + ".cdx.json",
	} {
		if _, err := os.Stat(filepath.Join(one, file)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(one, "fluxkeeper-receiver_1.2.3_windows_amd64.zip")); err == nil {
		t.Error("the receiver is offered for Windows, where its files are not synced")
	}
	check := exec.Command("sha256sum", "--check", "--strict", "fluxkeeper_1.2.3_checksums.txt")
	check.Dir = one
	if out, err := check.CombinedOutput(); err != nil || strings.Count(string(out), ": OK") != 8 {
		t.Errorf("%v\n%s", err, out)
	}
	packed := untar(t, filepath.Join(one, "fluxkeeper_1.2.3_linux_"+arch+".tar.gz"))
	program := filepath.Join(t.TempDir(), "fluxkeeper")
	must(t, os.WriteFile(program, packed["fluxkeeper"].data, 0o755))
	if runtime.GOOS == "linux" {
		if out, err := exec.Command(program).CombinedOutput(); err != nil || !strings.HasPrefix(string(out), "this is v1.2.3") {
			t.Errorf("%v %s", err, out)
		}
	}
	zipped, err := zip.OpenReader(filepath.Join(one, "fluxkeeper_1.2.3_windows_amd64.zip"))
	must(t, err)
	defer zipped.Close()
	if name := zipped.File[2].Name; name != "fluxkeeper.exe" {
		t.Errorf("for Windows there is %s", name)
	}
	bom, err := os.ReadFile(filepath.Join(one, "fluxkeeper_1.2.3_linux_"+arch+".cdx.json"))
	must(t, err)
	var parts struct{ Components []struct{ PURL string } }
	must(t, json.Unmarshal(bom, &parts))
	if len(parts.Components) != 2 || parts.Components[1].PURL != "pkg:golang/golang.org/x/sync@v0.22.0" {
		t.Errorf("SBOM: %s", bom)
	}
}

// TestImages pushes what was made: what action.yml names is there for users, and is what was made.
func TestImages(t *testing.T) {
	out := filepath.Join(t.TempDir(), "dist")
	must(t, makeIt(t, madeVersion, clone(t, t.TempDir()), out))
	server := httptest.NewServer(registry.New())
	defer server.Close()
	to := strings.TrimPrefix(server.URL, "http://") + "/goldfish-inc"
	must(t, run(t.Context(), []string{"push", "-from", out, "-to", to}))

	tree := untar(t, filepath.Join(out, "fluxkeeper_1.2.3_source.tar.gz"))
	if tree["demo/run"].mode.Perm() != 0o755 || tree["cmd/action/main.go"].mode.Perm() != 0o644 {
		t.Errorf("modes of what is tagged: %v %v", tree["demo/run"].mode, tree["cmd/action/main.go"].mode)
	}
	_, digest, found := strings.Cut(string(tree["action.yml"].data), "\n  image: docker://ghcr.io/goldfish-inc/fluxkeeper@")
	if !found {
		t.Fatalf("action.yml: %s", tree["action.yml"].data)
	}
	action := pull(t, to+"/fluxkeeper@"+strings.TrimSpace(digest))
	receiver := pull(t, to+"/fluxkeeper-receiver:v1.2.3")
	for _, one := range []struct {
		image v1.Image
		files string
		user  string
	}{
		{action, "LICENSE etc/ etc/ssl/ etc/ssl/certs/ etc/ssl/certs/ca-certificates.crt fluxkeeper", ""},
		{receiver, "LICENSE etc/ etc/ssl/ etc/ssl/certs/ etc/ssl/certs/ca-certificates.crt data/ fluxkeeper-receiver", "65532:65532"},
	} {
		var files []string
		layers, err := one.image.Layers()
		must(t, err)
		for _, l := range layers {
			content, err := l.Uncompressed()
			must(t, err)
			for archive := tar.NewReader(content); ; {
				h, err := archive.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				must(t, err)
				files = append(files, h.Name)
			}
		}
		config, err := one.image.ConfigFile()
		must(t, err)
		if got := strings.Join(files, " "); got != one.files || config.Config.User != one.user || config.Architecture != runtime.GOARCH {
			t.Errorf("%s, user %q, for %s", got, config.Config.User, config.Architecture)
		}
	}
	if n := strings.Count(string(roots()), "BEGIN CERTIFICATE"); n < 100 {
		t.Errorf("%d roots", n)
	}
}

func pull(t *testing.T, reference string) v1.Image {
	t.Helper()
	ref, err := name.ParseReference(reference)
	must(t, err)
	image, err := remote.Image(ref, remote.WithPlatform(v1.Platform{OS: "linux", Architecture: runtime.GOARCH}))
	must(t, err)
	return image
}

// TestRefuses: what nobody could make again, or would find only when it is published.
func TestRefuses(t *testing.T) {
	dir, out := clone(t, t.TempDir()), filepath.Join(t.TempDir(), "dist")
	for _, version := range []string{"1.2.3", "v1.2", "v01.2.3", "v1.2.3-rc.1", ""} {
		if err := run(t.Context(), []string{"make", "-version", version, "-source", dir, "-o", out}); err == nil {
			t.Errorf("%q is taken for a version", version)
		}
	}
	must(t, os.WriteFile(filepath.Join(dir, "note"), nil, 0o644))
	if err := makeIt(t, madeVersion, dir, out); err == nil || !strings.Contains(err.Error(), "differs from its commit") {
		t.Errorf("%v", err)
	}
	must(t, os.Remove(filepath.Join(dir, "note")))
	git(t, dir, "rm", "-q", "action.yml")
	must(t, os.WriteFile(filepath.Join(dir, "action.yml"), []byte("runs:\n  image: docker://somewhere\n"), 0o644))
	git(t, dir, "add", "-A")
	git(t, dir, "commit", "-q", "-m", "Another image")
	if err := makeIt(t, madeVersion, dir, out); err == nil || !strings.Contains(err.Error(), "no line") {
		t.Errorf("%v", err)
	}
	if err := run(t.Context(), nil); err == nil {
		t.Error("nothing to do is done")
	}
}

// TestSameImageAsTheDockerfile: what users pull and what builds from the sources make is started in the same way, by the
// same Go.
func TestSameImageAsTheDockerfile(t *testing.T) {
	data, err := os.ReadFile("../../Dockerfile")
	must(t, err)
	list := func(words []string) string {
		text, err := json.Marshal(words)
		must(t, err)
		return strings.ReplaceAll(string(text), ",", ", ")
	}
	for _, p := range programs() {
		_, stage, _ := strings.Cut(string(data), "FROM scratch AS "+filepath.Base(p.from))
		stage, _, _ = strings.Cut(stage, "\nFROM ")
		want := []string{"ENTRYPOINT " + list(p.config.Entrypoint), fmt.Sprintf("%q", p.about), fmt.Sprintf("title=%q", p.name), home}
		if c := p.config; c.User != "" {
			want = append(want, "USER "+c.User, "WORKDIR "+c.WorkingDir, "VOLUME "+c.WorkingDir, "CMD "+list(c.Cmd), "EXPOSE 8080 8081",
				fmt.Sprintf("--interval=%s --timeout=%s --start-period=%s CMD %s", c.Healthcheck.Interval, c.Healthcheck.Timeout,
					c.Healthcheck.StartPeriod, list(c.Healthcheck.Test[1:])))
		} else if strings.Contains(stage, "\nUSER ") {
			t.Errorf("the Dockerfile's %s has a user", p.name)
		}
		for _, line := range want {
			if !strings.Contains(stage, line) {
				t.Errorf("the Dockerfile's %s has no %s", p.name, line)
			}
		}
	}
	if from := "GO_IMAGE=golang:" + strings.TrimPrefix(goVersion, "go") + "-bookworm@sha256:"; !strings.Contains(string(data), from) {
		t.Errorf("the Dockerfile has no %s", from)
	}
}

// same fails where two folders differ.
func same(t *testing.T, one, other string) {
	t.Helper()
	count := map[string]int{}
	for _, dir := range []string{one, other} {
		must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			count[dir]++
			short, err := filepath.Rel(dir, path)
			must(t, err)
			a, errA := os.ReadFile(filepath.Join(one, short))
			b, errB := os.ReadFile(filepath.Join(other, short))
			if err := errors.Join(errA, errB); err != nil || !bytes.Equal(a, b) {
				t.Errorf("%s differs: %v", short, err)
			}
			return nil
		}))
	}
	if count[one] < 20 || count[one] != count[other] {
		t.Errorf("files: %v", count)
	}
}

func untar(t *testing.T, file string) map[string]entry {
	t.Helper()
	data, err := os.ReadFile(file)
	must(t, err)
	plain, err := gzip.NewReader(bytes.NewReader(data))
	must(t, err)
	all := map[string]entry{}
	for archive := tar.NewReader(plain); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		must(t, err)
		content, err := io.ReadAll(archive)
		must(t, err)
		all[h.Name] = entry{mode: h.FileInfo().Mode(), data: content}
	}
}
