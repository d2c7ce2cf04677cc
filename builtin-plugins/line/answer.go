package line

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// answer is what handling one event comes to, while it is being put together. The kernel commits the whole and then acts
// on it.
type answer struct {
	account.Turn[settings, state]
}

// newAnswer reads what the event brings. The error is invalid.
func newAnswer(host *sdk.Host, event *wit.ChannelEvent) (*answer, error) {
	t, err := account.Begin(host, event, readSettings, readState, (*state).json)
	if err != nil {
		return nil, err
	}
	return &answer{Turn: t}, nil
}

// status tells the owner how the account is; message says what is wrong and what to do, or is empty.
func (a *answer) status(state wit.ConnectionState, message string) {
	var self *wit.Person
	if me := a.State.me; me.id != "" {
		self = &wit.Person{ID: me.id, Name: account.Optional(me.name), Username: account.Optional(strings.TrimPrefix(me.basic, "@")), Bot: true}
	}
	a.Status(state, message, self)
}

// What requests are for.
type purpose string

const (
	toMe   purpose = "me"   // who the account is
	toName purpose = "name" // what somebody is called
	toRoom purpose = "room" // what a group is called
)

// get makes a request whose response comes back as an event. Of those that one answer has room for the first ones are made.
func (a *answer) get(kind purpose, which, path string) bool {
	if len(a.Out.Requests) >= wit.ChannelAnswerRequestsMax {
		return false
	}
	r := a.Settings.get(path)
	r.ID = account.RequestID(kind, a.State.generation, which)
	a.Request(*r)
	return true
}

// responded takes the response to a request.
func responded(a *answer, response *wit.HTTPResponse) {
	kind, which, current := account.ParseRequestID[purpose](response.ID, a.State.generation)
	if !current {
		return // asked before the account was started anew, or logged out
	}
	switch r := decode(response); kind {
	case toMe:
		introduced(a, r)
	case toName:
		named(a, which, r)
	case toRoom:
		described(a, which, r)
	}
}
