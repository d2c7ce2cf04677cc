package channel

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

func TestTimers(t *testing.T) {
	var ts timers
	now := time.Now()
	set := func(id string, after int64) { ts.set(wit.Timer{ID: id, After: after}, now, 0) }
	set("a", 3000)
	set("b", 1000)
	set("c", 2000)
	set("d", 500)
	set("d", 0)
	set("a", 1500)
	if got := ts.first.Sub(now); got != time.Second {
		t.Errorf("the first is due after %v", got)
	}
	if got := ts.due(now.Add(999 * time.Millisecond)); got != nil {
		t.Errorf("due too early: %v", got)
	}
	if got := strings.Join(ts.due(now.Add(1600*time.Millisecond)), ""); got != "ba" {
		t.Errorf("due: %s", got)
	}
	if got := ts.first.Sub(now); got != 2*time.Second || ts.empty() {
		t.Errorf("the next is due after %v", got)
	}
	set("far", 1<<62)
	if d := ts.at["far"].Sub(now); d != 365*24*time.Hour {
		t.Errorf("the longest timer is %v", d)
	}
	ts.clear()
	if !ts.empty() || !ts.first.IsZero() {
		t.Errorf("%+v", ts)
	}
}

// TestAnAccountMaySetWhatOneAnswerMay: the contract lets one answer set a hundred timers.
func TestAnAccountMaySetWhatOneAnswerMay(t *testing.T) {
	var ts timers
	now := time.Now()
	for i := range 100 {
		if !ts.set(wit.Timer{ID: fmt.Sprint(i), After: 1000}, now, 0) {
			t.Fatalf("timer %d was not set", i)
		}
	}
	if ts.set(wit.Timer{ID: "x", After: 1}, now, 0) {
		t.Error("a hundred and one timers")
	}
	if !ts.set(wit.Timer{ID: "7", After: 5000}, now, 0) {
		t.Error("one of a hundred cannot be moved")
	}
	if n := len(ts.due(now.Add(time.Second))); n != 99 {
		t.Errorf("%d are due", n)
	}
	if ts.set(wit.Timer{ID: "x", After: 1}, now, 99) || !ts.set(wit.Timer{ID: "x", After: 1}, now, 98) {
		t.Error("those that have gone off and wait count too")
	}
}
