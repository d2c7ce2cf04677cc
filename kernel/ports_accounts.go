package kernel

import (
	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/service/channel"
	"github.com/carapace-gateway/carapace/kernel/service/inbox"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/system"
	"github.com/carapace-gateway/carapace/wit"
)

// Views of the accounts of channels, which are made after most of those who ask about them, or left out.

// accounts is channel's view of the settings.
type accounts struct{ settings *config.Settings }

func (a accounts) Accounts(id string) []channel.Account {
	var list []channel.Account
	for _, name := range a.settings.AccountIDs(id) {
		s, _ := a.settings.Account(id, name)
		list = append(list, channel.Account{
			ID: name, Enabled: s.Enabled == nil || *s.Enabled, Config: s.Config,
			Access: inbox.Access{
				DM: inbox.Policy(s.DMPolicy), AllowFrom: s.AllowFrom,
				Group: inbox.Policy(s.GroupPolicy), Groups: s.Groups, RequireMention: s.RequireMention,
			},
		})
	}
	return list
}

// inboxAccounts is inbox's view of the accounts, which are made after it.
type inboxAccounts struct{ channels func() *channel.Service }

func (a inboxAccounts) Accounts() []message.Account {
	if c := a.channels(); c != nil {
		return c.Accounts()
	}
	return nil
}

func (a inboxAccounts) Label(id string) string {
	if c := a.channels(); c != nil {
		return c.Label(id)
	}
	return id
}

func (a inboxAccounts) Account(id, account string) (message.Account, error) {
	if c := a.channels(); c != nil {
		return c.Account(id, account)
	}
	return message.Account{}, wit.Errorf(wit.CodeNotFound, "unsupported channel: %s has no account: set one up first", id)
}

// deliveryAccounts is delivery's view of the accounts, which are made after it.
type deliveryAccounts struct{ channels func() *channel.Service }

func (a deliveryAccounts) Ready(id, account string) error {
	if c := a.channels(); c != nil {
		return c.Ready(id, account)
	}
	return wit.NewError(wit.CodeUnavailable, "this gateway has no channels")
}

func (a deliveryAccounts) Account(id, account string) (message.Account, error) {
	if c := a.channels(); c != nil {
		return c.Account(id, account)
	}
	return message.Account{}, wit.NewError(wit.CodeNotFound, "this gateway has no channels")
}

func (a deliveryAccounts) Default() (id string, ok bool) {
	if c := a.channels(); c != nil {
		return c.Default()
	}
	return "", false
}

// systemAccounts is system's view of the accounts.
type systemAccounts struct{ channels func() *channel.Service }

func (a systemAccounts) List() []system.Account {
	list := []system.Account{}
	c := a.channels()
	if c == nil {
		return list
	}
	for _, is := range c.List() {
		list = append(list, system.Account{Channel: is.Channel, Account: is.Account, Label: c.Label(is.Channel), State: is.Condition(), Message: is.Message})
	}
	return list
}

func (a systemAccounts) Restart(id, account string) {
	if c := a.channels(); c != nil {
		c.Restart(id, account)
	}
}
