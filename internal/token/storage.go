package token

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
)

// Storage collects what is kept where it should not be. The zero value is empty.
type Storage struct {
	findings []finding.Finding
	// where are the repositories or folders that hold a token, by fingerprint.
	where map[string][]string
	kinds map[string]Kind
}

// Add looks at one file of a repository or folder. Several may be looked at, to
// find what they share.
func (s *Storage) Add(where, file string, data []byte) {
	if environmentFile(file) {
		s.add("env-file", file, 0, 0, "a file of the environment is kept with the code: %s", path.Base(file))
	}
	for _, f := range Find(data) {
		encoded := ""
		if f.Encoded {
			encoded = ", in base64"
		}
		s.add("token", file, f.Line, f.Column, "a token stands here%s: %s, hashed_token %s", encoded, kindInWords(f.Kind), f.Fingerprint)
		s.Seen(where, f.Fingerprint, f.Kind)
	}
}

// Seen says that a token was seen somewhere, such as in a cluster.
func (s *Storage) Seen(where, fingerprint string, kind Kind) {
	if s.where == nil {
		s.where, s.kinds = map[string][]string{}, map[string]Kind{}
	}
	if !slices.Contains(s.where[fingerprint], where) {
		s.where[fingerprint] = append(s.where[fingerprint], where)
	}
	s.kinds[fingerprint] = kind
}

// Findings are what there is to say.
func (s *Storage) Findings() []finding.Finding {
	all := slices.Clone(s.findings)
	for fingerprint, where := range s.where {
		if len(where) < 2 {
			continue
		}
		where = slices.Sorted(slices.Values(where))
		all = append(all, storageFinding("shared", "", 0, 0, "one token is used in %d places: %s (%s, hashed_token %s)",
			len(where), strings.Join(where, ", "), kindInWords(s.kinds[fingerprint]), fingerprint))
	}
	return finding.Sort(all)
}

func (s *Storage) add(rule, file string, line, column int, format string, args ...any) {
	s.findings = append(s.findings, storageFinding(rule, file, line, column, format, args...))
}

func storageFinding(rule, file string, line, column int, format string, args ...any) finding.Finding {
	f := found("storage/"+rule, fmt.Sprintf(format, args...))
	f.Place = finding.Place{File: file, Line: line, Column: column}
	return f
}

// environmentFile says whether a file is one that programs read their environment
// from. Those that show others what to write are none.
func environmentFile(file string) bool {
	name := strings.ToLower(path.Base(file))
	if name != ".env" && !strings.HasPrefix(name, ".env.") && !strings.HasSuffix(name, ".env") {
		return false
	}
	return !slices.ContainsFunc([]string{"example", "sample", "template", "dist", "defaults", "schema"},
		func(s string) bool { return strings.Contains(name, s) })
}

func kindInWords(k Kind) string {
	switch k {
	case PulumiAccess:
		return "a Pulumi access token"
	case "": // its fingerprint is all that is known
		return "a token of GitHub"
	}
	return "a token of GitHub (" + string(k) + ")"
}
