// Package bubble bounds what a test waits for in a bubble of testing/synctest.
package bubble

import (
	"testing"
	"time"
)

// patience is longer than any test means to let its bubble's clock run.
const patience = 12 * time.Hour

// Limit ends the process, with the stacks of who waits, if the test still runs after twelve hours of its bubble's time.
// synctest ends a test in which everybody waits for ever by itself, but not one in which something comes round beside
// that, a ping say: its clock would run on as fast as the machine can. It is called before what the test ends with.
func Limit(t testing.TB) {
	late := time.AfterFunc(patience, func() { panic(t.Name() + " waits for what does not come") })
	t.Cleanup(func() { late.Stop() })
}
