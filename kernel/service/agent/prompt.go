package agent

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/hook"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// prompt is what a request says beside the conversation. It is made once a run.
type prompt struct {
	system  string
	prepend string
	tools   []wit.ToolSpec
}

// makePrompt asks the hook before_agent_start what goes with the question; its refusal is the error.
// It is called once more when a run is taken up again, so the hook may see a run twice.
func makePrompt(ctx context.Context, h *hook.Hooks, s Settings, r run.Run, question string, tools []wit.ToolDefinition, texts []Text) (prompt, error) {
	var p prompt
	if r.Terms != nil {
		p.tools = slices.Clone(r.Terms.Functions)
	}
	for _, d := range tools {
		if r.Terms.Function(d.Name) {
			continue
		}
		p.tools = append(p.tools, wit.ToolSpec{Name: d.Name, Description: d.Description, Parameters: d.Parameters})
	}
	e, err := hook.BeforeAgentStart.Fire(ctx, h, hookContext(r), wit.BeforeAgentStart{
		Prompt: question, SystemPrompt: systemPrompt(s, r, len(p.tools) > 0, texts, time.Now()),
	})
	if err != nil {
		return p, err
	}
	p.system, p.prepend = e.SystemPrompt, e.PrependContext
	return p, nil
}

// systemPrompt says who answers, when, where and with what. It changes once a day, for the sake of the
// providers' caches.
func systemPrompt(s Settings, r run.Run, tools bool, texts []Text, now time.Time) string {
	agent := s.Agent(r.Session.Agent())
	var b strings.Builder
	switch {
	case agent.System != "":
		b.WriteString(agent.System)
	case s.System != "":
		b.WriteString(s.System)
	case agent.Alias+agent.Name != "":
		b.WriteString("You are " + cmp.Or(agent.Alias, agent.Name) + ", a personal assistant. Be helpful, accurate and brief.")
	default:
		b.WriteString("You are a personal assistant. Be helpful, accurate and brief.")
	}
	if agent.Theme != "" {
		b.WriteString("\nYour manner: " + agent.Theme + ".")
	}
	now = now.In(s.zone())
	b.WriteString("\nToday is " + now.Format("Monday, 2 January 2006") + "; the time zone is " + now.Location().String() + ".")
	if o := r.Origin; o.Channel != "" {
		b.WriteString("\nYou are talking in a " + place(o) + " on " + o.Channel + ".")
	}
	if tools {
		b.WriteString("\nUse a tool where it knows better than you do, and rely on its result. If it fails, say so. Never make up a result.")
	}
	b.WriteString("\nWrite plain text or simple Markdown, in the language that you are spoken to.")
	for _, text := range texts {
		b.WriteString("\n\n# " + text.Name + "\n" + strings.TrimSpace(text.Content))
	}
	if r.System != "" {
		b.WriteString("\n\n" + r.System)
	}
	return b.String()
}

// private reports whether a run may read what is about the owner: it is the owner, or a client of theirs, who asks, and not a
// group, somebody else, a plugin or a program behind a hook.
func private(r run.Run, settings session.Settings) bool {
	o := r.Origin
	if o.Channel == "" {
		return r.Asker != "hooks" && !strings.HasPrefix(r.Asker, "plugin:")
	}
	group := o.Conversation != nil && isGroup(o.Conversation)
	return !group && o.Sender != nil && settings.IsOwner(o.Channel, o.Sender.ID)
}

func place(o message.Origin) string {
	if o.Conversation != nil {
		switch o.Conversation.Kind {
		case wit.ConversationKindGroup:
			return "group, where each message begins with who wrote it,"
		case wit.ConversationKindChannel:
			return "channel, where each message begins with who wrote it,"
		}
	}
	return "direct conversation"
}
