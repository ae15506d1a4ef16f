package leaktest

import (
	"bytes"
	"crypto/sha256"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// Text fails the test where a text holds a secret. what names the text.
func Text(t testing.TB, what string, text []byte) {
	t.Helper()
	for _, l := range Find(text) {
		t.Errorf("%s: %s", what, l)
	}
}

// Excuse takes out of a text what may hold a secret. It leaves the number of lines
// as it is.
type Excuse func(text []byte) []byte

// Watch gives a writer that hands on to another one, which may be nil, and looks
// through all of it when the test ends.
func Watch(t testing.TB, what string, on io.Writer, excuses ...Excuse) io.Writer {
	w := &watch{on: on}
	t.Cleanup(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		Text(t, what, excused(w.text.Bytes(), excuses))
	})
	return w
}

type watch struct {
	mu   sync.Mutex
	text bytes.Buffer
	on   io.Writer
}

// Write keeps the text, whatever becomes of it further on.
func (w *watch) Write(text []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Write(text)
	if w.on == nil {
		return len(text), nil
	}
	return w.on.Write(text)
}

func excused(text []byte, excuses []Excuse) []byte {
	for _, excuse := range excuses {
		text = excuse(text)
	}
	return text
}

// mask is how the runner is told of a secret; it does not print that line.
var mask = regexp.MustCompile(`(?m)^::add-mask::\S+\n`)

// Masks excuses the lines of a workflow's step that tell the runner what to mask.
func Masks(log []byte) []byte { return mask.ReplaceAllLiteral(log, []byte("\n")) }

// Given are files that hold secrets because a test put them there.
type Given map[string][sha256.Size]byte

// Give takes down every file that is in a folder now.
func Give(dir string) (Given, error) {
	given := Given{}
	return given, walk(dir, func(path string, _ fs.FileMode, data []byte) { given[path] = sha256.Sum256(data) })
}

// Files fails the test where a file of a folder, or its name, holds a secret. Files
// that are as they were given may, and those that are made to keep one: a secret
// and nothing else, for nobody else to read.
func Files(t testing.TB, dir string, given Given) {
	t.Helper()
	err := walk(dir, func(path string, mode fs.FileMode, data []byte) {
		Text(t, "the name of a file", []byte(path))
		keeps := mode.Perm()&0o077 == 0 && Redact(strings.TrimSpace(string(data))) == "***"
		if !keeps && given[path] != sha256.Sum256(data) {
			Text(t, filepath.Base(dir)+"/"+Redact(path), data)
		}
	})
	if err != nil {
		t.Errorf("look for secrets: %v", err)
	}
}

// walk reads the regular files of a folder; paths are relative to it.
func walk(dir string, see func(path string, mode fs.FileMode, data []byte)) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return fs.WalkDir(root.FS(), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		data, err := root.ReadFile(path)
		if err == nil {
			see(path, info.Mode(), data)
		}
		return err
	})
}
