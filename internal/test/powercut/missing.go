package powercut

import (
	"os"
	"testing"
)

// Variable is set to anything where disks that can be broken have to be there: a test
// of the one promise that cannot run must not look as if it had.
const Variable = "FLUXKEEPER_DISKS"

// Missing ends a test that has no disk to break: skipped, or failed where Variable is
// set.
func Missing(t testing.TB, why error) {
	t.Helper()
	if os.Getenv(Variable) != "" {
		t.Fatalf("%v, and %s requires it", why, Variable)
	}
	t.Skip(why)
}
