package flux_test

import (
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/doctor/flux"
)

// BenchmarkFailures judges as many lines of failures as are read of one
// controller at most, which is what an hour of every object failing gives.
func BenchmarkFailures(b *testing.B) {
	log := flux.Log{Controller: "image-automation-controller"}
	for i := range 10_000 {
		log.Lines = append(log.Lines, failed("app", string(rune('a'+i%26)), push+"command error on refs/heads/x: cannot lock ref", i%60)...)
	}
	c := flux.Cluster{Logs: []flux.Log{log}}
	for b.Loop() {
		if len(flux.Failures(c)) != 1 {
			b.Fatal("not one failure")
		}
	}
}
