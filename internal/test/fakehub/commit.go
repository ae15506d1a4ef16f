package fakehub

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// person is an author or committer line of a commit.
type person struct {
	name, email string
	when        time.Time
}

// commit is a commit object taken apart.
type commit struct {
	id, tree           string
	parents            []string
	author, committer  person
	message            string
	signature, payload string
}

func parseCommit(o object) commit {
	c := commit{id: o.id}
	head, message, _ := strings.Cut(string(o.data), "\n\n")
	c.message = strings.TrimSuffix(message, "\n")
	var unsigned []string
	signing := false
	for line := range strings.SplitSeq(head, "\n") {
		if signing && strings.HasPrefix(line, " ") {
			c.signature += line[1:] + "\n"
			continue
		}
		signing = false
		key, value, _ := strings.Cut(line, " ")
		switch key {
		case "gpgsig", "gpgsig-sha256":
			signing = true
			c.signature += value + "\n"
			continue
		case "tree":
			c.tree = value
		case "parent":
			c.parents = append(c.parents, value)
		case "author":
			c.author = parsePerson(value)
		case "committer":
			c.committer = parsePerson(value)
		}
		unsigned = append(unsigned, line)
	}
	if c.signature != "" {
		c.payload = strings.Join(unsigned, "\n") + "\n\n" + message
	}
	return c
}

func personLine() *regexp.Regexp { return regexp.MustCompile(`^(.*?) ?<(.*)> (-?\d+) ([+-]\d{4})$`) }

func parsePerson(line string) person {
	m := personLine().FindStringSubmatch(line)
	if m == nil {
		return person{name: line}
	}
	seconds, err := strconv.ParseInt(m[3], 10, 64)
	if err != nil {
		return person{name: m[1], email: m[2]}
	}
	return person{name: m[1], email: m[2], when: time.Unix(seconds, 0).UTC()}
}

// commit reads a commit by its id.
func (g *git) commit(id string) (commit, bool) {
	o, ok := g.read(id)
	if !ok || o.kind != "commit" {
		return commit{}, false
	}
	return parseCommit(o), true
}
