package runtime

import (
	"testing"
	"testing/synctest"
)

func TestClockNeverShowsZero(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // time stands still
		c := newClock()
		if now := c.now(); now <= 0 || c.time(now).UnixNano() != c.epoch.UnixNano()+now {
			t.Errorf("a new clock shows %d, which is %v of %v", now, c.time(now), c.epoch)
		}
	})
}
