package inbox

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

const (
	requestTTL  = time.Hour
	maxRequests = 3 // of one channel that wait
	codeLength  = 8
	codeLetters = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789" // 32: five bits each, none that look alike
)

// request is somebody who wants to talk to the bot. Times are in Unix milliseconds.
type request struct {
	Code         string           `json:"code"`
	Channel      string           `json:"channel"`
	Account      string           `json:"account"`
	Sender       wit.Person       `json:"sender"`
	Conversation wit.Conversation `json:"conversation"`
	CreatedAt    int64            `json:"createdAt"`
	LastSeenAt   int64            `json:"lastSeenAt"`
	ExpiresAt    int64            `json:"expiresAt"`
}

// approval is somebody whom the owner has let in.
type approval struct {
	Channel string     `json:"channel"`
	Account string     `json:"account"`
	Sender  wit.Person `json:"sender"`
	At      int64      `json:"at"`
}

// Both have one row for each account and sender.
const (
	requestTable  = store.Table[request]("channel.pairing")
	approvalTable = store.Table[approval]("channel.approved")
)

// key is where a request is kept: one for each sender.
func (r *request) key() string { return key(r.Channel, r.Account, r.Sender.ID) }

// Approved lists whom the owner has let in to an account, as origins without a conversation. Errors: the store's.
func (s *Service) Approved(ctx context.Context, a message.Account) (list []message.Origin, err error) {
	err = s.store.View(ctx, func(tx store.Tx) error {
		list = list[:0]
		for row, err := range approvalTable.Scan(tx, store.Range{Prefix: accountKey(a) + "/"}) {
			if store.Damaged(err) {
				continue
			}
			if err != nil {
				return err
			}
			list = append(list, message.Origin{Channel: a.Channel, Account: a.ID, Sender: &row.Value.Sender})
		}
		return nil
	})
	return list, err
}

// approved reports whether the owner has let a sender in. Nobody is let in without an id.
func approved(tx store.Tx, a message.Account, sender string) (bool, error) {
	if sender == "" {
		return false, nil
	}
	_, err := tx.Get(string(approvalTable), key(a.Channel, a.ID, sender))
	return found(err)
}

// invite records a request, tells the sender how it is approved, and asks the owner: once, and not at all when too many
// wait. It reports whether there is a notice to be sent.
func (p *pairing) invite(tx store.Tx, b *Batch, m *wit.Message, now int64) (bool, error) {
	a := b.Account
	if m.Sender.ID == "" {
		return false, nil
	}
	if err := expireRequests(tx, now); err != nil {
		return false, err
	}
	k := key(a.Channel, a.ID, m.Sender.ID)
	old, err := requestTable.Get(tx, k)
	if there, err := found(err); err != nil {
		return false, err
	} else if there {
		old.LastSeenAt = now
		return false, requestTable.Put(tx, k, old)
	}
	waiting, err := requests(tx, a.Channel)
	if err != nil || len(waiting) >= maxRequests {
		return false, err
	}
	r := request{
		Code: newCode(), Channel: a.Channel, Account: a.ID, Sender: m.Sender, Conversation: m.Conversation,
		CreatedAt: now, LastSeenAt: now, ExpiresAt: now + requestTTL.Milliseconds(),
	}
	if err := requestTable.Put(tx, k, r); err != nil {
		return false, err
	}
	if err := p.ask(tx, b, r); err != nil {
		return false, err
	}
	return true, p.outbox.Enqueue(tx, message.Outbound{
		ID: "pairing/" + k + "/" + r.Code, Channel: a.Channel, Account: a.ID, To: m.Conversation, Text: invitation(r),
	})
}

// invitation is what a stranger is told. It names the command that the owner has to run.
func invitation(r request) string {
	return fmt.Sprintf("This assistant answers only to people its owner has approved.\n\nYour id: %s\nPairing code: %s\n\n"+
		"Ask the owner to run:\n\ncarapace pairing approve %s %s\n\nThe code is valid for one hour.",
		r.Sender.ID, r.Code, r.Channel, r.Code)
}

// requests lists those of a channel, or of all when it is empty.
func requests(tx store.Tx, channel string) ([]request, error) {
	prefix := ""
	if channel != "" {
		prefix = key(channel) + "/"
	}
	var list []request
	for row, err := range requestTable.Scan(tx, store.Range{Prefix: prefix}) {
		if err != nil {
			return nil, err
		}
		list = append(list, row.Value)
	}
	return list, nil
}

// expireRequests removes those that nobody approved in time.
func expireRequests(tx store.Tx, now int64) error {
	list, err := requests(tx, "")
	if err != nil {
		return err
	}
	for _, r := range list {
		if r.ExpiresAt > now {
			continue
		}
		if err := requestTable.Delete(tx, r.key()); err != nil {
			return err
		}
	}
	return nil
}

// newCode returns a code that can be read out loud.
func newCode() string {
	b := make([]byte, codeLength)
	_, _ = rand.Read(b) // it never fails: the program would end
	for i := range b {
		b[i] = codeLetters[b[i]%byte(len(codeLetters))]
	}
	return string(b)
}
