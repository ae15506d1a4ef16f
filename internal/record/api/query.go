package api

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// Pages of entries.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

// parameters are those of /entries; any other is refused, since a misspelt one
// would give everything.
var parameters = []string{"kind", "name", "source", "guid", "target", "from", "to", "start", "end", "limit", "newest"}

// parseQuery reads the parameters of /entries.
func parseQuery(values url.Values) (ledger.Query, error) {
	query := ledger.Query{
		Names: values["name"], Source: values.Get("source"), ID: values.Get("guid"), Target: values.Get("target"), Limit: defaultLimit,
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !slices.Contains(parameters, name) {
			return query, fmt.Errorf("there is no parameter %q; there are: %s", name, strings.Join(parameters, ", "))
		}
		if len(values[name]) > 1 && name != "name" && name != "kind" {
			return query, fmt.Errorf("%s can be given once", name)
		}
	}
	for _, kind := range values["kind"] {
		query.Kinds = append(query.Kinds, ledger.Kind(kind))
	}
	for _, bound := range []struct {
		name string
		into *time.Time
	}{{"from", &query.From}, {"to", &query.To}} {
		if text := values.Get(bound.name); text != "" {
			at, err := time.Parse(time.RFC3339Nano, text)
			if err != nil {
				return query, fmt.Errorf("%s is not a time such as 2026-11-22T08:00:00Z", bound.name)
			}
			*bound.into = at
		}
	}
	for _, bound := range []struct {
		name string
		into *int64
	}{{"start", &query.Start}, {"end", &query.End}} {
		if text := values.Get(bound.name); text != "" {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil || n < 0 {
				return query, fmt.Errorf("%s is not an index", bound.name)
			}
			*bound.into = n
		}
	}
	if text := values.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxLimit {
			return query, fmt.Errorf("limit is not a number from 1 to %d", maxLimit)
		}
		query.Limit = n
	}
	if text := values.Get("newest"); text != "" {
		newest, err := strconv.ParseBool(text)
		if err != nil {
			return query, fmt.Errorf("newest is neither true nor false")
		}
		query.Newest = newest
	}
	return query, nil
}
