package channel

import (
	"slices"
	"strings"
	"sync/atomic"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/wit"
)

// roster is the accounts that have a loop, by channel and id. Run adds to it, anybody reads it without
// waiting. A removed account stays, so that there are never two loops of one.
type roster struct {
	list atomic.Pointer[[]*account] // sorted; never changed once it is stored
}

// forget makes the roster an empty one.
func (r *roster) forget() { r.list.Store(nil) }

// add is Run's alone.
func (r *roster) add(a *account) {
	list := append(slices.Clone(r.every()), a)
	slices.SortFunc(list, func(a, b *account) int { return compare(a.id, b.id) })
	r.list.Store(&list)
}

// every lists the accounts with the removed ones.
func (r *roster) every() []*account {
	if list := r.list.Load(); list != nil {
		return *list
	}
	return nil
}

// get finds an account, also a removed one.
func (r *roster) get(id message.Account) (*account, bool) {
	list := r.every()
	i, ok := slices.BinarySearchFunc(list, id, func(a *account, id message.Account) int { return compare(a.id, id) })
	if !ok {
		return nil, false
	}
	return list[i], true
}

// all lists the configured accounts.
func (r *roster) all() []*account {
	return slices.DeleteFunc(slices.Clone(r.every()), func(a *account) bool { return a.view.Load().removed })
}

// find finds a configured account, the channel's first when account is empty. Errors: CodeNotFound.
func (r *roster) find(channel, account string) (*account, error) {
	known := false
	for _, a := range r.every() {
		if a.id.Channel != channel || a.view.Load().removed {
			continue
		}
		if account == "" || a.id.ID == account {
			return a, nil
		}
		known = true
	}
	if !known {
		return nil, wit.Errorf(wit.CodeNotFound, "unsupported channel: %s has no account: set one up first", channel)
	}
	return nil, wit.Errorf(wit.CodeNotFound, "channel %s has no account %q", channel, account)
}

// compare sorts accounts by channel and id.
func compare(a, b message.Account) int {
	if c := strings.Compare(a.Channel, b.Channel); c != 0 {
		return c
	}
	return strings.Compare(a.ID, b.ID)
}
