package runtime

import "golang.org/x/sys/unix"

// threadTime is now, by the processor time that this thread has used.
func threadTime() moment {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) != nil {
		return moment{}
	}
	return moment{unix.Gettid(), t.Nano()}
}
