package delivery

import (
	"errors"
	"slices"
	"testing"
	"time"
)

// busyLane is a lane with messages whose first one is looked at.
func busyLane(items ...string) *lane {
	l := &lane{items: items}
	l.begin()
	l.next()
	return l
}

func TestALaneAppliesSteps(t *testing.T) {
	away := errors.New("needs a login")
	for name, c := range map[string]struct {
		items []string
		step  step
		state laneState
		left  []string
	}{
		"more of the same":     {[]string{"a"}, step{}, laneBusy, []string{"a"}},
		"over, and a next one": {[]string{"a", "b"}, step{pop: true}, laneBusy, []string{"b"}},
		"over, and none":       {[]string{"a"}, step{pop: true}, laneIdle, nil},
		"wait":                 {[]string{"a"}, step{wait: time.Second}, laneWaiting, []string{"a"}},
		"park":                 {[]string{"a"}, step{park: away}, laneParked, []string{"a"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := busyLane(c.items...)
			l.apply(c.step)
			if l.state != c.state || !slices.Equal(l.items, c.left) {
				t.Errorf("state %d with %q, want %d with %q", l.state, l.items, c.state, c.left)
			}
		})
	}
}

func TestALaneBeginsOnlyWhatCanGoOn(t *testing.T) {
	l := &lane{}
	if l.begin() {
		t.Error("a lane without messages has begun")
	}
	l.push("a")
	if !l.begin() || l.begin() {
		t.Error("a lane with a message begins once")
	}
	l.apply(step{wait: time.Second})
	l.unpark()
	if l.begin() {
		t.Error("an account that changed has ended a wait")
	}
	l.ring()
	if !l.begin() {
		t.Error("the time has come and nothing begins")
	}
	l.next()
	l.apply(step{park: errors.New("away")})
	l.push("b")
	l.ring()
	if l.begin() || l.reason != "away" {
		t.Errorf("a parked lane has begun, or lost its reason %q", l.reason)
	}
	l.unpark()
	if item, _ := l.next(); !l.begin() || item != "a" || l.reason != "" {
		t.Errorf("after an unpark: item %q, reason %q", item, l.reason)
	}
}

// A change between a look and its step would otherwise be lost: nobody would wake the lane again.
func TestALaneIsNotParkedOnAnAccountThatChangedMeanwhile(t *testing.T) {
	l := busyLane("a")
	l.unpark()
	l.apply(step{park: errors.New("away")})
	if l.state != laneBusy {
		t.Fatalf("state %d", l.state)
	}
	l.next()
	l.apply(step{park: errors.New("still away")})
	if l.state != laneParked || l.reason != "still away" {
		t.Errorf("state %d, reason %q", l.state, l.reason)
	}
}

func TestALaneKeepsItsSpacing(t *testing.T) {
	now := time.Unix(1000, 0)
	l := busyLane("a", "b")
	l.apply(step{pop: true, notBefore: now.Add(time.Hour)})
	if _, notBefore := l.next(); !notBefore.Equal(now.Add(time.Hour)) {
		t.Errorf("not before %v", notBefore)
	}
	l.apply(step{pop: true}) // it has sent nothing: the spacing stays
	if l.over(now) || l.over(now.Add(59*time.Minute)) {
		t.Error("forgotten within its spacing")
	}
	if !l.over(now.Add(time.Hour)) {
		t.Error("kept beyond its spacing")
	}
	if busyLane("a").over(now) {
		t.Error("a busy lane is over")
	}
}

// TestALaneWaits for its time, or, where it watches, until accounts change.
func TestALaneWaits(t *testing.T) {
	for name, c := range map[string]struct {
		watch   bool
		changed bool // while the step was made
		state   laneState
		unpark  laneState // after a change that comes later
	}{
		"for its time":              {false, false, laneWaiting, laneWaiting},
		"for its time all the same": {false, true, laneWaiting, laneWaiting},
		"for a change":              {true, false, laneWaiting, laneIdle},
		"for none that was missed":  {true, true, laneBusy, laneBusy},
	} {
		l := busyLane("a")
		if c.changed {
			l.unpark()
		}
		l.apply(step{wait: time.Hour, watch: c.watch})
		if l.state != c.state {
			t.Errorf("%s: state %d", name, l.state)
		}
		if l.unpark(); l.state != c.unpark {
			t.Errorf("%s: state %d after a change", name, l.state)
		}
	}
}
