package agent

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// commands executes the runs that are text commands.
type commands struct {
	common
	settings func() Settings
	compact  func(context.Context, Compaction) (Compacted, error)
}

// execute answers a text command: all that it changes, its answer and its end are one transaction.
func (c commands) execute(ctx context.Context, a *run.Active) error {
	r := a.Run
	// The stop is a transaction of its own: it has to be known to the run that it stops.
	if r.Command == "stop" {
		if err := a.StopOthers(ctx, "stop"); err != nil {
			return err
		}
	}
	text, change, err := c.answer(ctx, a)
	if err != nil {
		return err
	}
	var ended *session.Entry // whose history a reset has ended
	var said []session.Message
	if err := a.Update(func(tx store.Tx) (err error) {
		ended = nil
		if resets(r) {
			if ended, err = resetSession(tx, r.Session); err != nil {
				return err
			}
		}
		a.Run, said, err = c.record(tx, r, text, change)
		return err
	}); err != nil {
		return err
	}
	if ended != nil {
		c.SessionEnded(ctx, *ended, wit.SessionEndingReset)
	}
	c.observer.Ended(a.Run, said...)
	a.Ended()
	if r.Reply != nil {
		c.out.to.Wake()
	}
	return nil
}

// record appends the command and its answer beside the conversation and ends the run.
func (c commands) record(tx store.Tx, r run.Run, text string, change func(*session.Entry)) (_ run.Run, said []session.Message, err error) {
	e, err := session.Ensure(tx, r.Session, message.Origin{})
	if err != nil {
		return r, nil, err
	}
	if change != nil {
		change(&e)
		if err := session.Put(tx, e); err != nil {
			return r, nil, err
		}
	}
	for _, m := range []session.Message{
		{Role: wit.RoleUser, Parts: []wit.Part{session.TextPart(r.Text)}, Origin: &r.Origin},
		{Role: wit.RoleAssistant, Parts: []wit.Part{session.TextPart(text)}, Stop: "command"},
	} {
		m.Run, m.Aside = r.ID, true
		if m, err = session.Append(tx, r.Session, m); err != nil {
			return r, nil, err
		}
		said = append(said, m)
	}
	r, err = run.Finish(tx, r.ID, run.Done, func(r *run.Run) {
		r.Answer, r.Stop, r.Started, r.SessionID = text, "command", r.Queued, e.SessionID
	})
	if err != nil {
		return r, nil, err
	}
	return r, said, c.out.enqueue(tx, r, text, nil, false)
}

// answer works out a command's answer and what it changes in the session.
func (c commands) answer(ctx context.Context, a *run.Active) (text string, change func(*session.Entry), err error) {
	_, rest := splitCommand(a.Run.Text)
	switch a.Run.Command {
	case "help":
		var b strings.Builder
		b.WriteString("You can just write to me. Commands:")
		for _, c := range commandList() {
			b.WriteString("\n/" + c.name + " – " + c.help)
		}
		return b.String(), nil, nil
	case "stop":
		return "Stopped.", nil, nil
	case "new", "reset":
		return "A new conversation. What is it about?", nil, nil
	case "whoami":
		return whoami(a.Run), nil, nil
	case commandDenied:
		return denial(a.Run.Origin), nil, nil
	case "compact":
		text, err := c.shorten(ctx, a.Run.Session, rest)
		return text, nil, err
	case "model":
		return c.chooseModel(ctx, a, rest)
	case "think":
		return c.chooseThinking(a, rest)
	case "reasoning":
		return chooseReasoning(a, rest)
	case "voice":
		return chooseSpeech(a, rest)
	}
	text, err = c.status(ctx, a.Run)
	return text, nil, err
}

// denial tells somebody in a chat that a command is not theirs to give, and the owner how to say who they are.
func denial(o message.Origin) string {
	text := "Only the owner of this assistant may do that here."
	if o.Sender != nil && o.Sender.ID != "" {
		text += "\n\nIf that is you, run on its machine:\n\n```\ncarapace pairing owner " + plain.Words(o.Channel, o.Sender.ID) + "\n```"
	}
	return text
}

