package discordtest

import (
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/change"
)

// Call is one call of the API that the bot made.
type Call struct {
	// Route is the call's form, Path what was called.
	Route string
	Path  string
	Body  json.RawMessage
	// Status of the answer, and Code of an error; Fault names an injected one.
	Status int
	Code   int
	Fault  string
	At     time.Time
}

// Sent is a message of the bot that reached a channel, as it was at that moment.
type Sent struct {
	Message Message
	// Body is what the bot asked for.
	Body json.RawMessage
	At   time.Time
}

// Journal is what the bot did.
type Journal struct {
	happened *change.Signal

	mu    sync.Mutex
	calls []Call
	sent  []Sent
}

// Calls returns the calls that were handled so far.
func (j *Journal) Calls() []Call {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.calls)
}

// CallsOf returns those of one route.
func (j *Journal) CallsOf(route string) []Call {
	return slices.DeleteFunc(j.Calls(), func(c Call) bool { return c.Route != route })
}

// Sent returns the messages that the bot sent so far, in order. Edits and deletions do not change it.
func (j *Journal) Sent() []Sent {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.sent)
}

func (j *Journal) addCall(c Call) {
	j.mu.Lock()
	defer j.mu.Unlock()
	c.At = time.Now()
	j.calls = append(j.calls, c)
	j.happened.Raise()
}

func (j *Journal) addSent(m Message, body json.RawMessage) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.sent = append(j.sent, Sent{m, body, time.Now()})
}
