package fakehub

import (
	"fmt"
	"strconv"
	"strings"
)

// number reads a numeric part of the path.
func (c *call) number(name string) int {
	n, err := strconv.Atoi(c.params[name])
	if err != nil {
		return 0
	}
	return n
}

// text reads a string of the body.
func (c *call) text(name string) string {
	s, _ := c.body[name].(string)
	return s
}

// page cuts a list to the page that is asked for, and links its neighbours.
func page[T any](c *call, all []T) []T {
	size, number := 30, 1
	if n, err := strconv.Atoi(c.query.Get("per_page")); err == nil {
		size = min(max(n, 1), 100)
	}
	if n, err := strconv.Atoi(c.query.Get("page")); err == nil {
		number = max(n, 1)
	}
	last := max((len(all)+size-1)/size, 1)
	link := func(n int, rel string) string {
		query := c.r.URL.Query()
		query.Set("page", strconv.Itoa(n))
		query.Set("per_page", strconv.Itoa(size))
		return fmt.Sprintf(`<http://%s%s?%s>; rel="%s"`, c.r.Host, c.r.URL.EscapedPath(), query.Encode(), rel)
	}
	var links []string
	if number > 1 {
		links = append(links, link(number-1, "prev"), link(1, "first"))
	}
	if number < last {
		links = append(links, link(number+1, "next"), link(last, "last"))
	}
	if links != nil {
		c.header.Set("Link", strings.Join(links, ", "))
	}
	from := min((number-1)*size, len(all))
	return all[from:min(from+size, len(all))]
}

// cursorPage is page for the lists that are walked with cursors.
func cursorPage[T any](c *call, all []T) []T {
	size, from := 30, 0
	if n, err := strconv.Atoi(c.query.Get("per_page")); err == nil {
		size = min(max(n, 1), 100)
	}
	if n, err := strconv.Atoi(strings.TrimPrefix(c.query.Get("after"), "at-")); err == nil {
		from = min(max(n, 0), len(all))
	}
	to := min(from+size, len(all))
	if to < len(all) {
		query := c.r.URL.Query()
		query.Set("after", "at-"+strconv.Itoa(to))
		c.header.Set("Link", fmt.Sprintf(`<http://%s%s?%s>; rel="next"`, c.r.Host, c.r.URL.EscapedPath(), query.Encode()))
	}
	return all[from:to]
}
