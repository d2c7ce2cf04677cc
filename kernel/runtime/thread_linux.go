package runtime

import (
	goruntime "runtime"

	"golang.org/x/sys/unix"
)

// niceness is what a long call's thread adds to its own, of 19 at most: with 10 it has a tenth of a processor where
// others want all of it, since the garbage collector waits for its next tick.
const niceness = 10

// lowerThread lowers the priority of the thread that runs this goroutine, which is locked to it and has to end, and
// reports whether it did. The process's first thread, which Go cannot end, stays as it is; a program that calls guests
// does well to lock its main goroutine to it.
func lowerThread() bool {
	goruntime.LockOSThread()
	thread := unix.Gettid()
	if thread == unix.Getpid() {
		goruntime.UnlockOSThread()
		return false
	}
	// The system call answers 20 less the niceness, so that what it says is never negative.
	now, err := unix.Getpriority(unix.PRIO_PROCESS, thread)
	return err == nil && unix.Setpriority(unix.PRIO_PROCESS, thread, min(20-now+niceness, 19)) == nil
}
