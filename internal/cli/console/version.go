package console

import (
	"cmp"
	"runtime/debug"
	"strings"
)

// Version tells what was built: the release, which the linker writes into a
// released program where the build knows neither module version nor revision
// (see Dockerfile), or the module's version where the
// build knows one, else the revision it was built from.
func Version(release string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	parts := []string{cmp.Or(release, info.Main.Version)}
	if parts[0] == "" || parts[0] == "(devel)" {
		parts[0] = "devel"
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				parts = append(parts, s.Value)
			}
		}
	}
	return strings.Join(append(parts, info.GoVersion), " ")
}
