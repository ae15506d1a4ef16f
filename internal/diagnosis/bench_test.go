package diagnosis_test

import (
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/diagnosis"
)

// BenchmarkFailures judges as many lines of failures as are read of one
// controller at most, which is what an hour of every object failing gives.
func BenchmarkFailures(b *testing.B) {
	log := diagnosis.Log{Controller: "image-automation-controller"}
	for i := range 10_000 {
		log.Lines = append(log.Lines, failed("app", string(rune('a'+i%26)), push+"command error on refs/heads/x: cannot lock ref", i%60)...)
	}
	c := diagnosis.Cluster{Logs: []diagnosis.Log{log}}
	for b.Loop() {
		if len(diagnosis.Failures(c)) != 1 {
			b.Fatal("not one failure")
		}
	}
}
