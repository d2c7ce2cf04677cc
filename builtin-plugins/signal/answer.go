package signal

import (
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
	if a.State.me != "" || a.Settings.account != "" {
		self = &wit.Person{ID: a.Settings.account, Bot: true}
	}
	a.Status(state, message, self)
}
