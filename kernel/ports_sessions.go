package kernel

import (
	"cmp"
	"context"
	"slices"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// pluginSessions implements host.Sessions.
type pluginSessions struct{ *wiring }

func (p pluginSessions) List(ctx context.Context, f *wit.SessionFilter, limit int, admit func(agent string) error) (*wit.SessionPage, error) {
	agent, err := p.sessionSettings().Agent(text(f.Agent))
	if err != nil {
		return nil, err
	}
	if err := admit(agent); err != nil {
		return nil, err
	}
	found, more, err := p.sessions.Recent(ctx, agent, f.Since, int(f.Offset), limit)
	if err != nil {
		return nil, err
	}
	page := &wit.SessionPage{More: more}
	for _, e := range found {
		page.Sessions = append(page.Sessions, summary(e))
	}
	return page, nil
}

// summary is a session as plugins see it.
func summary(e session.Entry) wit.SessionSummary {
	s := wit.SessionSummary{Session: string(e.Key), Agent: e.Key.Agent(), Title: cmp.Or(e.Label, e.Title), Updated: e.Updated, Messages: e.Last}
	if r := e.Route; r != nil {
		s.Channel, s.Account = &r.Channel, &r.Account
		if r.Conversation != nil {
			s.Kind = &r.Conversation.Kind
		}
	}
	return s
}

func (p pluginSessions) Read(ctx context.Context, q *wit.HistoryQuery, limit int, admit func(agent string) error) (*wit.HistoryPage, error) {
	key, err := p.sessionSettings().ParseKey(q.Session, "")
	if err != nil {
		return nil, err
	}
	if err := admit(key.Agent()); err != nil {
		return nil, err
	}
	page := &wit.HistoryPage{}
	var messages []session.Message
	err = p.state.db.View(ctx, func(tx store.Tx) error {
		e, err := p.sessions.Lookup(tx, key)
		if err != nil {
			return err
		}
		page.SessionID = e.SessionID
		messages, page.More, err = p.sessions.Before(tx, e.SessionID, q.Before, limit)
		return err
	})
	if err != nil {
		return nil, err
	}
	left := wit.LimitSessionPageBytes
	for i := len(messages) - 1; i >= 0; i-- {
		m := told(messages[i])
		if left -= len(wit.Marshal(&m)); left < 0 && len(page.Messages) > 0 {
			page.More = true
			break
		}
		page.Messages = append(page.Messages, m)
	}
	slices.Reverse(page.Messages)
	return page, nil
}

// told is a message of a history as plugins see it.
func told(m session.Message) wit.HistoryMessage {
	out := wit.HistoryMessage{Number: m.Number, Role: m.Role, Time: m.Time, Run: m.Run, Aside: m.Aside}
	whole := m.Text()
	out.Text = message.Clip(whole, wit.LimitSessionTextBytes-len("…"))
	out.Cut = out.Text != whole
	if m.Tool != "" {
		out.Tool = &m.Tool
	}
	if m.Origin != nil {
		out.Sender = m.Origin.Sender
	}
	for _, part := range m.Parts {
		if part.Media != nil {
			out.Media = append(out.Media, *part.Media)
		}
	}
	return out
}
