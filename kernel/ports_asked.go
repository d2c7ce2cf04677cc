package kernel

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// What plugins ask of the services, which are made after what runs plugins, and are there before anything runs.

// pluginMessages implements host.Messages.
type pluginMessages struct{ *wiring }

func (p pluginMessages) Send(ctx context.Context, id string, c wit.HookContext, m *wit.OutgoingMessage, admit func(channel string) error) error {
	if _, nowhere := p.outbox.(message.Nowhere); nowhere {
		return wit.NewError(wit.CodeUnavailable, "message: this gateway delivers nothing")
	}
	to, err := p.address(ctx, m)
	if err != nil {
		return err
	}
	if err := admit(to.Channel); err != nil {
		return err
	}
	out := message.Outbound{
		ID: id, Channel: to.Channel, Account: to.Account, To: *to.Conversation, Text: m.Text, Agent: c.Agent, SessionKey: c.Session, RunID: c.Run,
	}
	for _, file := range m.Attachments {
		info, err := p.state.media.Stat(ctx, file)
		if err != nil {
			return err
		}
		out.Attachments = append(out.Attachments, attached(file, info))
	}
	err = p.state.db.Update(ctx, func(tx store.Tx) error { return p.outbox.Enqueue(tx, out) })
	p.outbox.Wake()
	return err
}

// address is where a message goes: as clients write it, or where a session was last spoken to.
func (p pluginMessages) address(ctx context.Context, m *wit.OutgoingMessage) (message.Origin, error) {
	if m.Session != nil {
		return p.room(ctx, *m.Session)
	}
	accounts := deliveryAccounts{p.later}
	name := text(m.Channel)
	if name == "" {
		only, ok := accounts.Default()
		if !ok {
			return message.Origin{}, wit.NewError(wit.CodeInvalid, "message: name the channel, there is none in use or more than one")
		}
		name = only
	}
	account, err := accounts.Account(name, text(m.Account))
	if err != nil {
		return message.Origin{}, wit.Errorf(wit.CodeInvalid, "message: %w", err)
	}
	to := delivery.Address(name, text(m.To), text(m.Thread))
	return message.Origin{Channel: name, Account: account.ID, Conversation: &to}, nil
}

// room is where a session was last spoken to. Errors: CodeInvalid for no session key, CodeNotFound, the store's.
func (p pluginMessages) room(ctx context.Context, name string) (message.Origin, error) {
	key, err := p.sessionSettings().ParseKey(name, "")
	if err != nil {
		return message.Origin{}, err
	}
	var e session.Entry
	err = p.state.db.View(ctx, func(tx store.Tx) (err error) {
		e, err = p.sessions.Lookup(tx, key)
		return err
	})
	if err != nil {
		return message.Origin{}, err
	}
	room := e.Route.Room()
	if room == nil {
		return message.Origin{}, wit.Errorf(wit.CodeNotFound, "message: session %s was never spoken to from a channel: name the channel and to whom", key)
	}
	return *room, nil
}

// attached is a file of the media store as channels get it.
func attached(file string, info wit.MediaInfo) wit.Attachment {
	a := wit.Attachment{Media: &file, Mime: &info.Mime, Name: info.Name, Size: &info.Size}
	a.Kind = delivery.Kind(info.Mime, text(info.Name))
	return a
}

// text is what may be absent, "" where it is.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
