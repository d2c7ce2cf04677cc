package kerneltest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
)

// Patience is how long a test waits for what must come, unless it says so itself. It only bounds a failing test, so
// it is long enough for a machine that is busy with other things.
const Patience = 10 * time.Minute

// Event is what a client is told.
type Event = client.Event

// Listener keeps everything that a client is told, so that a test can ask for it in any order.
type Listener struct {
	*client.Client
	// Patience is how long is waited for what must come, the package's Patience at first. A test of what takes longer, in a
	// bubble of testing/synctest, sets it before it waits.
	Patience time.Duration

	t       testing.TB
	mu      sync.Mutex
	events  []client.Event
	changed chan struct{}
}

// Listen reads a client's events from now on until the connection ends.
func Listen(t testing.TB, c *client.Client) *Listener {
	l := &Listener{Client: c, Patience: Patience, t: t, changed: make(chan struct{})}
	go func() {
		for e := range c.Events() {
			l.mu.Lock()
			l.events = append(l.events, e)
			close(l.changed)
			l.changed = make(chan struct{})
			l.mu.Unlock()
		}
	}()
	return l
}

// Events returns what came so far.
func (l *Listener) Events() []client.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.events)
}

// Until waits until the events so far make ok true; the test fails if that never happens.
func (l *Listener) Until(what string, ok func([]client.Event) bool) {
	l.t.Helper()
	timeout := time.After(l.Patience)
	for {
		l.mu.Lock()
		events, changed := slices.Clone(l.events), l.changed
		l.mu.Unlock()
		if ok(events) {
			return
		}
		select {
		case <-changed:
		case <-l.Done():
			l.t.Fatalf("the connection ended before %s: %v\n%s", what, l.Err(), dump(events))
		case <-timeout:
			l.t.Fatalf("waited in vain for %s\n%s\n\n%s", what, dump(events), stacks())
		}
	}
}

func dump(events []client.Event) string {
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintf(&b, "  %s %s\n", e.Name, e.Payload)
	}
	return b.String()
}

// Event waits for the first event of this name that ok accepts.
func (l *Listener) Event(name string, ok func(json.RawMessage) bool) client.Event {
	l.t.Helper()
	var found client.Event
	l.Until("an event "+name, func(events []client.Event) bool {
		i := slices.IndexFunc(events, func(e client.Event) bool { return e.Name == name && ok(e.Payload) })
		if i >= 0 {
			found = events[i]
		}
		return i >= 0
	})
	return found
}

// Chats returns the chat events of a run so far; an empty run is all of them.
func (l *Listener) Chats(run string) []chat.Event { return chats(l.t, l.Events(), run) }

func chats(t testing.TB, events []client.Event, run string) []chat.Event {
	t.Helper()
	var list []chat.Event
	for _, e := range events {
		if e.Name != "chat" {
			continue
		}
		var c chat.Event
		if err := json.Unmarshal(e.Payload, &c); err != nil {
			t.Fatalf("%s: %v", e.Payload, err)
		}
		if run == "" || c.RunID == run {
			list = append(list, c)
		}
	}
	return list
}

// End waits for the end of a run: its chat event final, error or aborted.
func (l *Listener) End(run string) chat.Event {
	l.t.Helper()
	var end chat.Event
	l.Until("the end of run "+run, func(events []client.Event) bool {
		for _, c := range chats(l.t, events, run) {
			if c.State != "delta" {
				end = c
				return true
			}
		}
		return false
	})
	return end
}

// Send says something in the main session and returns when it was accepted; run is its id.
func (l *Listener) Send(run, text string) {
	l.t.Helper()
	l.MustCall("chat.send", map[string]any{"sessionKey": "main", "message": text, "idempotencyKey": run}, nil)
}

// Ask says something in the main session and returns what the assistant said in the end.
func (l *Listener) Ask(run, text string) string {
	l.t.Helper()
	l.Send(run, text)
	end := l.End(run)
	if end.State != "final" {
		l.t.Fatalf("run %s ended as %s: %s", run, end.State, end.ErrorMessage)
	}
	return Text(end.Message)
}

// MustCall calls a method that has to succeed; out may be nil.
func (l *Listener) MustCall(method string, params, out any) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	if err := l.Call(ctx, method, params, out); err != nil {
		l.t.Fatalf("%s %v: %v", method, params, err)
	}
}

// Text is what a message says.
func Text(m *chat.Message) string {
	text := ""
	if m != nil {
		for _, c := range m.Content {
			text += c.Text
		}
	}
	return text
}
