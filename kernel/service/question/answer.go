package question

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Reply is a message that may answer a question: the choice of an action, or words. Its sender may speak there.
type Reply struct {
	Account message.Account
	Message *wit.Message
	// Home is the id that its conversation had first.
	Home string
	// Owner says that the owner has sent it.
	Owner bool
	// At is when it came in, in Unix milliseconds.
	At int64
}

// Outcome is what became of a reply.
type Outcome int

const (
	// Other: it is about something else.
	Other Outcome = iota
	// Chosen: the answer was acted on.
	Chosen
	// Refused: it chose nothing, and its sender is told why.
	Refused
)

// What is said to who chose in vain.
const (
	saidOver      = "This choice is over."
	saidOwner     = "Only the owner can choose this."
	saidAmbiguous = "More than one question is open here: answer with a number."
)

// Choose has a reply acted on where it answers a question, in tx. Errors: a Handler's; the outbox's; the store's.
func (b *Book) Choose(tx store.Tx, r Reply) (Outcome, error) {
	prefix := r.Account.Key(r.Home) + "/"
	if r.Message.Kind == wit.MessageKindAction {
		return b.pressed(tx, prefix, r)
	}
	return b.said(tx, prefix, r)
}

// pressed acts on a button's value.
func (b *Book) pressed(tx store.Tx, prefix string, r Reply) (Outcome, error) {
	token, number, _ := strings.Cut(r.Message.Text, ".")
	o, err := openTable.Get(tx, prefix+sum(token))
	index, bad := strconv.Atoi(number)
	switch {
	case err != nil && wit.CodeOf(err) != wit.CodeNotFound && !store.Damaged(err):
		return Other, err
	case err != nil || bad != nil || index < 0 || index >= len(o.Choices) || o.ExpiresAt <= r.At:
		return b.refuse(tx, r, saidOver)
	case o.Owner && !r.Owner:
		return b.refuse(tx, r, saidOwner)
	}
	return b.choose(tx, prefix, &o, index, r)
}

// said acts on words that name a choice of a question which was shown with numbers.
func (b *Book) said(tx store.Tx, prefix string, r Reply) (Outcome, error) {
	if r.Message.Forwarded != nil || len(r.Message.Attachments) > 0 || len(r.Message.Text) > maxWords {
		return Other, nil
	}
	type match struct {
		open
		index int
	}
	var found []match
	for row, err := range all(tx, prefix) {
		if err != nil {
			return Other, err
		}
		o := row.Value
		index, byNumber, ok := o.named(r.Message.Text)
		if !ok || o.ExpiresAt <= r.At || o.Owner && !r.Owner || !sameThread(o.To.Thread, r.Message.Conversation.Thread) {
			continue
		}
		shown, err := b.shown(tx, o.messageID())
		if err != nil && wit.CodeOf(err) != wit.CodeNotFound {
			return Other, err
		}
		if !shown.Numbered {
			continue
		}
		if found = append(found, match{o, index}); byNumber {
			break
		}
	}
	switch len(found) {
	case 0:
		return Other, nil
	case 1:
		return b.choose(tx, prefix, &found[0].open, found[0].index, r)
	}
	return b.refuse(tx, r, saidAmbiguous)
}

// maxWords bounds the words that name a choice: a label's bytes.
const maxWords = 256

// choose acts on the answer to a question, and closes it.
func (b *Book) choose(tx store.Tx, prefix string, o *open, index int, r Reply) (Outcome, error) {
	c := o.Choices[index]
	said := ""
	if h := b.handlers[o.Kind]; h != nil {
		var err error
		if said, err = h(tx, Answer{Subject: o.Subject, Choice: c.Name, By: r.Message.Sender, At: r.At}); err != nil {
			return Other, err
		}
	}
	if said == "" {
		said = "✓ " + c.Label
	}
	return Chosen, b.close(tx, prefix+sum(o.Token), o, said)
}

// refuse tells who chose in vain why: once for each message and person, since anybody in a group can press for hours.
func (b *Book) refuse(tx store.Tx, r Reply, why string) (Outcome, error) {
	m := r.Message
	target := m.ID
	if m.Target != nil {
		target = *m.Target
	}
	return Refused, b.outbox.Enqueue(tx, message.Outbound{
		ID:      "choice/" + r.Account.Key(m.Conversation.ID+"\x00"+target+"\x00"+m.Sender.ID) + "/" + why,
		Channel: r.Account.Channel, Account: r.Account.ID, To: m.Conversation, Text: why, ReplyTo: target,
	})
}
