package gitrepo

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// Repository is a local Git repository, opened for reading. It is not safe for
// concurrent use.
type Repository struct {
	gitDir  string // where HEAD is; of a linked work tree, its own folder
	refs    refs
	objects *objects
	reader  *reader
	// shallow are the commits whose parents were not fetched.
	shallow map[plumbing.Hash]bool
	nodes   map[plumbing.Hash]*node
}

// Open opens the repository that dir belongs to, the way git does: a work tree
// or a folder in one, a linked work tree, a submodule, a bare repository or a
// .git folder. Close it in the end.
func Open(dir string) (*Repository, error) {
	gitDir, common, err := discover(dir)
	if err != nil {
		return nil, err
	}
	op := "open repository " + text.Quote(dir)
	if err := checkFormat(op, common); err != nil {
		return nil, err
	}
	shallow, err := readShallow(common)
	if err != nil {
		return nil, &Error{Op: op, Kind: Corrupt, Err: err}
	}
	objects, err := openObjects(filepath.Join(common, "objects"))
	if err != nil {
		return nil, &Error{Op: op, Kind: Corrupt, Err: err, hint: "git fsck tells more; a fresh clone helps"}
	}
	return &Repository{
		gitDir: gitDir, refs: refs{gitDir, common}, objects: objects, reader: newReader(objects),
		shallow: shallow, nodes: map[plumbing.Hash]*node{},
	}, nil
}

// Close lets go of the repository's files.
func (r *Repository) Close() error {
	r.objects.close()
	return nil
}

// discover finds the .git folder and the folder it shares with other work
// trees. go-git's own search does not find a bare repository from inside.
func discover(dir string) (gitDir, common string, err error) {
	op := "open repository " + text.Quote(dir)
	const hint = "name a folder of a git work tree, or a bare repository"
	start, err := filepath.Abs(dir)
	if err != nil {
		return "", "", &Error{Op: op, Err: err}
	}
	if info, err := os.Stat(start); errors.Is(err, fs.ErrNotExist) {
		return "", "", fail(NotRepository, op, hint, "no such folder")
	} else if err != nil {
		return "", "", &Error{Op: op, Kind: NotRepository, Err: err, hint: hint}
	} else if !info.IsDir() {
		return "", "", fail(NotRepository, op, hint, "not a folder")
	}
	for at := start; ; at = filepath.Dir(at) {
		candidates := []string{filepath.Join(at, ".git"), at}
		if target, err := gitFile(candidates[0]); err != nil {
			return "", "", &Error{Op: op, Kind: NotRepository, Err: err, hint: hint}
		} else if target != "" {
			if common, ok := isGitDir(target); ok {
				return target, common, nil
			}
			return "", "", fail(NotRepository, op, "git worktree repair restores links to moved repositories",
				".git names %s, which is not a repository", text.Quote(target))
		}
		for _, c := range candidates {
			if common, ok := isGitDir(c); ok {
				return c, common, nil
			}
		}
		if at == filepath.Dir(at) {
			return "", "", fail(NotRepository, op, hint, "not a git repository, nor in one")
		}
	}
}

// gitFile reads a .git file, which names the folder elsewhere; "" where path
// is no file.
func gitFile(path string) (string, error) {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return "", nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	target, ok := strings.CutPrefix(strings.TrimRight(string(data), "\r\n"), "gitdir: ")
	if !ok {
		return "", errors.New("its .git file does not name a folder")
	}
	if !filepath.IsAbs(target) {
		target = filepath.Join(filepath.Dir(path), target)
	}
	return target, nil
}

func isGitDir(dir string) (common string, ok bool) {
	if info, err := os.Lstat(filepath.Join(dir, "HEAD")); err != nil || info.IsDir() {
		return "", false
	}
	common = dir
	if data, err := os.ReadFile(filepath.Join(dir, "commondir")); err == nil {
		if common = strings.TrimRight(string(data), "\r\n"); !filepath.IsAbs(common) {
			common = filepath.Join(dir, common)
		}
	}
	for _, name := range []string{"objects", "refs"} {
		if info, err := os.Stat(filepath.Join(common, name)); err != nil || !info.IsDir() {
			return "", false
		}
	}
	return common, true
}

// checkFormat refuses repositories in a format that would be misread.
func checkFormat(op, common string) error {
	raw, err := os.ReadFile(filepath.Join(common, "config"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return &Error{Op: op, Kind: Corrupt, Err: err}
	}
	settings, err := parseConfig(string(raw))
	if err != nil {
		return fail(Corrupt, op, "git config --list --local tells more", "read its config: %w", err)
	}
	// Extensions count from version 1 on, but some git versions heed them always.
	for _, s := range settings {
		value := strings.ToLower(s.value)
		switch known := slices.Contains([]string{
			"objectformat", "refstorage", "noop", "noop-v1", "partialclone", "preciousobjects", "worktreeconfig", "relativeworktrees",
		}, s.key); {
		case s.section == "core" && s.key == "repositoryformatversion" && value != "0" && value != "1":
			return fail(Unsupported, op, "", "repository format version %q is not known", s.value)
		case s.section != "extensions":
		case s.key == "objectformat" && value != "sha1":
			return fail(Unsupported, op, "use a repository with SHA-1 object ids, as GitHub hosts them",
				"%s object ids are not supported", s.value)
		case s.key == "refstorage" && value != "files":
			return fail(Unsupported, op, "git refs migrate --ref-format=files converts it",
				"references stored as %q are not supported", s.value)
		case !known:
			return fail(Unsupported, op, "", "extension %q is not known", s.key)
		}
	}
	return nil
}

func readShallow(common string) (map[plumbing.Hash]bool, error) {
	data, err := os.ReadFile(filepath.Join(common, "shallow"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	ids := map[plumbing.Hash]bool{}
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); plumbing.IsHash(line) {
			ids[plumbing.NewHash(line)] = true
		}
	}
	return ids, nil
}
