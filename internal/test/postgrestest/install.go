package postgrestest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// install is a PostgreSQL that is installed on this machine, and the account
// that may run it: initdb refuses root.
type install struct {
	bin string
	as  *syscall.Credential // nil: whoever runs the test
}

// find looks where Debian puts its versions, the newest first, then in PATH.
func find() (install, error) {
	const wanted = "initdb"
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + wanted)
	if err != nil {
		return install{}, err
	}
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	if path, err := exec.LookPath(wanted); err == nil {
		found = append(found, path)
	}
	if len(found) == 0 {
		return install{}, fmt.Errorf("find PostgreSQL: no %s in /usr/lib/postgresql/*/bin or PATH: install Debian's postgresql", wanted)
	}
	i := install{bin: filepath.Dir(found[0])}
	if os.Geteuid() != 0 {
		return i, nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		return install{}, fmt.Errorf("find PostgreSQL: root may not run it: make an account postgres, or be another user: %w", err)
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return install{}, fmt.Errorf("find PostgreSQL: user id of postgres: %w", err)
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		return install{}, fmt.Errorf("find PostgreSQL: group id of postgres: %w", err)
	}
	i.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return i, nil
}

// version is the number in /usr/lib/postgresql/15/bin/initdb, or 0.
func version(path string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	if err != nil {
		return 0
	}
	return n
}

// folder makes a temporary one. A socket's path must be short, which a test's own
// folder is not, and the account must reach it.
func (i install) folder() (string, error) {
	dir, err := os.MkdirTemp("", "postgres-")
	if err != nil || i.as == nil {
		return dir, err
	}
	if err := os.Chown(dir, int(i.as.Uid), int(i.as.Gid)); err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	return dir, nil
}

// command prepares one of the server's programs, or another by its whole path.
func (i install) command(name string, args ...string) *exec.Cmd {
	if !filepath.IsAbs(name) {
		name = filepath.Join(i.bin, name)
	}
	c := exec.Command(name, args...)
	c.Dir = "/" // the account may not be able to enter the test's folder
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "TZ=UTC"}
	// An interrupt at the terminal is for the test, which then stops the server.
	c.SysProcAttr = &syscall.SysProcAttr{Credential: i.as, Setpgid: true}
	return c
}