// whoami tells who asks, as the gateway knows them.
func whoami(r run.Run) string {
	var b strings.Builder
	if o := r.Origin; o.Channel != "" {
		b.WriteString("Channel: " + o.Channel + " (account " + o.Account + ")")
		if o.Sender != nil {
			b.WriteString("\nYou: " + message.Who(*o.Sender) + " (id " + o.Sender.ID + ")")
		}
		if o.Conversation != nil {
			b.WriteString("\nConversation: " + o.Conversation.ID)
		}
	} else {
		b.WriteString("A client of the gateway")
	}
	b.WriteString("\nSession: " + string(r.Session))
	return b.String()
}

// chooseModel shows the session's model, or changes it.
func (c commands) chooseModel(ctx context.Context, a *run.Active, name string) (string, func(*session.Entry), error) {
	if name == "" {
		e, err := entryOf(a)
		if err != nil {
			return "", nil, err
		}
		model, err := c.models.choose(wantedAt(e.Model, a.Run.Session.Agent(), a.Run.Origin))
		if err != nil {
			return publicText(err), nil, nil
		}
		return "The model is " + model.String() + ". Choose another one with /model provider/model, or /model default.", nil, nil
	}
	if name == "default" {
		return "The model is the configured one again.", func(e *session.Entry) { e.Model = "" }, nil
	}
	full, err := c.models.Check(ctx, name)
	if err != nil {
		return publicText(err), nil, nil
	}
	return "The model is " + full + " now.", func(e *session.Entry) { e.Model = full }, nil
}

// shorten lets a summary stand for the beginning of the conversation.
func (c commands) shorten(ctx context.Context, key session.Key, focus string) (string, error) {
	done, err := c.compact(ctx, Compaction{Key: key, Focus: focus})
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case wit.CodeOf(err) == wit.CodeNotFound:
		return "Nothing was said here yet.", nil
	case err != nil:
		return publicText(err), nil
	case done.Messages == 0:
		return "There is nothing to shorten yet.", nil
	}
	return fmt.Sprintf("Shortened: I remember the first %d messages as a summary now, and the last %d as they are.", done.Messages, done.Kept), nil
}

// chooseThinking shows how much the session's model thinks, or changes it.
func (c commands) chooseThinking(a *run.Active, level string) (string, func(*session.Entry), error) {
	level = strings.ToLower(level)
	if level == "" {
		e, err := entryOf(a)
		return "Thinking is " + cmp.Or(e.Thinking, c.settings().ThinkingOf(a.Run.Session.Agent()), "off") + ". Choose another level with /think, or /think default.", nil, err
	}
	if level == "default" {
		return "Thinking is as configured again.", func(e *session.Entry) { e.Thinking = "" }, nil
	}
	if !slices.Contains(session.ThinkingLevels(), level) {
		return "I do not know that level. There are " + strings.Join(session.ThinkingLevels(), ", ") + ".", nil, nil
	}
	return "Thinking is " + level + " now.", func(e *session.Entry) { e.Thinking = level }, nil
}

// entryOf is the run's session, empty if there is none yet.
func entryOf(a *run.Active) (e session.Entry, err error) {
	err = a.View(func(tx store.Tx) (err error) {
		e, err = session.Get(tx, a.Run.Session)
		return err
	})
	if wit.CodeOf(err) == wit.CodeNotFound {
		err = nil
	}
	return e, err
}

// status tells what is going on in the session.
func (c commands) status(ctx context.Context, r run.Run) (string, error) {
	row, err := c.sessions.Describe(ctx, r.Session, c.models.Defaults(ctx))
	if err != nil && wit.CodeOf(err) != wit.CodeNotFound {
		return "", err
	}
	doing := "nothing"
	if row.RunningRun != "" {
		doing = "answering"
	}
	text := fmt.Sprintf("Session: %s\nModel: %s\nDoing: %s", r.Session, session.ModelName(row.ModelProvider, row.Model), doing)
	if row.QueuedRuns > 0 {
		text += fmt.Sprintf("\nWaiting: %d", row.QueuedRuns)
	}
	text += fmt.Sprintf("\nTokens: %d in, %d out; context %d of %d", row.InputTokens, row.OutputTokens, row.TotalTokens, row.ContextTokens)
	if row.LastRunError != "" {
		text += "\nLast error: " + row.LastRunError
	}
	return text, nil
}
