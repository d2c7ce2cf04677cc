package turn

import (
	"context"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// retries is how often a request is made again, and retryWait the first pause, which doubles.
const (
	retries      = 3
	retryWait    = time.Second
	maxRetryWait = 30 * time.Second
)

// converse goes between the model and the tools until the model has an answer.
func (t *turn) converse(ctx context.Context) (answer, error) {
	model, err := t.choose(ctx)
	if err != nil {
		return answer{}, err
	}
	t.model = model
	if t.prompt, err = t.makePrompt(ctx); err != nil {
		return answer{}, err
	}
	for {
		if err := t.callTools(ctx); err != nil {
			return answer{}, err
		}
		a, err := t.ask(ctx)
		if err != nil {
			return a, err
		}
		if len(a.calls) == 0 {
			return t.complete(a)
		}
		if t.rounds >= maxRounds {
			return a, wit.Errorf(wit.CodeUnavailable, "the model asked for tools %d times without answering: ask again, in smaller steps", maxRounds)
		}
		if err := t.recordCalls(a); err != nil {
			return a, err
		}
	}
}

// complete checks that there is something to say. What the model said beside its tool calls counts when
// it has nothing to add.
func (t *turn) complete(a answer) (answer, error) {
	if strings.TrimSpace(a.text) == "" {
		a.text = strings.Join(t.said, "\n\n")
	}
	switch {
	case strings.TrimSpace(a.text) != "":
		return a, nil
	case a.stop == wit.StopReasonRefused:
		return a, wit.NewError(wit.CodeForbidden, "the model refused to answer")
	}
	return a, errEmpty()
}

func errEmpty() error {
	return wit.NewError(wit.CodeUnavailable, "the model gave an empty answer: ask again, or choose another model with /model")
}

// recordCalls appends the model's request for tools.
func (t *turn) recordCalls(a answer) error {
	m := t.assistant(a)
	if err := t.update(func(tx store.Tx) error {
		_, err := session.Append(tx, t.run.Session, m)
		return err
	}); err != nil {
		return err
	}
	t.rounds++
	t.pending = a.calls
	if a.text != "" {
		t.said = append(t.said, a.text)
	}
	return nil
}

func (t *turn) assistant(a answer) session.Message {
	m := session.Message{
		Role: wit.RoleAssistant, Run: t.run.ID, ToolCalls: a.calls, Usage: a.usage,
		Provider: t.model.provider, Model: t.model.model, Stop: string(a.stop),
	}
	if a.text != "" {
		m.Parts = []wit.Part{session.TextPart(a.text)}
	}
	if len(a.calls) > 0 {
		m.Stop = string(wit.StopReasonToolCalls)
	}
	return m
}

// ask requests one answer, and again when that fails in a way that may pass while nothing was shown.
func (t *turn) ask(ctx context.Context) (answer, error) {
	chat, err := t.chat(ctx)
	if err != nil {
		return answer{}, err
	}
	for attempt := 1; ; attempt++ {
		t.voice.begin()
		a, err := request(ctx, t.model.code, chat, t.voice.delta)
		if err == nil {
			t.identify(a.calls)
			if strings.TrimSpace(a.text) == "" && len(a.calls) == 0 && a.stop != wit.StopReasonRefused && len(t.said) == 0 {
				err = errEmpty()
			}
		}
		if err == nil || ctx.Err() != nil {
			return a, err
		}
		e := wit.AsError(err)
		if !e.Retryable || attempt > retries || t.voice.began() {
			return a, err
		}
		wait := min(retryWait<<(attempt-1), maxRetryWait)
		if e.RetryAfter != nil {
			if asked := time.Duration(*e.RetryAfter) * time.Millisecond; asked > maxRetryWait {
				return a, err // longer than anybody waits for an answer
			} else if asked > wait {
				wait = asked
			}
		}
		t.Log.Warn("the provider failed; it is asked again", "run", t.run.ID, "provider", t.model.provider,
			"attempt", attempt, "wait", wait, "error", err)
		t.voice.status(map[string]any{"status": "retrying", "attempt": attempt, "maxAttempts": retries,
			"delayMs": wait.Milliseconds(), "errorKind": errorKind(e), "message": publicText(e)})
		pause(ctx, wait)
		if ctx.Err() != nil {
			return a, err
		}
	}
}

// identify gives each call an id that no other call of the answer has, and arguments that can be kept.
func (t *turn) identify(calls []wit.ToolCall) {
	seen := map[string]bool{}
	for i := range calls {
		id := calls[i].ID
		if id == "" || len(id) > 128 || seen[id] {
			id = "call-" + itoa(t.rounds) + "-" + itoa(i)
		}
		seen[id] = true
		calls[i].ID, calls[i].Args = id, valid(calls[i].Args)
	}
}

// chat is the request for the next answer.
func (t *turn) chat(ctx context.Context) (*wit.Chat, error) {
	c := &wit.Chat{
		Model: t.model.model, System: t.prompt.system, Thinking: t.thinking(),
		MaxTokens: t.Settings().MaxTokens, Session: t.run.SessionID,
	}
	if t.rounds < maxRounds {
		c.Tools = t.prompt.tools // in the last round the model has to answer
	}
	tokens := int(t.model.context) - int(t.model.context)/reserved
	budget := max(tokens*bytesPerToken-overhead(c.System, c.Tools), 4096)
	var messages []session.Message
	err := t.Store.View(context.WithoutCancel(ctx), func(tx store.Tx) (err error) {
		messages, err = window(tx, t.run.SessionID, t.run.ID, budget)
		return err
	})
	if err != nil {
		return nil, unrecorded{err}
	}
	for i := range messages {
		if m := &messages[i]; m.Run == t.run.ID && m.Role == wit.RoleUser && t.prompt.prepend != "" {
			m.Parts = append([]wit.Part{session.TextPart(t.prompt.prepend)}, m.Parts...)
		}
	}
	c.Turns = turns(messages)
	return c, nil
}

func (t *turn) thinking() string {
	level := t.Settings().Thinking
	for _, choice := range []string{t.entry.Thinking, t.run.Thinking} {
		if choice != "" {
			level = choice
		}
	}
	switch level {
	case "minimal":
		return "low"
	case "xhigh", "max":
		return "high"
	case "adaptive":
		return ""
	}
	return level
}
