package token

import (
	"fmt"
	"math"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// layouts are those of the header github-authentication-token-expiration: of
// classic tokens, which is in UTC always, and of fine-grained ones.
var layouts = []string{"2006-01-02 15:04:05 UTC", "2006-01-02 15:04:05 -0700"}

// ParseExpiry reads the header that tells when a token expires, in UTC.
func ParseExpiry(header string) (time.Time, error) {
	for _, layout := range layouts {
		if at, err := time.ParseInLocation(layout, header, time.UTC); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("read expiry %q: neither of GitHub's layouts", header)
}

// reminders are the days before a token's end on which people are told.
var reminders = []int{30, 14, 7, 1}

// soon is the reminder from which on a finding is grave.
const soon = 7

// DaysLeft is how many whole days a token still works; negative once it is over.
func DaysLeft(expires, now time.Time) int {
	return int(math.Floor(expires.Sub(now).Hours() / 24))
}

// Reminder is the last reminder that is due before the end: 30, 14, 7 or 1 days; 0
// where none is due yet.
func Reminder(expires, now time.Time) int {
	due := 0
	for _, r := range reminders {
		if !now.Before(expires.AddDate(0, 0, -r)) {
			due = r
		}
	}
	return due
}

// Expiring is the rule for a token that ends then, without its family, and what it
// says of that; both empty where no reminder is due yet.
func Expiring(at, now time.Time) (rule, when string) {
	days, date := DaysLeft(at, now), text.Minute(at)
	switch due := Reminder(at, now); {
	case !now.Before(at):
		return "expired", "expired on " + date
	case due == 0:
		return "", ""
	case due <= soon:
		rule = "expires-soon"
	default:
		rule = "expires"
	}
	left := "less than a day"
	if days > 0 {
		left = text.Count(days, "day")
	}
	return rule, fmt.Sprintf("expires in %s, on %s", left, date)
}

// Reminders are the days on which people are told that a token expires, the first
// first.
func Reminders(expires time.Time) []time.Time {
	var days []time.Time
	for _, before := range reminders {
		days = append(days, expires.AddDate(0, 0, -before))
	}
	return days
}
