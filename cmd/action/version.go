package main

import (
	"runtime/debug"
	"strings"
)

// version tells what was built: the module's version where the build knows
// one, else the revision it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	parts := []string{info.Main.Version}
	if info.Main.Version == "" || info.Main.Version == "(devel)" {
		parts[0] = "devel"
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				parts = append(parts, s.Value)
			}
		}
	}
	return strings.Join(append(parts, info.GoVersion), " ")
}
