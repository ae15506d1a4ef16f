package e2e_test

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// maxImage is what a runner may have to fetch, in bytes.
const maxImage = 10 << 20

// TestImageIsSmall measures what the image takes on the wire, where registries
// keep it as gzip.
func TestImageIsSmall(t *testing.T) {
	build(t)
	save := exec.Command("docker", "save", image)
	pipe, err := save.StdoutPipe()
	must(t, err)
	must(t, save.Start())
	var size counter
	packed := gzip.NewWriter(&size)
	_, err = io.Copy(packed, pipe)
	must(t, errors.Join(err, packed.Close(), save.Wait()))
	t.Logf("%d bytes compressed", size)
	if size > maxImage {
		t.Errorf("the image takes %d bytes, more than %d", size, maxImage)
	}
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// TestImageConfiguration: no user, so that the runner's files can be written;
// no working directory, which is the runner's to set; nothing to quote.
func TestImageConfiguration(t *testing.T) {
	build(t)
	type configuration struct {
		User, WorkingDir string
		Entrypoint, Cmd  []string
		Env              []string
	}
	var got []struct{ Config configuration }
	must(t, json.Unmarshal([]byte(output(t, "docker", "image", "inspect", image)), &got))
	got[0].Config.Env = slices.DeleteFunc(got[0].Config.Env, func(s string) bool { return strings.HasPrefix(s, "PATH=") })
	if got[0].Config.WorkingDir == "/" {
		got[0].Config.WorkingDir = "" // some builders write the default down
	}
	if len(got[0].Config.Env) == 0 {
		got[0].Config.Env = nil
	}
	want := configuration{Entrypoint: []string{"/fluxkeeper", "action"}}
	if diff := cmp.Diff(want, got[0].Config); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestImageHoldsNothingElse: the program, the roots that it trusts, the license.
// There is no shell to be tricked into, and nothing else to keep up to date.
func TestImageHoldsNothingElse(t *testing.T) {
	build(t)
	var files []string
	contents(t, func(h *tar.Header, _ io.Reader) {
		if h.Typeflag == tar.TypeReg && h.Size > 0 {
			files = append(files, h.Name)
		}
	})
	slices.Sort(files)
	want := []string{"LICENSE", "etc/ssl/certs/ca-certificates.crt", "fluxkeeper"}
	if diff := cmp.Diff(want, files); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// contents calls see with every file of the image.
func contents(t *testing.T, see func(*tar.Header, io.Reader)) {
	t.Helper()
	container := strings.TrimSpace(output(t, "docker", "create", image))
	defer output(t, "docker", "rm", container)
	export := exec.Command("docker", "export", container)
	pipe, err := export.StdoutPipe()
	must(t, err)
	must(t, export.Start())
	for archive := tar.NewReader(pipe); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		see(header, archive)
	}
	_, err = io.Copy(io.Discard, pipe)
	must(t, errors.Join(err, export.Wait()))
}

// TestSameSourcesSameBinary builds the program in two folders, and compares the
// results with each other and, where it was made by the same Go, with the one
// in the image.
func TestSameSourcesSameBinary(t *testing.T) {
	build(t)
	here := compile(t, root(t))
	copied := t.TempDir()
	for _, name := range []string{"cmd", "internal"} {
		must(t, os.CopyFS(filepath.Join(copied, name), os.DirFS(filepath.Join(root(t), name))))
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(root(t), name))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(copied, name), data, 0o600))
	}
	if there := compile(t, copied); there != here {
		t.Errorf("two folders give two programs: %s and %s", here, there)
	}
	inImage := ""
	contents(t, func(h *tar.Header, r io.Reader) {
		if h.Name == "fluxkeeper" {
			inImage = digest(t, r)
		}
	})
	version := output(t, "docker", "run", "--rm", "--entrypoint", "/fluxkeeper", image, "--version")
	if !strings.Contains(version, runtime.Version()) {
		t.Logf("the image was made by another Go: %s", version)
		return
	}
	if inImage != here {
		t.Errorf("the image's program is %s, the one made here %s", inImage, here)
	}
}

// compile builds the program as the Dockerfile does, and gives its digest.
func compile(t *testing.T, dir string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "fluxkeeper")
	command := exec.Command("go", "build", "-trimpath", "-buildvcs=false",
		"-ldflags", "-s -w -buildid= -X main.release=devel", "-o", file, "./cmd/action")
	command.Dir = dir
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	program, err := os.Open(file)
	must(t, err)
	defer program.Close()
	return digest(t, program)
}

func digest(t *testing.T, r io.Reader) string {
	t.Helper()
	sum := sha256.New()
	_, err := io.Copy(sum, r)
	must(t, err)
	return fmt.Sprintf("%x", sum.Sum(nil))
}

// TestDockerfileBuildsEverywhere: what the old builder, or one without a
// network, cannot do.
func TestDockerfileBuildsEverywhere(t *testing.T) {
	data, err := fs.ReadFile(os.DirFS(root(t)), "Dockerfile")
	must(t, err)
	last := ""
	for line := range strings.Lines(string(data)) {
		switch {
		case strings.HasPrefix(strings.TrimSpace(strings.TrimLeft(line, "# ")), "syntax=") && strings.HasPrefix(line, "#"):
			t.Errorf("a syntax line makes the builder fetch a frontend: %s", line)
		case strings.HasPrefix(line, "RUN --mount"):
			t.Errorf("only BuildKit knows %s", line)
		case strings.HasPrefix(line, "USER") && strings.HasSuffix(last, " AS action"):
			t.Errorf("the runner's files are not writable for %s", line)
		case strings.HasPrefix(line, "FROM"):
			last = strings.TrimSpace(line)
		}
	}
	if !strings.HasSuffix(last, " AS action") {
		t.Errorf("the last stage, which the runner builds, is %q", last)
	}
}
