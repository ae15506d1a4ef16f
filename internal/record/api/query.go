package api

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

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
func parseQuery(c echo.Context) (ledger.Query, error) {
	values := c.QueryParams()
	query := ledger.Query{
		Names: values["name"], Source: values.Get("source"), ID: values.Get("guid"), Target: values.Get("target"), Limit: defaultLimit,
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !slices.Contains(parameters, name) {
			return query, fmt.Errorf("there is no parameter of one of these names; there are: %s", strings.Join(parameters, ", "))
		}
		if len(values[name]) > 1 && name != "name" && name != "kind" {
			return query, fmt.Errorf("%s can be given once", name)
		}
	}
	for _, kind := range values["kind"] {
		query.Kinds = append(query.Kinds, ledger.Kind(kind))
	}
	forms := map[string]string{
		"from": "a time such as 2026-11-22T08:00:00Z", "to": "a time such as 2026-11-22T08:00:00Z", "start": "an index", "end": "an index",
		"limit": fmt.Sprintf("a number from 1 to %d", maxLimit), "newest": "true or false",
	}
	bind := echo.QueryParamsBinder(c)
	bind.ErrorFunc = func(name string, _ []string, _ any, _ error) error {
		return fmt.Errorf("%s is not %s", name, forms[name])
	}
	err := bind.Time("from", &query.From, time.RFC3339Nano).Time("to", &query.To, time.RFC3339Nano).
		Int64("start", &query.Start).Int64("end", &query.End).Int("limit", &query.Limit).Bool("newest", &query.Newest).BindError()
	switch {
	case err != nil:
		return query, err
	case query.Start < 0 || query.End < 0:
		return query, errors.New("start or end is not an index")
	case query.Limit < 1 || query.Limit > maxLimit:
		return query, fmt.Errorf("limit is not a number from 1 to %d", maxLimit)
	}
	return query, nil
}
