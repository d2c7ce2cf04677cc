package gateway

import "testing"

func newOutbox() *outbox { return &outbox{maxFrames: 4, maxBytes: 100} }

func news(size int) frame   { return frame{body: make([]byte, size), event: true} }
func result(size int) frame { return frame{body: make([]byte, size)} }

// TestOutboxBounds: events and answers have bounds of their own, half of the events' room is for what must arrive, and
// an empty box takes anything.
func TestOutboxBounds(t *testing.T) {
	type push struct {
		frame     frame
		droppable bool
		want      verdict
	}
	for name, pushes := range map[string][]push{
		"events": {{news(1), false, queued}, {news(1), false, queued}, {news(1), false, queued}, {news(1), false, queued}, {news(1), true, dropped},
			{news(1), false, overflow}, {news(1), false, gone}, {result(1), false, gone}},
		"droppable events":        {{news(1), true, queued}, {news(1), true, queued}, {news(1), true, dropped}, {news(1), false, queued}},
		"bytes of events":         {{news(60), false, queued}, {news(40), false, queued}, {news(1), false, overflow}},
		"bytes of droppable ones": {{news(30), true, queued}, {news(21), true, dropped}, {news(20), true, queued}, {news(1), true, dropped}, {news(50), false, queued}},
		"one long event":          {{news(1000), true, queued}, {news(1), true, dropped}, {result(1), false, queued}, {news(1), false, overflow}},
		"answers":                 {{result(1), false, queued}, {result(1), false, queued}, {result(1), false, queued}, {result(1), false, queued}, {news(100), false, queued}, {result(1), false, overflow}},
		"bytes of answers":        {{result(maxAnswers - 1), false, queued}, {result(1), false, queued}, {result(1), false, overflow}},
		"one long answer":         {{result(maxAnswers + 1), false, queued}, {news(100), false, queued}},
	} {
		box := newOutbox()
		for i, p := range pushes {
			if got, _ := box.push(p.frame, p.droppable); got != p.want {
				t.Errorf("%s: frame %d is %d, want %d", name, i+1, got, p.want)
			}
		}
	}
}

// TestOutboxHasOneWriter, who gets everything in order, hello-ok before all; what was dropped leaves a gap in seq.
func TestOutboxHasOneWriter(t *testing.T) {
	box := newOutbox()
	box.held = true
	for i, droppable := range []bool{true, true, true, false} {
		if _, start := box.push(news(i+1), droppable); start {
			t.Fatal("a writer before hello-ok")
		}
	}
	if !box.release(result(9)) || !box.writing() {
		t.Fatal("hello-ok has no writer")
	}
	if _, start := box.push(result(5), false); start {
		t.Error("a second writer")
	}
	batch := box.next(nil)
	want := []frame{{body: make([]byte, 9)}, {make([]byte, 1), true, 1, ""}, {make([]byte, 2), true, 2, ""}, {make([]byte, 4), true, 4, ""}, {body: make([]byte, 5)}}
	if len(batch) != len(want) {
		t.Fatalf("%d frames", len(batch))
	}
	for i, f := range batch {
		if len(f.body) != len(want[i].body) || f.event != want[i].event || f.seq != want[i].seq {
			t.Errorf("frame %d has %d bytes and seq %d", i, len(f.body), f.seq)
		}
		box.sent([]frame{f})
	}
	if rest := box.next(batch); len(rest) != 0 || box.writing() || batch[0].body != nil {
		t.Errorf("after the last: %d frames, writing %v, the first is kept: %v", len(rest), box.writing(), batch[0].body)
	}
	if _, start := box.push(result(1), false); !start || !box.writing() {
		t.Error("what comes later has no writer")
	}
}

// TestOutboxFull: whoever reads waits while half of the room is taken, by events and answers together, and goes on with
// the next frame that was sent.
func TestOutboxFull(t *testing.T) {
	for name, tt := range map[string]struct {
		frames []frame
		full   bool
	}{
		"empty": {nil, false}, "a frame": {[]frame{news(1)}, false}, "an event and an answer": {[]frame{news(1), result(1)}, true},
		"49 bytes": {[]frame{result(49)}, false}, "50 bytes": {[]frame{result(50)}, true}, "50 bytes of an event": {[]frame{news(50)}, true},
	} {
		box := newOutbox()
		for _, f := range tt.frames {
			box.push(f, false)
		}
		room := box.full()
		if (room != nil) != tt.full {
			t.Errorf("%s: full is %v", name, room != nil)
		}
		for _, f := range tt.frames {
			box.sent([]frame{f})
		}
		if room != nil && !closed(room) || box.full() != nil {
			t.Errorf("%s: it stays full", name)
		}
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// TestOutboxEnds: an ending box takes nothing and says when it is empty; one that is shut is empty, wakes who waits,
// and what is written just then counts for nothing.
func TestOutboxEnds(t *testing.T) {
	box := newOutbox()
	box.push(news(10), false)
	box.push(result(20), false)
	first := box.ending()
	if v, _ := box.push(result(1), false); v != gone || first == nil {
		t.Fatalf("a frame to an ending box: %d", v)
	}
	if box.full() != nil {
		t.Error("an ending connection's reader waits for room")
	}
	box.sent([]frame{news(10)})
	if !closed(first) || box.ending() == nil {
		t.Error("no progress, or an end before the last frame")
	}
	if box.sent([]frame{result(20)}); box.ending() != nil {
		t.Error("it does not end")
	}

	box = &outbox{maxFrames: 4, maxBytes: 100, held: true}
	box.push(news(10), false)
	if box.ending() != nil {
		t.Error("what waits for hello-ok is waited for")
	}

	box = newOutbox()
	box.push(news(60), false)
	room := box.full()
	box.shut()
	box.sent([]frame{news(60)})
	if v, _ := box.push(news(1), true); v != gone || !closed(room) || box.events != (load{}) || len(box.next(nil)) != 0 || box.full() != nil {
		t.Errorf("shut: a frame is %d, %+v waits", v, box.events)
	}
}

// TestOutboxesShareMemory: while the answers of all connections have taken what they may, nobody goes on who has one that waits; what
// was sent, and what nobody will send, is given back.
func TestOutboxesShareMemory(t *testing.T) {
	all := &memory{most: 100}
	one, other := &outbox{maxFrames: 10, maxBytes: 1 << 30, all: all}, &outbox{maxFrames: 10, maxBytes: 1 << 30, all: all}
	one.push(result(99), false)
	one.push(news(1000), false) // which is everybody's
	if one.full() != nil {
		t.Error("full before all is taken")
	}
	other.push(result(1), false)
	if one.full() == nil || other.full() == nil {
		t.Error("somebody goes on")
	}
	third := &outbox{maxFrames: 10, maxBytes: 1 << 30, all: all}
	if third.full() != nil {
		t.Error("one who waits for nothing is held up")
	}
	room := other.full()
	if other.sent([]frame{result(1)}); !closed(room) || other.full() != nil || one.full() != nil {
		t.Error("what was sent still counts")
	}
	one.push(result(5), false)
	one.sent([]frame{result(99)})
	if one.shut(); all.held.Load() != 0 {
		t.Errorf("%d bytes are held for nothing", all.held.Load())
	}
	one = &outbox{maxFrames: 10, maxBytes: 1 << 30, all: all}
	if one.push(result(enoughAnswers), false); one.full() == nil {
		t.Error("a connection with many answers is read further")
	}
}
