package inbox

import (
	"fmt"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/question"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// The owner is asked in their own chat who may write. The code, and `carapace pairing`, work as they do without one.

// pairingKind is the kind of the questions about requests.
const pairingKind = "pairing"

// What the owner can choose.
const (
	choiceApprove = "approve"
	choiceDismiss = "dismiss"
)

// ownerChat is where the owner has last written to an account directly.
type ownerChat struct {
	Account      message.Account  `json:"account"`
	Sender       string           `json:"sender"`
	Conversation wit.Conversation `json:"conversation"`
}

const ownerTable = store.Table[ownerChat]("channel.owner")

// noteOwner remembers where the owner is to be asked.
func noteOwner(tx store.Tx, a message.Account, m *wit.Message) error {
	k := key(a.Channel, a.ID, m.Sender.ID)
	old, err := ownerTable.Get(tx, k)
	switch there, err := found(err); {
	case err != nil:
		return err
	case there && old.Conversation.ID == m.Conversation.ID:
		return nil
	}
	return ownerTable.Put(tx, k, ownerChat{a, m.Sender.ID, m.Conversation})
}

// ownerOf finds a chat of the owner's, one of the same account first; nil where they have none.
func (p *pairing) ownerOf(tx store.Tx, b *Batch) (chat *ownerChat, err error) {
	for row, err := range ownerTable.Scan(tx, store.Range{}) {
		if store.Damaged(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		c := row.Value
		if c.Account == b.Account && b.Access.owned(wit.Person{ID: c.Sender}) {
			return &c, nil
		}
		if chat == nil && p.owners != nil && p.owners.Owns(c.Account.Channel, c.Sender) {
			chat = &c
		}
	}
	return chat, nil
}

// OwnerChat is a chat in which the owner can be asked, false where they have not written to any account. Errors: the store's.
func (s *Service) OwnerChat(tx store.Tx) (at message.Account, to wit.Conversation, ok bool, err error) {
	chat, err := s.pairing.ownerOf(tx, &Batch{})
	if err != nil || chat == nil {
		return at, to, false, err
	}
	return chat.Account, chat.Conversation, true, nil
}

// question names the question about a request.
func (r *request) question() string { return pairingKind + "/" + r.key() + "/" + r.Code }

// ask asks the owner about a request, where they have a chat.
func (p *pairing) ask(tx store.Tx, b *Batch, r request) error {
	chat, err := p.ownerOf(tx, b)
	if err != nil || chat == nil {
		return err
	}
	return p.questions.Ask(tx, question.Question{
		ID: r.question(), Kind: pairingKind, Subject: r.key() + "/" + r.Code, Account: chat.Account, To: chat.Conversation,
		Text: fmt.Sprintf("%s (id %s) asks to write to %s of %s, with the code %s.",
			message.Name(personLabel(r.Sender)), message.Name(r.Sender.ID), r.Account, p.accounts.Label(r.Channel), r.Code),
		Choices: []question.Choice{
			{Name: choiceApprove, Label: "Approve", Style: wit.ActionStylePrimary},
			{Name: choiceDismiss, Label: "Dismiss", Style: wit.ActionStyleDanger},
		},
		Owner: true, ExpiresAt: r.ExpiresAt,
	})
}

// answered does what the owner has chosen about a request.
func (p *pairing) answered(tx store.Tx, a question.Answer) (string, error) {
	list, err := requests(tx, "")
	if err != nil {
		return "", err
	}
	for _, r := range list {
		if r.key()+"/"+r.Code != a.Subject || r.ExpiresAt <= a.At {
			continue
		}
		if err := requestTable.Delete(tx, r.key()); err != nil || a.Choice != choiceApprove {
			return "Dismissed", err
		}
		return "✓ Approved", p.admit(tx, r, true)
	}
	return "This request is over.", nil
}
