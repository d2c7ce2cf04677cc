package turn

import (
	"context"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Accept enqueues a run that answers the message, in the caller's transaction; call Wake after the
// commit. The same message twice is one run. Errors: CodeRateLimited for a full queue; the store's.
func (s *Service) Accept(tx store.Tx, m message.Inbound) error {
	in, from := m.Message, m.Origin()
	key := s.Sessions.Settings().Conversation("", from.Channel, in.Conversation, in.Sender.ID)
	if _, err := session.Ensure(tx, key, from); err != nil {
		return err
	}
	r := asCommand(session.Run{ID: m.ID, Session: key, Text: in.Text, Origin: from, Reply: &from})
	if r.Command == "" {
		r.Text = cut(preface(m)+in.Text, maxText)
	}
	r.Parts = attachments(in.Attachments)
	_, _, err := session.Enqueue(tx, r)
	return err
}

// preface is what the model has to know beside the text: what was said before, what is answered.
func preface(in message.Inbound) string {
	var b strings.Builder
	if len(in.History) > 0 {
		b.WriteString("[said before in this conversation:\n")
		for _, h := range in.History {
			b.WriteString(personName(h.Sender) + ": " + cut(h.Text, 2000) + "\n")
		}
		b.WriteString("]\n")
	}
	if q := in.Message.ReplyTo; q != nil && q.Text != nil && *q.Text != "" {
		who := "an earlier message"
		if q.Sender != nil {
			who = personName(*q.Sender)
		}
		b.WriteString("[in reply to " + who + ": " + cut(*q.Text, 2000) + "]\n")
	}
	return b.String()
}

// attachments are the parts that stand for files. A file that is not there yet is named in words.
func attachments(list []wit.Attachment) []wit.Part {
	var out []wit.Part
	for _, a := range list[:min(len(list), 16)] {
		p := wit.Part{Media: a.Media, Mime: a.Mime}
		switch a.Kind {
		case wit.AttachmentKindImage:
			p.Kind = wit.PartKindImage
		case wit.AttachmentKindAudio, wit.AttachmentKindVoice:
			p.Kind = wit.PartKindAudio
		default:
			p.Kind = wit.PartKindFile
		}
		if a.Media == nil || *a.Media == "" {
			name := string(a.Kind)
			if a.Name != nil && *a.Name != "" {
				name += " " + *a.Name
			}
			p = session.TextPart("[attached: " + cut(name, 200) + "]")
		}
		out = append(out, p)
		if a.Caption != nil && *a.Caption != "" {
			out = append(out, session.TextPart(cut(*a.Caption, maxText)))
		}
	}
	return out
}

// Job is a turn that the gateway itself asks for, such as a cron job.
type Job struct {
	// ID is the run's: the same twice is one turn.
	ID string
	// Key is the session's.
	Key             session.Key
	Message         string
	Model, Thinking string
	Timeout         time.Duration
	// Deliver is where the answer goes; nil keeps it in the session. DeliverLast means the session's
	// last conversation on a channel, if it has one.
	Deliver     *message.Origin
	DeliverLast bool
}

// AgentTurn makes a turn and returns its answer when it has ended. Errors: what ended the run otherwise;
// CodeTimeout when ctx ends first, and the turn goes on.
func (s *Service) AgentTurn(ctx context.Context, j Job) (summary string, err error) {
	if strings.TrimSpace(j.Message) == "" || len(j.Message) > maxText {
		return "", wit.Errorf(wit.CodeInvalid, "a turn needs a message of 1 to %d bytes", maxText)
	}
	err = s.Store.Update(ctx, func(tx store.Tx) error {
		e, err := session.Ensure(tx, j.Key, message.Origin{})
		if err != nil {
			return err
		}
		r := session.Run{ID: j.ID, Session: j.Key, Text: j.Message, Model: j.Model, Thinking: j.Thinking,
			Timeout: j.Timeout.Milliseconds(), Reply: j.Deliver}
		if r.Reply == nil && j.DeliverLast {
			r.Reply = e.Route.Room()
		}
		_, _, err = session.Enqueue(tx, r)
		return err
	})
	if err != nil {
		return "", err
	}
	s.Wake()
	r, err := s.Wait(ctx, j.ID)
	if err != nil {
		return "", err
	}
	return r.Answer, failed(r)
}

// failed is a run's end as an error, nil if it was answered.
func failed(r session.Run) error {
	switch r.State {
	case session.RunFailed:
		if r.Error != nil {
			return r.Error
		}
		return wit.NewError(wit.CodeInternal, "the run failed")
	case session.RunAborted:
		return wit.Errorf(wit.CodeTimeout, "the run was stopped: %s", r.Stop)
	}
	return nil
}

// SystemEvent tells a session's agent something: with now in a turn of its own, else as a note that it
// reads in its next one. The same id twice is one event; an empty id is only for notes, and always new.
func (s *Service) SystemEvent(ctx context.Context, id string, key session.Key, text string, now bool) error {
	if strings.TrimSpace(text) == "" || len(text) > maxText {
		return wit.Errorf(wit.CodeInvalid, "a system event needs a text of 1 to %d bytes", maxText)
	}
	r := session.Run{ID: id, Session: key, Text: "[system event] " + text}
	err := s.Store.Update(ctx, func(tx store.Tx) error {
		e, err := session.Ensure(tx, key, message.Origin{})
		if err != nil {
			return err
		}
		if !now {
			return note(tx, r)
		}
		r.Reply = e.Route.Room()
		_, _, err = session.Enqueue(tx, r)
		return err
	})
	if err == nil {
		s.Sessions.Changed(key, "message")
		s.Wake()
	}
	return err
}

// note appends a run's text without running it. The run is kept, done, so that its id is known.
func note(tx store.Tx, r session.Run) error {
	if r.ID != "" {
		r.Urgent = true // it has no place among the runs that wait
		_, existed, err := session.Enqueue(tx, r)
		if err != nil || existed {
			return err
		}
		if _, err := session.Finish(tx, r.ID, session.RunDone, func(*session.Run) {}); err != nil {
			return err
		}
	}
	_, err := session.Append(tx, r.Session, session.Message{Role: wit.RoleUser, Run: r.ID, Parts: []wit.Part{session.TextPart(r.Text)}})
	return err
}
