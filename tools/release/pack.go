package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// entry is a file or a folder of an archive or of a layer.
type entry struct {
	name string
	mode fs.FileMode // 0o755 of a folder has fs.ModeDir as well
	link string      // where a symbolic link leads
	data []byte
	user int // and group
}

// tarred writes a tar archive in which all is of one time.
func (r *release) tarred(to io.Writer, entries []entry) error {
	w := tar.NewWriter(to)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: int64(e.mode.Perm()), Size: int64(len(e.data)), Typeflag: tar.TypeReg, Linkname: e.link,
			Uid: e.user, Gid: e.user, ModTime: r.time, Format: tar.FormatPAX}
		switch {
		case e.mode.IsDir():
			h.Typeflag = tar.TypeDir
		case e.link != "":
			h.Typeflag = tar.TypeSymlink
		}
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		if _, err := w.Write(e.data); err != nil {
			return err
		}
	}
	return w.Close()
}

func (r *release) zipped(to io.Writer, entries []entry) error {
	w := zip.NewWriter(to)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate, Modified: r.time}
		h.SetMode(e.mode)
		part, err := w.CreateHeader(h)
		if err != nil {
			return err
		}
		if _, err := part.Write(e.data); err != nil {
			return err
		}
	}
	return w.Close()
}

// pack writes entries to a file, as zip or else as tar.gz by its name.
func (r *release) pack(name string, entries []entry) (err error) {
	file, err := os.OpenFile(filepath.Join(r.out, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if strings.HasSuffix(name, ".zip") {
		return r.zipped(file, entries)
	}
	w, err := gzip.NewWriterLevel(file, gzip.BestCompression)
	if err != nil {
		return err
	}
	return errors.Join(r.tarred(w, entries), w.Close())
}

// archive packs a program with what a person should have beside it.
func (r *release) archive(p program, system, name, file string) error {
	extension, suffix := ".tar.gz", ""
	if system == "windows" {
		extension, suffix = ".zip", ".exe"
	}
	var entries []entry
	for _, beside := range []string{"LICENSE", "README.md"} {
		data, err := os.ReadFile(filepath.Join(r.source, beside))
		if err != nil {
			return err
		}
		entries = append(entries, entry{name: beside, mode: 0o644, data: data})
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return r.pack(name+extension, append(entries, entry{name: p.name + suffix, mode: 0o755, data: data}))
}

const (
	fromDockerfile = "\n  image: Dockerfile\n"
	actionFile     = "action.yml"
)

// tree packs what is tagged: the commit's files, with the image named by its digest in action.yml, so that users pull
// what was signed and compile nothing.
func (r *release) tree(ctx context.Context) error {
	references, err := r.references()
	if err != nil {
		return err
	}
	archive, err := r.git(ctx, "archive", "--format=tar", "HEAD")
	if err != nil {
		return err
	}
	var entries []entry
	changed := false
	for files := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if h.Typeflag == tar.TypeXGlobalHeader {
			continue // the commit's id
		}
		e := entry{name: h.Name, mode: h.FileInfo().Mode() & fs.ModeDir, link: h.Linkname}
		if e.mode |= 0o644; h.Mode&0o100 != 0 { // git has no other modes, and takes the rest from its own settings
			e.mode |= 0o111
		}
		if e.data, err = io.ReadAll(files); err != nil {
			return err
		}
		if e.name == actionFile && bytes.Count(e.data, []byte(fromDockerfile)) == 1 {
			e.data = bytes.Replace(e.data, []byte(fromDockerfile), []byte("\n  image: docker://"+references[0]+"\n"), 1)
			changed = true
		}
		entries = append(entries, e)
	}
	if !changed {
		return fmt.Errorf("name the image in %s: it has no line %q", actionFile, strings.TrimSpace(fromDockerfile))
	}
	return r.pack(fmt.Sprintf("fluxkeeper_%s_source.tar.gz", r.number()), entries)
}

// checksums lists the hashes of all files, as sha256sum writes and checks them.
func (r *release) checksums() error {
	files, err := os.ReadDir(r.out)
	if err != nil {
		return err
	}
	var list strings.Builder
	for _, f := range files {
		if f.IsDir() {
			continue // an image, whose index names all that is in it by digest
		}
		data, err := os.ReadFile(filepath.Join(r.out, f.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&list, "%x  %s\n", sha256.Sum256(data), f.Name())
	}
	return os.WriteFile(filepath.Join(r.out, fmt.Sprintf("fluxkeeper_%s_checksums.txt", r.number())), []byte(list.String()), 0o644)
}
