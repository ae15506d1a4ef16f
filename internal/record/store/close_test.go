package store_test

import (
	"os"
	"testing"
)

// TestAClosedLedgerIsOneFile: whoever copies the file has all of it.
func TestAClosedLedgerIsOneFile(t *testing.T) {
	l, o := newLedger(t)
	grow(t, l, 0, 300)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"-wal", "-shm"} {
		if _, err := os.Stat(o.Address + suffix); !os.IsNotExist(err) {
			t.Errorf("the ledger is closed, and %s is still there: %v", suffix, err)
		}
	}
}
