package main

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

func startBare(b *testing.B) *contender {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	command := exec.Command(self)
	command.Env = append(os.Environ(), bareVariable+"=1")
	p := launch(b, command)
	return &contender{"bare", p.url, func() []int { return []int{p.command.Process.Pid} }, map[string][]measured{}}
}

// startReceiver runs the program on a ledger; others are processes that work
// for it.
func startReceiver(b *testing.B, name, ledger string, others func() []int) *contender {
	b.Helper()
	p := startServe(b, benchSecret, ledger)
	return &contender{name, p.url, func() []int {
		pids := []int{p.command.Process.Pid}
		if others != nil {
			pids = append(pids, others()...)
		}
		return pids
	}, map[string][]measured{}}
}

// cpuOf is the processor time that the processes have used, of themselves and
// of their children that ended. The kernel counts in hundredths of a second.
func cpuOf(pids []int) time.Duration {
	var ticks int
	for _, pid := range pids {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil {
			continue
		}
		// The name, in parentheses, may hold blanks. utime to cstime are the
		// fields 14 to 17 (proc_pid_stat(5)).
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		for _, field := range fields[11:15] {
			n, _ := strconv.Atoi(field)
			ticks += n
		}
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
