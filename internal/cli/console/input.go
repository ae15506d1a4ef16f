package console

import (
	"fmt"
	"io"
	"os"
)

// Open opens a file, or standard input for "-".
func (c *Console) Open(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(c.Stdin), nil
	}
	return os.Open(name)
}

// ReadFile reads a file, or standard input for "-", of at most so many bytes.
func (c *Console) ReadFile(name string, most int64) ([]byte, error) {
	file, err := c.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("read %s: it has more than %d bytes", name, most)
	}
	return text, err
}
