package gateway

import (
	"context"
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
	buf := w.link.transport.takeBatch()
	defer w.link.transport.giveBatch(buf)
	for {
		if batch = w.next(batch); len(batch) == 0 {
			return
		}
		w.link.cork()
		var err error
		for _, f := range batch {
			b := f.encode(*buf)
			if err = w.ws.Write(context.Background(), websocket.MessageText, b); err != nil {
				break
			}
			if f.event && cap(b) > cap(*buf) && cap(b) <= 4*batchBytes {
				*buf = b[:0]
			}
		}
		if e := w.link.uncork(); err == nil {
			err = e
		}
		if err != nil {
			w.shut()
			_ = w.ws.CloseNow() // the reader ends the rest
			return
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
