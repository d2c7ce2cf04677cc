package botapi

import (
	"errors"
	"slices"
	"sync"
	"time"
)

// Call is one call that the bot made, with its parameters; files are "file:<name>".
type Call struct {
	Method string            `json:"method"`
	Params map[string]string `json:"params"`
	// Code of the error that answered it, 0 for none; Fault names an injected one.
	Code  int       `json:"code,omitempty"`
	Fault string    `json:"fault,omitempty"`
	At    time.Time `json:"at"`
}

// Sent is a message of the bot that reached a chat, as it was at that moment.
type Sent struct {
	Method  string    `json:"method"`
	Message Message   `json:"message"`
	Silent  bool      `json:"silent,omitempty"`
	At      time.Time `json:"at"`
}

// Journal is what the bot did.
type Journal struct {
	happened *signal

	mu       sync.Mutex
	calls    []Call
	sent     []Sent
	commands []Command
}

// Calls returns the calls that were handled so far.
func (j *Journal) Calls() []Call {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.calls)
}

// Stats counts the calls by method.
func (j *Journal) Stats() map[string]int {
	out := map[string]int{}
	for _, c := range j.Calls() {
		out[c.Method]++
	}
	return out
}

// Sent returns the messages that the bot sent so far, in order. Edits and deletions do not change it.
func (j *Journal) Sent() []Sent {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.sent)
}

// Commands returns the menu that the bot set.
func (j *Journal) Commands() []Command {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.commands)
}

// addCall notes a call that was handled with err, or failed with an injected fault.
func (j *Journal) addCall(method string, p params, err error, fault *Fault) {
	call := Call{Method: method, Params: p.strings(), At: time.Now()}
	if e := (*apiError)(nil); errors.As(err, &e) {
		call.Code = e.Code
	}
	if fault != nil {
		call.Fault = fault.name()
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.calls = append(j.calls, call)
	j.happened.raise()
}

// addSent notes a message that reached its chat. What waits for it is woken by the call that sent it.
func (j *Journal) addSent(s Sent) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.sent = append(j.sent, s)
}

// setCommands replaces the bot's menu.
func (j *Journal) setCommands(list []Command) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.commands = list
}
