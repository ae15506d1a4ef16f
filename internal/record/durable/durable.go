package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteNew writes a file that must not be there yet, durably: under another
// name first, then linked, which unlike a rename overwrites nothing.
func WriteNew(name string, text []byte, mode fs.FileMode) error {
	temporary, err := writeBeside(name, text, mode)
	if err != nil {
		return err
	}
	defer os.Remove(temporary)
	if err := os.Link(temporary, name); err != nil {
		return err
	}
	return syncFolder(name)
}

// Replace writes a file durably in the place of an older one.
func Replace(name string, text []byte, mode fs.FileMode) error {
	temporary, err := writeBeside(name, text, mode)
	if err != nil {
		return err
	}
	if err := os.Rename(temporary, name); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	return syncFolder(name)
}

// Writable says why the other two could not write a file.
func Writable(name string) error {
	temporary, err := writeBeside(name, nil, 0o600)
	if err != nil {
		return err
	}
	return os.Remove(temporary)
}

func writeBeside(name string, text []byte, mode fs.FileMode) (temporary string, err error) {
	file, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return "", err
	}
	_, err = file.Write(text)
	err = errors.Join(err, file.Chmod(mode), file.Sync(), file.Close())
	if err != nil {
		return "", errors.Join(err, os.Remove(file.Name()))
	}
	return file.Name(), nil
}

func syncFolder(name string) error {
	folder, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
