package fakehub

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"strconv"
	"strings"
	"sync"
)

// git reads one bare repository through the git program. Objects never change,
// so they are kept; refs are read anew each time, since a test may push.
type git struct {
	dir string

	mu    sync.Mutex // guards what follows
	batch *exec.Cmd  // git cat-file --batch-command
	in    io.WriteCloser
	out   *bufio.Reader
	kept  map[string]object
	runs  map[string]string // output of commands whose arguments are object ids
}

// object is one Git object: its id, type and bytes.
type object struct {
	id, kind string
	data     []byte
}

// entry is one line of a tree.
type entry struct {
	path, mode, kind, id string
}

func gitEnv() []string {
	return append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_OPTIONAL_LOCKS=0", "LC_ALL=C")
}

func openGit(dir string) (*git, error) {
	g := &git{dir: dir, kept: map[string]object{}, runs: map[string]string{}}
	g.batch = exec.Command("git", "--git-dir", dir, "cat-file", "--batch-command")
	g.batch.Env = gitEnv()
	var err error
	if g.in, err = g.batch.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := g.batch.StdoutPipe()
	if err != nil {
		return nil, err
	}
	g.out = bufio.NewReaderSize(out, 1<<16)
	if err := g.batch.Start(); err != nil {
		return nil, fmt.Errorf("start git: %w", err)
	}
	return g, nil
}

func (g *git) close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.in.Close(); err != nil {
		return err
	}
	return g.batch.Wait()
}

// read gives the object that a revision names; false when there is none.
func (g *git) read(rev string) (object, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if o, ok := g.kept[rev]; ok {
		return o, true
	}
	if rev == "" || strings.ContainsAny(rev, "\n\x00") {
		return object{}, false
	}
	if _, err := fmt.Fprintf(g.in, "contents %s\n", rev); err != nil {
		return object{}, false
	}
	line, err := g.out.ReadString('\n')
	if err != nil {
		return object{}, false
	}
	fields := strings.Fields(line)
	if len(fields) != 3 || !isID(fields[0]) {
		return object{}, false // missing or ambiguous
	}
	size, err := strconv.Atoi(fields[2])
	if err != nil {
		return object{}, false
	}
	data := make([]byte, size+1) // and a newline
	if _, err := io.ReadFull(g.out, data); err != nil {
		return object{}, false
	}
	o := object{id: fields[0], kind: fields[1], data: data[:size]}
	g.kept[o.id] = o
	return o, true
}

// resolve gives the id of the commit that a branch, tag or id names.
func (g *git) resolve(rev string) (string, bool) {
	tries := []string{"refs/heads/" + rev, "refs/tags/" + rev, rev}
	if isID(rev) || strings.HasPrefix(rev, "refs/") {
		tries = tries[2:]
	}
	for _, try := range tries {
		if o, ok := g.read(try + "^{commit}"); ok {
			return o.id, true
		}
	}
	return "", false
}

// run runs git, and keeps the answer when keep is set.
func (g *git) run(keep bool, args ...string) (string, error) {
	return g.runEnv(keep, nil, args...)
}

// runEnv is run with more environment.
func (g *git) runEnv(keep bool, env []string, args ...string) (string, error) {
	key := strings.Join(append(env, args...), "\x00")
	if keep {
		g.mu.Lock()
		out, ok := g.runs[key]
		g.mu.Unlock()
		if ok {
			return out, nil
		}
	}
	cmd := exec.Command("git", append([]string{"--git-dir", g.dir}, args...)...)
	cmd.Env = append(gitEnv(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, bytes.TrimSpace(stderr.Bytes()))
	}
	if keep {
		g.mu.Lock()
		g.runs[key] = string(out)
		g.mu.Unlock()
	}
	return string(out), nil
}

// list gives the entries of a tree in Git's order; with recursive also those
// of the trees below, each after the tree that holds it.
func (g *git) list(id, under string, recursive bool) ([]entry, error) {
	o, ok := g.read(id)
	if !ok || o.kind != "tree" {
		return nil, fmt.Errorf("read tree %s: not there", id)
	}
	var all []entry
	for data := o.data; len(data) > 0; {
		head, rest, ok := bytes.Cut(data, []byte{0})
		mode, name, ok2 := strings.Cut(string(head), " ")
		if !ok || !ok2 || len(rest) < 20 {
			return nil, fmt.Errorf("read tree %s: broken", id)
		}
		e := entry{path: path.Join(under, name), mode: fmt.Sprintf("%06s", mode), kind: "blob", id: fmt.Sprintf("%x", rest[:20])}
		switch e.mode {
		case "040000":
			e.kind = "tree"
		case "160000":
			e.kind = "commit"
		}
		all = append(all, e)
		if recursive && e.kind == "tree" {
			below, err := g.list(e.id, e.path, true)
			if err != nil {
				return nil, err
			}
			all = append(all, below...)
		}
		data = rest[20:]
	}
	return all, nil
}

// between lists the commits that head reaches and base does not, oldest first.
func (g *git) between(base, head string) ([]string, error) {
	out, err := g.run(true, "rev-list", "--topo-order", "--reverse", head, "^"+base)
	return strings.Fields(out), err
}

// mergeBase gives the best common ancestor; empty when there is none.
func (g *git) mergeBase(a, b string) string {
	out, err := g.run(true, "merge-base", a, b)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(out)
}

// isID says whether a text is a whole SHA-1 object id.
func isID(s string) bool {
	return len(s) == 40 && strings.Trim(s, "0123456789abcdef") == ""
}
