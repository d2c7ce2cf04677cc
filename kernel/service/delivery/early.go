package delivery

import (
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/wit"
)

// maxEarly bounds what is kept of an account's confirmations while sends are on their way.
const maxEarly = 1000

// early is what was confirmed of an account, and nobody waited for, while sends of it were on their way: a platform may tell by a call of
// its own what became of a message before the answer to its send is there, and tells it once.
type early struct {
	flights int
	dropped int // how many were heard before those that are kept
	heard   []hearsay
}

// hearsay is a confirmation that counts once its transaction is committed.
type hearsay struct {
	wit.Confirmation
	committed bool
}

// keep adds a confirmation; the oldest makes room.
func (e *early) keep(c wit.Confirmation) {
	if len(e.heard) == maxEarly {
		e.heard, e.dropped = e.heard[1:], e.dropped+1
	}
	e.heard = append(e.heard, hearsay{Confirmation: c})
}

// flight is a send on its way, from before its plugin is called. The zero value has heard nothing.
type flight struct {
	awaiting *awaiting
	account  message.Account
	began    int // how many were heard before
}

// begin notes that a send is on its way. Call end.
func (a *awaiting) begin(account message.Account) flight {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.early[account]
	if e == nil {
		e = &early{}
		if a.early == nil {
			a.early = map[message.Account]*early{}
		}
		a.early[account] = e
	}
	e.flights++
	return flight{a, account, e.dropped + len(e.heard)}
}

func (f flight) end() {
	f.awaiting.mu.Lock()
	defer f.awaiting.mu.Unlock()
	if e := f.awaiting.early[f.account]; e.flights > 1 {
		e.flights--
	} else {
		delete(f.awaiting.early, f.account)
	}
}

// heard returns what was said of a token since the send began: why it was not sent, if that was said too.
func (f flight) heard(token string) (c wit.Confirmation, ok bool) {
	f.awaiting.mu.Lock()
	defer f.awaiting.mu.Unlock()
	e := f.awaiting.early[f.account]
	for _, h := range e.heard[max(f.began-e.dropped, 0):] {
		if h.Token == token && h.committed && (!ok || h.Error != nil) {
			c, ok = h.Confirmation, true
		}
	}
	return c, ok
}

// confirmed says that what was said of t is committed, and returns who waits for it.
func (a *awaiting) confirmed(t ticket) *wait {
	a.mu.Lock()
	defer a.mu.Unlock()
	if e := a.early[t.account]; e != nil {
		for i := range e.heard {
			e.heard[i].committed = e.heard[i].committed || e.heard[i].Token == t.token
		}
	}
	return a.waits[t]
}
