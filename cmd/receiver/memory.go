package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// limitMemory has garbage collected when there is twice as much of it as of what is in use:
// at the usual once it costs a tenth of the throughput, and from two and a half times on a
// receiver holds more than 64 MB at rest. Where memory grows, because large bodies come in,
// it is collected as often as it must.
func limitMemory() {
	debug.SetGCPercent(200)
	debug.SetMemoryLimit(400 << 20)
}

// A receiver rests while less than restUsed bytes are allocated within restEvery. What it
// holds beyond restHeld is then given back.
const (
	restEvery = 2 * time.Second
	restUsed  = 1 << 20
	restHeld  = 16 << 20
)

// releaseMemory gives back to the system what a storm took, once it is over, until the
// context ends.
func releaseMemory(ctx context.Context) {
	seen := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/free:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}}
	for before := uint64(0); ; {
		metrics.Read(seen)
		allocated, held := seen[0].Value.Uint64(), uint64(0)
		for _, part := range seen[1:] {
			held += part.Value.Uint64()
		}
		if allocated-before < restUsed && held > restHeld {
			debug.FreeOSMemory()
		}
		before = allocated
		select {
		case <-ctx.Done():
			return
		case <-time.After(restEvery):
		}
	}
}
