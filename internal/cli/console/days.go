package console

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Days reads a span of time such as 90d, 12h or 1h30m.
type Days time.Duration

// UnmarshalText takes what time.ParseDuration does, and whole days.
func (d *Days) UnmarshalText(text []byte) error {
	if number, ok := strings.CutSuffix(string(text), "d"); ok {
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil {
			return fmt.Errorf("%q is not a span of time such as 90d or 12h", text)
		}
		*d = Days(time.Duration(n) * 24 * time.Hour)
		return nil
	}
	span, err := time.ParseDuration(string(text))
	if err != nil || span < 0 {
		return fmt.Errorf("%q is not a span of time such as 90d or 12h", text)
	}
	*d = Days(span)
	return nil
}
