package durable

import (
	"errors"
	"os"
	"syscall"
)

// ErrHeld says that another process holds the file.
var ErrHeld = errors.New("another process holds it")

// Hold holds a file until it is released or the process ends: alone, or beside others
// who do not hold it alone.
func Hold(name string, alone bool) (release func(), err error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	how := syscall.LOCK_SH
	if alone {
		how = syscall.LOCK_EX
	}
	err = syscall.Flock(int(file.Fd()), how|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = ErrHeld
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return func() { _ = file.Close() }, nil
}
