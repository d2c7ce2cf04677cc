//go:build !linux

package runtime

import "time"

// threadTime is the time by the clock: here Go has no way to ask for a thread's. What a guest waits for a processor
// counts as its own.
func threadTime() moment { return moment{at: time.Now().UnixNano()} }
