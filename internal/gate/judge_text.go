package gate

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/image"
)

// text compares what the pull request says with what it holds.
func (j *judge) text(updates []Update) {
	pull := j.facts.Pull
	if pull == nil {
		return
	}
	if !j.policy.MatchTitle(pull.Title) {
		j.report(finding.Finding{Rule: "text/title", Message: fmt.Sprintf("the title %q does not fit the pattern %q", pull.Title, j.policy.Title),
			Hint: "give the pull request the title that its workflow gives, or change title in " + PolicyFile})
	}
	listed := listedUpdates(pull.Body)
	if len(listed) == 0 {
		return
	}
	missing, extra := compareLists(listed, updates)
	if len(missing)+len(extra) == 0 {
		return
	}
	var parts []string
	if len(extra) > 0 {
		parts = append(parts, "lists "+first(extra)+", which the change does not hold")
	}
	if len(missing) > 0 {
		parts = append(parts, "leaves out "+first(missing)+", which it holds")
	}
	j.report(finding.Finding{Rule: "text/body-mismatch", Message: "the pull request's body " + strings.Join(parts, ", and "),
		Hint: "let the workflow write the list anew from the change, or remove it"})
}

// listed is one line of a body: an image and its versions.
type listed struct{ image, from, to string }

func (l listed) String() string { return fmt.Sprintf("%q", l.image+": "+l.from+" → "+l.to) }

// arrow is → in the ways that it is written, and as it looks after its three
// bytes were taken for Windows-1252 or Latin-1.
var (
	arrow  = regexp.MustCompile("→|->|=>|⇒|➜|â†’|â\u0086\u0092")
	bullet = regexp.MustCompile(`^[\s>]*(?:[-*+]\s+|\d+[.)]\s+)?(?:\[[ xX]\]\s+)?`)
)

// listedUpdates reads lines such as "- ghcr.io/acme/app: v1.4.2 → v1.4.3", with
// or without bullet and Markdown's quotes, and "- app:1.4.2 -> app:1.4.3".
// Other lines are prose.
func listedUpdates(body string) []listed {
	var out []listed
	for line := range strings.Lines(body) {
		if l, ok := listedUpdate(line); ok {
			out = append(out, l)
		}
	}
	return out
}

func listedUpdate(line string) (listed, bool) {
	cut := arrow.FindStringIndex(line)
	if cut == nil {
		return listed{}, false
	}
	left := unmark(bullet.ReplaceAllString(line[:cut[0]], ""))
	right := strings.Fields(unmark(line[cut[1]:]))
	if left == "" || len(right) == 0 {
		return listed{}, false
	}
	to := strings.TrimRight(right[0], ",;.)")
	if name, from, ok := cutLast(left, ": "); ok && !strings.ContainsAny(strings.TrimSpace(from), " \t") {
		return listed{strings.TrimSpace(name), plainVersion(strings.TrimSpace(from), name), plainVersion(to, name)}, true
	}
	old, err := image.ParseRef(left)
	if err != nil || old.Tag == "" && old.Digest == "" {
		return listed{}, false
	}
	return listed{old.Name, plainVersion(left, old.Name), plainVersion(to, old.Name)}, true
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// unmark drops Markdown's marks of code and emphasis.
func unmark(s string) string {
	return strings.TrimSpace(strings.NewReplacer("`", "", "**", "", "__", "").Replace(s))
}

// plainVersion is a version without the image's name before it and without a v.
func plainVersion(s, name string) string {
	s = strings.TrimLeft(strings.TrimPrefix(s, name), ":@")
	if len(s) > 1 && s[0] == 'v' && s[1] >= '0' && s[1] <= '9' {
		return s[1:]
	}
	return s
}

// compareLists compares the two as sets: several places of one image with one
// step are one update. A body may call an image by the end of its name.
func compareLists(body []listed, updates []Update) (missing, extra []string) {
	var held []listed
	for _, u := range updates {
		name := u.Image
		if name == "" {
			name = u.Policy
		}
		l := listed{name, plainVersion(u.From, ""), plainVersion(u.To, "")}
		if !slices.Contains(held, l) {
			held = append(held, l)
		}
	}
	found := make([]bool, len(held))
	var seen []listed
	for _, l := range body {
		if slices.Contains(seen, l) {
			continue
		}
		seen = append(seen, l)
		i := slices.IndexFunc(held, l.means)
		// A short name can mean two images: take one that is not yet found.
		for k, h := range held {
			if l.means(h) && !found[k] {
				i = k
				break
			}
		}
		if i < 0 {
			extra = append(extra, l.String())
			continue
		}
		found[i] = true
	}
	for i, h := range held {
		if !found[i] {
			missing = append(missing, h.String())
		}
	}
	slices.Sort(missing)
	slices.Sort(extra)
	return missing, extra
}

func (l listed) means(h listed) bool {
	return l.from == h.from && l.to == h.to && (h.image == l.image || strings.HasSuffix(h.image, "/"+l.image) || strings.HasSuffix(h.image, ":"+l.image))
}

// first names three and counts the rest.
func first(items []string) string {
	const shown = 3
	text := strings.Join(items[:min(shown, len(items))], ", ")
	if more := len(items) - shown; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
