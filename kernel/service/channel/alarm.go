package channel

import "time"

// alarm wakes a loop up at one time. The zero alarm is ready and has no timer.
type alarm struct {
	timer *time.Timer
	at    time.Time // zero when it is not set
}

// set moves the alarm; the zero time takes it away.
func (a *alarm) set(at time.Time) {
	if at.Equal(a.at) {
		return
	}
	a.at = at
	switch {
	case at.IsZero():
		a.stop()
	case a.timer == nil:
		a.timer = time.NewTimer(time.Until(at))
	default:
		a.timer.Reset(time.Until(at))
	}
}

// rang takes notice that the alarm has gone off.
func (a *alarm) rang() { a.at = time.Time{} }

// c is where the alarm goes off. It is nil when none was ever set.
func (a *alarm) c() <-chan time.Time {
	if a.timer == nil {
		return nil
	}
	return a.timer.C
}

func (a *alarm) stop() {
	if a.timer != nil {
		a.timer.Stop()
	}
}

// earlier returns the earlier of two times, of which the zero time is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
