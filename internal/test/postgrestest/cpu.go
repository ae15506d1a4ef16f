package postgrestest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// tick is the unit of times in /proc (proc(5); 100 a second on all that Linux
// is built for nowadays).
const tick = 10 * time.Millisecond

// CPU is the time that the server and its sessions have spent so far, as Linux
// tells it in /proc.
func (s *Server) CPU(t testing.TB) time.Duration {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		t.Skip("there is no /proc to read times from: run it on Linux")
	}
	var sum time.Duration
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has just ended, and counts with its parent
		}
		// After the name in brackets: state, parent, …, and as 14th to 17th field of
		// all the times of itself and of the children it has waited for.
		_, rest, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest)
		if len(fields) < 15 || path != fmt.Sprintf("/proc/%d/stat", s.PID()) && fields[1] != strconv.Itoa(s.PID()) {
			continue
		}
		for _, field := range fields[11:15] {
			n, err := strconv.ParseInt(field, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			sum += time.Duration(n) * tick
		}
	}
	return sum
}
