package kernel

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/service/channel"
	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/kernel/service/inbox"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/system"
	"github.com/carapace-gateway/carapace/wit"
)

// Views of the accounts of channels, which are made after most of those who ask about them, or left out.

// accounts is channel's view of the settings, and of what the plugins' manifests say of them.
type accounts struct {
	settings *config.Settings
	plugins  *plugin.Registry
}

func (a accounts) Accounts(id string) []channel.Account {
	var list []channel.Account
	for _, name := range a.settings.AccountIDs(id) {
		s, _ := a.settings.Account(id, name)
		fault, told := a.fault(id, name)
		list = append(list, channel.Account{
			ID: name, Enabled: s.Enabled == nil || *s.Enabled, Fault: fault, Told: told, Config: s.Config,
			Access: inbox.Access{
				DM: inbox.Policy(s.DMPolicy), AllowFrom: s.AllowFrom, Owners: a.settings.Owners(id),
				Group: inbox.Policy(s.GroupPolicy), Groups: s.Groups, RequireMention: s.RequireMention,
			},
		})
	}
	return list
}

// fault says why an account cannot run with the settings: it is in its own section, in its plugin's, or in the config of one of
// them, which only the manifest tells. What the sections say wrong is in the log.
func (a accounts) fault(id, name string) (why string, told bool) {
	if why := cmp.Or(a.settings.Fault(id, name), a.settings.Fault(id, "")); why != "" {
		return why, true
	}
	if s, _ := a.settings.Account(id, name); s.Enabled != nil && !*s.Enabled {
		return "", false
	}
	if err := a.plugins.Fault(id, name); err != nil {
		return err.Error(), false
	}
	return "", false
}

// ownerSettings is inbox's view of who the owner is.
type ownerSettings struct{ settings *config.Settings }

func (o ownerSettings) Owned() bool { return len(o.settings.Config().Owners) > 0 }

func (o ownerSettings) Owns(id, person string) bool {
	return slices.Contains(o.settings.Owners(id), person)
}

func (o ownerSettings) Own(ctx context.Context, id, person string) error {
	return o.settings.Own(ctx, id, person)
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

func (a deliveryAccounts) ConnectedSince(id, account string) time.Time {
	if c := a.channels(); c != nil {
		return c.ConnectedSince(id, account)
	}
	return time.Time{}
}

func (a deliveryAccounts) Link(id, account string) (delivery.Link, error) {
	c := a.channels()
	if c == nil {
		return nil, wit.NewError(wit.CodeUnavailable, "this gateway has no channels")
	}
	return c.Link(id, account)
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
		list = append(list, system.Account{Channel: is.Channel, Account: is.Account, Label: c.Label(is.Channel), State: is.Condition(), Message: is.Message, Login: is.Login})
	}
	return list
}

func (a systemAccounts) Mark() (now uint64) {
	if c := a.channels(); c != nil {
		now = uint64(c.Mark())
	}
	return now
}

func (a systemAccounts) Restart(id, account string, since uint64) {
	if c := a.channels(); c != nil {
		c.Restart(id, account, channel.Mark(since))
	}
}

// testEvery is how often an account that is being tested is looked at.
const testEvery = 100 * time.Millisecond

func (a systemAccounts) Test(ctx context.Context, id, account string, since uint64) (login bool, err error) {
	look := time.NewTicker(testEvery)
	defer look.Stop()
	last := "it has not started"
	<-look.C // its settings have reached it by then, and what it was connected with before counts no more
	a.Restart(id, account, since)
	for {
		for _, is := range a.List() {
			if is.Channel != id || is.Account != account {
				continue
			}
			last = cmp.Or(is.Message, is.State)
			if over, login, err := concluded(is); over {
				return login, err
			}
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return false, wit.Errorf(wit.CodeTimeout, "it is not connected: %s", last)
		}
	}
}

// concluded reports whether it is known how an account that was started came out: it is connected, waits for its owner, or the
// error says what is wrong.
func concluded(is system.Account) (over, login bool, err error) {
	why := wit.NewError(wit.CodeUnavailable, cmp.Or(is.Message, is.State))
	switch wit.ConnectionState(is.State) {
	case wit.ConnectionStateConnected:
		return true, false, nil
	case wit.ConnectionStateNeedsLogin:
		if is.Login {
			return true, true, nil
		}
		return true, false, why
	case wit.ConnectionStateFailed, "stopped":
		return true, false, why
	case wit.ConnectionStateDisconnected:
		return is.Message != "", false, why
	}
	return false, false, nil
}

// finder is directory's view of the registry.
type finder struct{ registry *plugin.Registry }

func (f finder) Find(ctx context.Context, id string, q wit.DirectoryQuery) ([]wit.DirectoryEntry, bool, error) {
	c, err := f.registry.Channel(id)
	if err != nil || !c.Can("directory") {
		return nil, false, nil
	}
	answer, err := c.Directory(ctx, &q)
	if err != nil {
		return nil, true, err
	}
	return answer.Entries, true, nil
}
