package turn

import (
	"context"
	"fmt"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// commands are what is answered without the model, with a line for /help. Urgent ones do not wait for
// the runs before them.
func commands() []struct {
	name, help string
	urgent     bool
} {
	return []struct {
		name, help string
		urgent     bool
	}{
		{"help", "this list", true},
		{"status", "what is going on", true},
		{"whoami", "who you are to me", true},
		{"stop", "stop what I am doing", true},
		{"new", "start a new conversation; text after it is its first message", false},
		{"reset", "the same as /new", false},
		{"model", "show the model, or choose one: /model provider/model", false},
	}
}

// splitCommand reads "/name@bot rest". name is empty when text is no command.
func splitCommand(text string) (name, rest string) {
	text = strings.TrimSpace(text)
	if !strings.HasPrefix(text, "/") {
		return "", ""
	}
	head, rest, _ := strings.Cut(text, " ")
	if before, after, ok := strings.Cut(head, "\n"); ok {
		head, rest = before, after+" "+rest
	}
	head, _, _ = strings.Cut(head[1:], "@")
	head = strings.ToLower(strings.TrimSuffix(head, ":"))
	for _, c := range commands() {
		if c.name == head {
			return head, strings.TrimSpace(rest)
		}
	}
	return "", ""
}

// asCommand marks a run that is a text command.
func asCommand(r session.Run) session.Run {
	name, _ := splitCommand(r.Text)
	r.Command = name
	for _, c := range commands() {
		if c.name == name {
			r.Urgent = c.urgent
		}
	}
	return r
}

// isFreshStart reports whether the run is a /new or /reset with the new conversation's first message.
func isFreshStart(r session.Run) bool {
	if r.Command != "new" && r.Command != "reset" {
		return false
	}
	_, rest := splitCommand(r.Text)
	return rest != "" || len(r.Parts) > 0
}

// command answers a text command: all that it changes, its answer and its end are one transaction.
func (s *Service) command(ctx context.Context, r session.Run) error {
	if r.Command == "stop" {
		if _, err := s.stop(ctx, r.Session, "", "stop", true); err != nil {
			return s.storeError(err)
		}
	}
	say, change, err := s.obey(ctx, r)
	if err != nil {
		return s.storeError(err)
	}
	reset := false
	err = s.update(func(tx store.Tx) error {
		reset = false
		if r.Command == "new" || r.Command == "reset" {
			_, _, err := session.Reset(tx, r.Session)
			if err != nil && wit.CodeOf(err) != wit.CodeNotFound {
				return err
			}
			reset = err == nil
		}
		return s.recordCommand(tx, r, say, change)
	})
	if err != nil {
		return s.storeError(err)
	}
	if reset {
		s.Ended(ctx, r.Session)
	}
	s.newVoiceFor(r, false).end("", nil, func(e *ChatEvent) {
		e.State, e.Message, e.StopReason = "final", assistantMessage(say), "command"
	})
	s.release(r.ID)
	s.Sessions.Changed(r.Session, "run")
	if r.Reply != nil {
		s.Outbox.Wake()
	}
	return nil
}

// recordCommand appends the command and its answer beside the conversation and ends the run.
func (s *Service) recordCommand(tx store.Tx, r session.Run, say string, change func(*session.Entry)) error {
	e, err := session.Ensure(tx, r.Session, message.Origin{})
	if err != nil {
		return err
	}
	if change != nil {
		change(&e)
		if err := session.Put(tx, e); err != nil {
			return err
		}
	}
	for _, m := range []session.Message{
		{Role: wit.RoleUser, Parts: []wit.Part{session.TextPart(r.Text)}, Origin: &r.Origin},
		{Role: wit.RoleAssistant, Parts: []wit.Part{session.TextPart(say)}, Stop: "command"},
	} {
		m.Run, m.Aside = r.ID, true
		if _, err := session.Append(tx, r.Session, m); err != nil {
			return err
		}
	}
	if _, err := session.Finish(tx, r.ID, session.RunDone, func(r *session.Run) {
		r.Answer, r.Stop, r.Started = say, "command", r.Queued
	}); err != nil {
		return err
	}
	return s.deliver(tx, r, say)
}

// obey works out a command's answer and what it changes in the session.
func (s *Service) obey(ctx context.Context, r session.Run) (say string, change func(*session.Entry), err error) {
	_, rest := splitCommand(r.Text)
	switch r.Command {
	case "help":
		var b strings.Builder
		b.WriteString("You can just write to me. Commands:")
		for _, c := range commands() {
			b.WriteString("\n/" + c.name + " – " + c.help)
		}
		return b.String(), nil, nil
	case "stop":
		return "Stopped.", nil, nil
	case "new", "reset":
		return "A new conversation. What is it about?", nil, nil
	case "whoami":
		return whoami(r), nil, nil
	case "model":
		return s.chooseModel(ctx, r, rest)
	}
	say, err = s.statusText(ctx, r)
	return say, nil, err
}

func whoami(r session.Run) string {
	var b strings.Builder
	if o := r.Origin; o.Channel != "" {
		b.WriteString("Channel: " + o.Channel + " (account " + o.Account + ")")
		if o.Sender != nil {
			b.WriteString("\nYou: " + personName(*o.Sender) + " (id " + o.Sender.ID + ")")
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

func (s *Service) chooseModel(ctx context.Context, r session.Run, name string) (string, func(*session.Entry), error) {
	if name == "" {
		e, err := s.entry(ctx, r.Session)
		if err != nil {
			return "", nil, err
		}
		c, err := s.pick(e.Model, r.Session.Agent())
		if err != nil {
			return publicText(err), nil, nil
		}
		return "The model is " + c.String() + ". Choose another one with /model provider/model, or /model default.", nil, nil
	}
	if name == "default" {
		return "The model is the configured one again.", func(e *session.Entry) { e.Model = "" }, nil
	}
	full, err := s.CheckModel(ctx, name)
	if err != nil {
		return publicText(err), nil, nil
	}
	return "The model is " + full + " now.", func(e *session.Entry) { e.Model = full }, nil
}

// entry returns a session's entry, an empty one if there is none.
func (s *Service) entry(ctx context.Context, key session.Key) (e session.Entry, err error) {
	err = s.Store.View(ctx, func(tx store.Tx) (err error) {
		e, err = session.Get(tx, key)
		return err
	})
	if wit.CodeOf(err) == wit.CodeNotFound {
		return session.Entry{Key: key}, nil
	}
	return e, err
}

func (s *Service) statusText(ctx context.Context, r session.Run) (string, error) {
	row, err := s.Sessions.Describe(ctx, r.Session, s.Defaults(ctx))
	if err != nil && wit.CodeOf(err) != wit.CodeNotFound {
		return "", err
	}
	model := row.ModelProvider
	if row.Model != "" {
		model += "/" + row.Model
	}
	doing := "nothing"
	if row.RunningRun != "" {
		doing = "answering"
	}
	text := fmt.Sprintf("Session: %s\nModel: %s\nDoing: %s", r.Session, model, doing)
	if row.QueuedRuns > 0 {
		text += fmt.Sprintf("\nWaiting: %d", row.QueuedRuns)
	}
	text += fmt.Sprintf("\nTokens: %d in, %d out; context %d of %d", row.InputTokens, row.OutputTokens, row.TotalTokens, row.ContextTokens)
	if row.LastRunError != "" {
		text += "\nLast error: " + row.LastRunError
	}
	return text, nil
}
