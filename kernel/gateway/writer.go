package gateway

import (
	"time"

	"github.com/coder/websocket"
)

// writer sends one client what is put into its outbox. It has a goroutine only while there is something to write.
type writer struct {
	outbox
	ws      *websocket.Conn // written by one goroutine at a time, which outbox sees to
	link    *link
	metrics *metrics
}

// send queues a frame and sees to it that somebody writes it. It never blocks. false is a client that is too slow for
// what must reach it: its connection has to be closed.
func (w *writer) send(f frame, droppable bool) (keepsUp bool) {
	v, start := w.push(f, droppable)
	if start {
		go w.write()
	}
	switch v {
	case dropped:
		w.metrics.dropped.Inc()
	case overflow:
		w.metrics.slow.Inc()
		return false
	}
	return true
}

// open sends hello-ok, and after it what has waited for that.
func (w *writer) open(hello frame) {
	if w.release(hello) {
		go w.write()
	}
}

// write sends what waits until nothing does. Only one runs at a time.
func (w *writer) write() {
	var batch []frame
	for {
		if batch = w.next(batch); len(batch) == 0 {
			return
		}
		for rest := batch; len(rest) > 0; {
			n, err := w.link.writeFrames(rest)
			if err != nil {
				w.shut()
				_ = w.ws.CloseNow() // the reader ends the rest
				return
			}
			w.sent(rest[:n])
			rest = rest[n:]
		}
	}
}

// drain takes no further frames, and gives the writing a moment to send what was queued before.
func (w *writer) drain() {
	deadline := time.After(closeTimeout)
	for {
		room := w.ending()
		if room == nil {
			return
		}
		select {
		case <-room:
		case <-deadline:
			return
		}
	}
}
