package botapitest

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/change"
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
	happened *change.Signal

	mu     sync.Mutex
	calls  []Call
	sent   []Sent
	drafts []Draft
	menus  map[string][]Command // by scope
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

// Menu returns the menu that the bot set for a scope, such as "default"; nil for none.
func (j *Journal) Menu(scope string) []Command {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.menus[scope])
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
	j.happened.Raise()
}

// addSent notes a message that reached its chat. What waits for it is woken by the call that sent it.
func (j *Journal) addSent(s Sent) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.sent = append(j.sent, s)
}

// Drafts returns what the bot has shown while it wrote, without making messages of it.
func (j *Journal) Drafts() []Draft {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.drafts)
}

func (j *Journal) addDraft(d Draft) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.drafts = append(j.drafts, d)
}

// setCommands replaces the bot's menu for a scope.
func (j *Journal) setCommands(scope string, list []Command) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.menus == nil {
		j.menus = map[string][]Command{}
	}
	j.menus[scope] = list
}
