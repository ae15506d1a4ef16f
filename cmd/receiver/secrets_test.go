package main

import "testing"

// TestBound: what stands before a file is what its secret is good for, and a file's
// name may have the same sign in it.
func TestBound(t *testing.T) {
	for given, want := range map[string][2]string{
		"secret":                     {"", "secret"},
		"hook/4711=secret":           {"hook/4711", "secret"},
		"repository/1296269=/run/s":  {"repository/1296269", "/run/s"},
		"hook/4711=a=b":              {"hook/4711", "a=b"},
		"/run/secrets/a=b":           {"", "/run/secrets/a=b"},
		"hook/0=secret":              {"", "hook/0=secret"},
		"secrets/1/hook/4711=secret": {"", "secrets/1/hook/4711=secret"},
	} {
		if to, file := bound(given); to != want[0] || file != want[1] {
			t.Errorf("%q: %q and %q, want %q", given, to, file, want)
		}
	}
}
