package kernel

import (
	"context"
	"time"

	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/run"
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

// pluginRuns implements host.Agents.
type pluginRuns struct{ *wiring }

func (p pluginRuns) Run(ctx context.Context, a host.AgentRun) error {
	j, err := p.job(a)
	if err != nil {
		return err
	}
	if a.In != "" {
		j.Parent = a.In
		in, err := p.runs.Find(ctx, a.In)
		if err != nil && wit.CodeOf(err) != wit.CodeNotFound {
			return err
		}
		if j.Depth = in.Depth + 1; j.Depth > wit.LimitAgentDepth {
			return wit.Errorf(wit.CodeForbidden, "agent: run %.80q was asked for by a run, and that by another one, %d deep: it may ask for no further one", a.In, wit.LimitAgentDepth)
		}
	}
	if j.Deliver {
		to, err := p.runs.Address(ctx, j)
		if err != nil {
			return err
		}
		if err := a.AdmitChannel(to.Channel); err != nil {
			return err
		}
	}
	_, err = p.runs.Start(ctx, j)
	return err
}

// job is a run that a plugin asks for, as far as the request says it. Its agent has been admitted.
func (p pluginRuns) job(a host.AgentRun) (run.Job, error) {
	r, settings := a.Request, p.sessionSettings()
	j := run.Job{
		ID: a.ID, Agent: text(r.Agent), Session: "plugin:" + a.Plugin, Asker: "plugin:" + a.Plugin, Tools: r.Tools,
		Message: "[from the plugin " + a.Plugin + "]\n" + r.Message,
	}
	if r.Session != nil {
		j.Session = *r.Session
	}
	if r.NoTools || len(r.Tools) == 0 {
		j.Tools = nil
	}
	if r.NoTools {
		j.Tools = []string{}
	}
	key, err := settings.Find(j.Session, j.Agent)
	if err != nil {
		return j, err
	}
	if j.Agent = key.Agent(); r.Deliver != nil {
		d := r.Deliver
		j.Deliver, j.Channel, j.Account, j.To, j.Thread = true, text(d.Channel), text(d.Account), text(d.To), text(d.Thread)
		if d.Session != nil {
			if j.Of, err = settings.ParseKey(*d.Session, ""); err != nil {
				return j, err
			}
		}
	}
	return j, a.Admit(j.Agent)
}

func (p pluginRuns) Wait(ctx context.Context, id, in string, d time.Duration) (*wit.RunOutcome, error) {
	r, err := p.runs.Find(ctx, id)
	if err != nil {
		return nil, err
	}
	if d > 0 && r.State.Live() {
		if err := p.free(ctx, r, in); err != nil {
			return nil, err
		}
		waiting, cancel := context.WithTimeout(ctx, d)
		defer cancel()
		if r, err = p.runs.Wait(waiting, id); err != nil && (wit.CodeOf(err) != wit.CodeTimeout || ctx.Err() != nil) {
			return nil, err
		}
	}
	out := &wit.RunOutcome{Run: r.ID, Session: string(r.Session), State: wit.RunState(r.State), Text: r.Answer}
	if failure := r.Failure(); failure != nil {
		out.Error = wit.AsError(failure)
	}
	return out, nil
}

// free refuses to wait for a run behind one that waits for it: the one in which is asked, or one above that.
func (p pluginRuns) free(ctx context.Context, r run.Run, in string) error {
	for range wit.LimitAgentDepth + 1 {
		above, err := p.runs.Find(ctx, in)
		if wit.CodeOf(err) == wit.CodeNotFound {
			return nil
		}
		if err != nil {
			return err
		}
		if above.Session == r.Session {
			return wit.Errorf(wit.CodeForbidden, "agent: run %.80q waits in session %s for the end of run %.80q, which would wait for it: ask in another session, or look later", r.ID, r.Session, above.ID)
		}
		in = above.Parent
	}
	return nil
}

// pluginTools implements host.Tools.
type pluginTools struct{ *wiring }

func (p pluginTools) Owner(tool string) (string, error) {
	t, err := p.platform.plugins.Tool(tool)
	if err == nil {
		return t.ID(), nil
	}
	if _, ok := p.tools().Tool(tool); ok {
		return "", nil // a server's, which is no plugin
	}
	return "", err
}

func (p pluginTools) Invoke(ctx context.Context, at wit.HookContext, r *wit.ToolRequest) (*wit.ToolAnswer, error) {
	if at.Agent == "" {
		agent, err := p.sessionSettings().Agent("")
		if err != nil {
			return nil, err
		}
		at.Agent = agent
	}
	out, err := p.agents.Invoke(ctx, at, r.Name, r.Args)
	if err != nil {
		return nil, err
	}
	return &wit.ToolAnswer{Content: out.Content, Failed: out.Failed}, nil
}
