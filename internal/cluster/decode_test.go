package cluster

import (
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/doctor/flux"
	"github.com/goldfish-inc/fluxkeeper/internal/test/kubetest"
)

// TestOldStatus reads the selected tag where v1beta2 has it.
func TestOldStatus(t *testing.T) {
	for latest, want := range map[string]string{
		"ghcr.io/acme/app:1.4.2": "1.4.2", "localhost:5000/app:1.4.2": "1.4.2", "localhost:5000/app": "", "app:1@sha256:0123": "1", "": "",
	} {
		o := kubetest.Objects(t, "apiVersion: image.toolkit.fluxcd.io/v1beta2\nkind: ImagePolicy\nmetadata: {name: app}\nstatus: {latestImage: '"+
			latest+"'}\n")[0]
		if got := imagePolicy(o).Latest; got != want {
			t.Errorf("%q selects %q, want %q", latest, got, want)
		}
	}
}

// TestReadLines bounds a log, and leaves half a line out.
func TestReadLines(t *testing.T) {
	line := strings.Repeat("x", 1023) + "\n"
	for name, c := range map[string]struct {
		text  string
		lines int
		cut   bool
	}{
		"empty": {"", 0, false}, "two lines": {"a\nb\n", 2, false}, "no line break at the end": {"a\nb", 2, false},
		"as much as is read": {strings.Repeat(line, maxLog/1024), maxLog / 1024, true},
		"half a line more":   {"y" + strings.Repeat(line, maxLog/1024), maxLog/1024 - 1, true},
		"as many lines":      {strings.Repeat("\n", maxLines), maxLines, true},
	} {
		log := flux.Log{}
		if err := readLines(&log, strings.NewReader(c.text)); err != nil || len(log.Lines) != c.lines || log.Cut != c.cut {
			t.Errorf("%s: %v, %d lines, cut %v", name, err, len(log.Lines), log.Cut)
		}
	}
}
