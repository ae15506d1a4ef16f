// Package settings reads what is set on GitHub around a repository: the rules of
// branches, GitHub Actions, workflows and webhooks. It sends few requests, one after
// the other, and changes nothing.
//
// It refuses to know what should be set; that is doctor's. What the token may not
// read is told as unread and never taken for unset.
package settings
