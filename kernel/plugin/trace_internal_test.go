package plugin

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// traced counts calls of a plugin, some of which fail.
func traced(t *traces, id string, calls int) {
	for n := range calls {
		c := t.begin(&wit.Manifest{ID: id, Version: "1.0.0"}, "tool_invoke", make([]byte, n))
		var err error
		if n%2 == 1 {
			err = wit.NewError(wit.CodeInvalid, "a secret word")
		}
		c.end(make([]byte, 7), err)
	}
}

func TestTraces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all traces
		traced(&all, "a", 3)
		w := all.watch("a", time.Now())
		if r := w.read(nil, 10); len(r.Calls) != 0 || r.Cursor != 0 || r.Since != time.Now().UnixMilli() {
			t.Errorf("before the first look calls are kept: %+v", r)
		}
		traced(&all, "a", 3)
		traced(&all, "b", 5)
		r := w.read(nil, 2)
		if len(r.Calls) != 2 || r.Cursor != 3 || r.Calls[0].Code != wit.CodeInvalid || r.Calls[1].Code != "" || r.Calls[1].In != 2 || r.Calls[1].Out != 7 {
			t.Errorf("the last two: %+v", r)
		}
		if r := w.read(&r.Cursor, 10); len(r.Calls) != 0 || r.Cursor != 3 || r.Missed != 0 {
			t.Errorf("nothing is new: %+v", r)
		}
		traced(&all, "a", traceKept+10)
		after := int64(3)
		r = w.read(&after, 150)
		if len(r.Calls) != 150 || r.Missed != 10 || r.Cursor != 3+10+150 || r.Calls[0].In != 10 {
			t.Errorf("what was missed: %d calls, %d missed, cursor %d, first %+v", len(r.Calls), r.Missed, r.Cursor, r.Calls[0])
		}
		if r := w.read(&r.Cursor, 150); len(r.Calls) != 50 || r.Missed != 0 || r.Calls[49].In != traceKept+9 {
			t.Errorf("the rest: %d calls", len(r.Calls))
		}
		later := int64(1 << 40)
		if r := w.read(&later, 150); len(r.Calls) != 150 || r.Cursor != traceKept+13 {
			t.Errorf("a cursor of another start: %d calls to %d", len(r.Calls), r.Cursor)
		}
	})
}

// TestTracesEnd: what nobody has looked at for long is not kept, and costs nothing again.
func TestTracesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all traces
		all.watch("a", time.Now())
		time.Sleep(traceFor - time.Second)
		all.watch("a", time.Now())
		time.Sleep(traceFor - time.Second)
		traced(&all, "a", 1)
		if r := all.watch("a", time.Now()).read(nil, 10); len(r.Calls) != 1 {
			t.Errorf("looked at again in time: %+v", r)
		}
		time.Sleep(traceFor + time.Second)
		traced(&all, "a", 1)
		if all.watched.Load() != nil {
			t.Error("calls are kept for nobody")
		}
		all.watch("a", time.Now())
		time.Sleep(traceFor + time.Second)
		all.watch("b", time.Now())
		if n := len(*all.watched.Load()); n != 1 {
			t.Errorf("%d plugins are looked at", n)
		}
	})
}
