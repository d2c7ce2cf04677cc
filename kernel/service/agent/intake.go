package agent

import (
	"fmt"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Runs is woken when new runs are queued.
type Runs interface {
	// Wake is called after a commit with new runs in it, with their sessions; without any, all that waits is looked at.
	// It returns at once.
	Wake(keys ...session.Key)
}

// Intake queues runs that answer what was said in channels; it implements message.Acceptor.
type Intake struct {
	sessions *session.Service
	runs     Runs
	outbox   message.Outbox
}

// NewIntake returns an intake for these sessions, whose runs are executed by runs. What it cannot take it says by outbox.
func NewIntake(sessions *session.Service, runs Runs, outbox message.Outbox) *Intake {
	return &Intake{sessions, runs, outbox}
}

// Wake implements message.Acceptor.
func (i *Intake) Wake(sessions ...string) {
	keys := make([]session.Key, len(sessions))
	for n, key := range sessions {
		keys[n] = session.Key(key)
	}
	i.runs.Wake(keys...)
	i.outbox.Wake()
}

// Accept implements message.Acceptor: the message is a run in its conversation's session, answered there.
// Who speaks for the owner is decided here, where the sender is known; a command of somebody else that would change
// anything is answered with a refusal.
// It runs in the transaction that takes the message in, so a message that was acknowledged to the platform has its
// run. The message's id gives the run's; Enqueue takes one that comes twice for the same.
func (i *Intake) Accept(tx store.Tx, m message.Inbound) (string, error) {
	in, from, settings := m.Message, m.Origin(), i.sessions.Settings()
	home := in.Conversation
	if m.Home != "" {
		home.ID = m.Home
	}
	if m.HomeThread != "" {
		home.Thread = &m.HomeThread
	}
	key := settings.Conversation(settings.Bound(from, home.ID), from.At(), home, in.Sender.ID)
	if _, err := session.Ensure(tx, key, from); err != nil {
		return "", err
	}
	owner := settings.IsOwner(from.Channel, in.Sender.ID)
	alone := !isGroup(&in.Conversation) && settings.DMScope != session.ScopeMain
	text := in.Text
	if above := message.Forwarded(in.Forwarded); above != "" {
		text = strings.TrimSuffix(above+"\n"+text, "\n") // what somebody hands on is no command of theirs
	}
	r := fromChat(run.Run{ID: run.FromChannel.ID(m.ID), Session: key, Text: text, Origin: from, Reply: &from},
		owner, alone)
	r.Asker = asker(from, owner)
	if r.Command == "" {
		r.Text = message.Clip(preface(m)+r.Text, maxText)
		if n := len(in.Attachments) - maxAttachments; n > 0 {
			r.Text += fmt.Sprintf("\n[%d more attachments were left out]", n)
		}
	}
	r.Attachments = in.Attachments[:min(len(in.Attachments), maxAttachments)]
	_, err := run.Enqueue(tx, r)
	if wit.CodeOf(err) == wit.CodeRateLimited {
		err = i.decline(tx, r, m)
	}
	return string(key), err
}

// asker is who takes turns for what was said in a channel: the owner with all others, and these, who may be any number,
// as one of each account.
func asker(from message.Origin, owner bool) string {
	if owner {
		return "owner"
	}
	return "channel:" + from.Channel + "/" + from.Account
}

// declineEvery is how often a conversation is told that its messages are not taken.
const declineEvery = 10 * time.Minute

// decline tells a conversation whose session has too many runs that a message was not taken. Who goes on writing is not
// told each time. Errors: the store's.
func (i *Intake) decline(tx store.Tx, r run.Run, m message.Inbound) error {
	out := message.Outbound{
		ID:      fmt.Sprintf("full:%s:%d", r.Session, m.ReceivedAt/declineEvery.Milliseconds()),
		Channel: r.Reply.Channel, Account: r.Reply.Account, To: m.Message.Conversation,
		Text:  "Sorry, too many messages wait for an answer here, so I have not taken this one. Please send it again later.",
		Agent: r.Session.Agent(), SessionKey: string(r.Session),
	}
	if isGroup(&out.To) {
		out.ReplyTo = r.Reply.MessageID
	}
	if err := i.outbox.Enqueue(tx, out); store.Failed(err) {
		return err
	}
	return nil // what can never be delivered is no reason to keep what was taken
}

// preface is what the model has to know beside the text: what was said before, what is answered.
// Each quoted text is cut, so that what others said does not crowd out what is asked.
func preface(in message.Inbound) string {
	var b strings.Builder
	if len(in.History) > 0 {
		b.WriteString(message.SaidBefore + "\n")
		for _, h := range in.History {
			b.WriteString(message.Who(h.Sender) + ": " + quote(h.Text) + "\n")
		}
		b.WriteString(message.Over + "\n")
	}
	if q := in.Message.ReplyTo; q != nil && q.Text != nil && *q.Text != "" {
		b.WriteString("[in reply to " + message.Source(q.Sender, q.Conversation, "an earlier message") + ": " + quote(*q.Text) + "]\n")
	}
	return b.String()
}

// lineBreaks are what may be read as the end of a line, and how a further line of the same text begins.
var lineBreaks = strings.NewReplacer("\r\n", "\n  ", "\n", "\n  ", "\r", "\n  ", "\v", "\n  ", "\f", "\n  ", "\u0085", "\n  ", "\u2028", "\n  ", "\u2029", "\n  ")

// quote is what somebody else has said, cut. None of its lines begins where one that somebody has said begins, so that
// nobody speaks in the name of another.
func quote(text string) string { return lineBreaks.Replace(message.Clip(text, 2000)) }
