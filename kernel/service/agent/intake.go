package agent

import (
	"strings"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
)

// Runs is woken when new runs are queued.
type Runs interface {
	// Wake is called after a commit with new runs in it. It returns at once.
	Wake()
}

// Intake queues runs that answer what was said in channels; it implements message.Acceptor.
type Intake struct {
	sessions *session.Service
	runs     Runs
}

// NewIntake returns an intake for these sessions, whose runs are executed by runs.
func NewIntake(sessions *session.Service, runs Runs) *Intake { return &Intake{sessions, runs} }

// Wake implements message.Acceptor.
func (i *Intake) Wake() { i.runs.Wake() }

// Accept implements message.Acceptor: the message is a run in its conversation's session, answered there.
// Who speaks for the owner is decided here, where the sender is known; a command of somebody else that would change
// anything is answered with a refusal.
// It runs in the transaction that takes the message in, so a message that was acknowledged to the platform has its
// run. The message's id gives the run's; Enqueue takes one that comes twice for the same.
func (i *Intake) Accept(tx store.Tx, m message.Inbound) error {
	in, from, settings := m.Message, m.Origin(), i.sessions.Settings()
	home := in.Conversation
	if m.Home != "" {
		home.ID = m.Home
	}
	key := settings.Conversation("", from.Channel, home, in.Sender.ID)
	if _, err := session.Ensure(tx, key, from); err != nil {
		return err
	}
	alone := !isGroup(&in.Conversation) && settings.DMScope != session.ScopeMain
	r := fromChat(run.Run{ID: run.FromChannel.ID(m.ID), Session: key, Text: in.Text, Origin: from, Reply: &from},
		settings.IsOwner(from.Channel, in.Sender.ID), alone)
	if r.Command == "" {
		r.Text = message.Clip(preface(m)+in.Text, maxText)
	}
	r.Attachments = in.Attachments[:min(len(in.Attachments), maxAttachments)]
	_, err := run.Enqueue(tx, r)
	return err
}

// preface is what the model has to know beside the text: what was said before, what is answered.
// Each quoted text is cut, so that what others said does not crowd out what is asked.
func preface(in message.Inbound) string {
	var b strings.Builder
	if len(in.History) > 0 {
		b.WriteString("[said before in this conversation:\n")
		for _, h := range in.History {
			b.WriteString(personName(h.Sender) + ": " + message.Clip(h.Text, 2000) + "\n")
		}
		b.WriteString("]\n")
	}
	if q := in.Message.ReplyTo; q != nil && q.Text != nil && *q.Text != "" {
		who := "an earlier message"
		if q.Sender != nil {
			who = personName(*q.Sender)
		}
		b.WriteString("[in reply to " + who + ": " + message.Clip(*q.Text, 2000) + "]\n")
	}
	return b.String()
}
