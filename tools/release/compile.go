package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// goVersion is the Go that makes releases: it compiles the programs, and compresses what they are packed into.
const goVersion = "go1.26.8"

// goSums are the hashes of that Go by the machine that it runs on, as go.sum would have them: the module
// golang.org/toolchain is what the go command itself downloads.
func goSums() map[string]string {
	return map[string]string{
		"linux-amd64":  "h1:ZOmGe1OnfREDMIdb1Qi4G9JSuDPBLGExZMQ4nis1RXM=",
		"linux-arm64":  "h1:sYL/O6MqS68ML0kjsQ36WoYIpJqkw60TxizWUYUKQMc=",
		"darwin-arm64": "h1:dFjGhY6f8DTsY8/rLchUTDRRfjJP4pCrGCwxvHFT2Fg=",
	}
}

// toolchain gives the pinned Go, from the module cache.
func toolchain(ctx context.Context) (string, error) {
	if runtime.Version() != goVersion {
		return "", fmt.Errorf("compress as every release does: this is %s: run it with GOTOOLCHAIN=%s", runtime.Version(), goVersion)
	}
	host := runtime.GOOS + "-" + runtime.GOARCH
	c := exec.CommandContext(ctx, "go", "mod", "download", "-json", "golang.org/toolchain@v0.0.1-"+goVersion+"."+host)
	c.Dir = os.TempDir() // of no module
	out, err := output(c)
	if err != nil {
		return "", err
	}
	var got struct{ Dir, Sum string }
	if err := json.Unmarshal(out, &got); err != nil {
		return "", fmt.Errorf("read the answer of %s: %w", c, err)
	}
	if want := goSums()[host]; got.Sum != want {
		return "", fmt.Errorf("take %s for %s: its hash is %s, and pinned is %q", goVersion, host, got.Sum, want)
	}
	return filepath.Join(got.Dir, "bin", "go"), executable(got.Dir)
}

// executable makes the programs of a Go executable, which files of modules are not. The go command does so, too, when
// it takes a Go out of the module cache.
func executable(root string) error {
	for _, dir := range []string{"bin", "pkg/tool"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			info, err := d.Info()
			if err != nil || info.Mode()&0o111 == 0o111 {
				return err
			}
			return os.Chmod(path, info.Mode()&fs.ModePerm|0o111)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// compile makes a program for a platform. Nothing of the machine gets into it: no path, no setting, no time.
func (r *release) compile(ctx context.Context, p program, system, arch, file string) error {
	c := exec.CommandContext(ctx, r.goTool, "build", "-trimpath", "-buildvcs=false", "-mod=readonly",
		"-ldflags", "-s -w -buildid= -X "+p.versionVariable+"="+r.version, "-o", file, p.from)
	c.Dir = r.source
	// What says where modules come from and are kept may stay; go.sum says what they must be.
	kept := []string{"GOPROXY", "GOPRIVATE", "GONOPROXY", "GONOSUMDB", "GOSUMDB", "GOINSECURE", "GOVCS", "GOPATH", "GOMODCACHE", "GOCACHE",
		"GOTMPDIR", "GOMAXPROCS"}
	c.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return (strings.HasPrefix(name, "GO") || strings.HasPrefix(name, "CGO_")) && !slices.Contains(kept, name)
	})
	c.Env = append(c.Env, "CGO_ENABLED=0", "GOTOOLCHAIN=local", "GOWORK=off", "GOENV=off", "GOOS="+system, "GOARCH="+arch)
	_, err := output(c)
	return err
}
