package delivery

import "testing"

func TestWaitersHearOnce(t *testing.T) {
	w := newWaiters()
	a, removeA := w.add("m")
	b, removeB := w.add("m")
	other, removeOther := w.add("n")
	removeB()
	w.tell("m", outcome{state: StateSent})
	w.tell("m", outcome{state: StateFailed})
	if got := <-a; got.state != StateSent {
		t.Errorf("heard %s", got.state)
	}
	if len(a) != 0 || len(b) != 0 || len(other) != 0 {
		t.Error("somebody heard what was not theirs")
	}
	removeA()
	removeOther()
	if len(w.byID) != 0 {
		t.Errorf("%d are still remembered", len(w.byID))
	}
}
