package agent

import (
	"cmp"
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// retries is how often a request is made again, and maxRetryDelay how long anybody waits for an answer. firstOutput is how
// long a model may say nothing at all where another one would be asked in its place.
const (
	retries       = 3
	maxRetryDelay = 30 * time.Second
	firstOutput   = 2 * time.Minute
)

// loop is one run while it is answered: it goes between the model and the tools. It belongs to the goroutine
// that executes the run.
type loop struct {
	common
	active   *run.Active
	settings Settings // as they were when the run was taken up
	began    time.Time
	attached []wit.Part // what came with the question, fetched and transcribed; of a run that begins
	question string     // what is asked, in words

	report    Reporter // set by begin
	entry     session.Entry
	chain     []choice // who may answer, at least one
	model     opened   // who is asked, or was last
	answered  bool     // it has answered in this run
	moved     seat     // of whom was told last that it is asked in the place of another one
	standing  []Text   // of the prompt
	prompt    prompt
	calls     *toolCalls
	rounds    int      // requests for tools so far
	said      []string // texts beside them
	thoughts  []string // what the model thought, as far as it says so
	compacted bool     // the hooks were told that the conversation is longer than the model reads
	// written and drawn are the message that was written last, as far as it came.
	written string
	drawn   []wit.Part
	// kept gives back what the limits keep for the answer that is asked for; nil where nothing is.
	kept func()
}

// release gives back what was kept for an answer, once it is counted or there will be none.
func (l *loop) release() {
	if l.kept != nil {
		l.kept()
		l.kept = nil
	}
}

// converse goes between the model and the tools until the model has an answer.
// Pending calls come first, because a run that is taken up again may have them, and a model must not be asked
// before their results are there. In the last round no tools are offered; a model that asks all the same has
// failed. Calls of the client's own tools end the run: the answer is what was said with them then.
func (l *loop) converse(ctx context.Context) (a answer, err error) {
	r := l.active.Run
	if l.chain, err = l.models.chain(wantedAt(cmp.Or(r.Model, l.entry.Model), r.Session.Agent(), r.Origin)); err != nil {
		return answer{}, err
	}
	l.model.seat.choice = l.chain[0]
	if l.prompt, err = makePrompt(ctx, l.hooks, l.settings, r, l.question, l.calls.tools.Tools(), l.standing); err != nil {
		return answer{}, err
	}
	for {
		if err := l.calls.makeAll(ctx); err != nil {
			return answer{}, err
		}
		if len(l.calls.theirs) > 0 {
			return a, nil
		}
		if l.rounds > 0 || l.active.Begun == nil { // it has not begun just now, with nothing behind it
			if err := l.join(); err != nil {
				return answer{}, err
			}
		}
		if a, err = l.ask(ctx); err != nil {
			return a, err
		}
		if len(a.calls) == 0 {
			return complete(a, l.said)
		}
		if l.rounds >= maxRounds {
			return a, wit.Errorf(wit.CodeUnavailable, "the model asked for tools %d times without answering: ask again, in smaller steps", maxRounds)
		}
		if err := l.recordCalls(a); err != nil {
			return a, err
		}
	}
}

// complete checks that there is something to say. What the model said beside its tool calls counts when
// it has nothing to add.
func complete(a answer, said []string) (answer, error) {
	if strings.TrimSpace(a.text) == "" {
		a.text = strings.Join(said, "\n\n")
	}
	switch {
	case strings.TrimSpace(a.text) != "", len(a.files) > 0:
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
// It comes before the first of the calls: after a crash they are known, and so is which one had begun.
func (l *loop) recordCalls(a answer) error {
	var m session.Message
	if err := l.active.Update(func(tx store.Tx) (err error) {
		if m, err = session.Append(tx, l.active.Run.Session, l.assistant(a)); err != nil {
			return err
		}
		return l.count(tx, a)
	}); err != nil {
		return err
	}
	l.release()
	l.report.Said(m)
	l.rounds++
	l.calls.pending = a.calls
	if a.text != "" {
		l.said = append(l.said, a.text)
	}
	return nil
}

// assistant is an answer as the history has it.
func (l *loop) assistant(a answer) session.Message {
	m := session.Message{
		Role: wit.RoleAssistant, Run: l.active.Run.ID, ToolCalls: a.calls, Usage: a.usage,
		Provider: l.model.provider, Model: l.model.model, Stop: string(a.stop), Opaque: a.opaque,
	}
	if a.text != "" {
		m.Parts = []wit.Part{session.TextPart(a.text)}
	}
	m.Parts = append(m.Parts, a.files...)
	if len(a.calls) > 0 {
		m.Thinking = a.thinking
		m.Stop = string(wit.StopReasonToolCalls)
	}
	return m
}

// try requests one answer, and reports whether anything of its text was shown. Thinking may begin anew.
func (l *loop) try(ctx context.Context, chat *wit.Chat) (a answer, shown bool, err error) {
	l.report.Message()
	patience := time.Duration(0)
	if l.several() {
		patience = firstOutput
	}
	a, err = requestWithin(ctx, l.model.code, chat, l.files, patience, func(d wit.Delta) {
		if d.Text != "" {
			shown = shown || d.Kind != wit.DeltaKindThinking
			l.report.Delta(d)
		}
	})
	if a.thinking != "" && err == nil {
		l.thoughts = append(l.thoughts, a.thinking)
	}
	l.written, l.drawn = a.text, a.files // also of a try that broke off: it is kept if the run ends here
	if err != nil {
		return a, shown, err
	}
	identify(a.calls, l.rounds)
	if strings.TrimSpace(a.text) == "" && len(a.calls)+len(a.files) == 0 && a.stop != wit.StopReasonRefused && len(l.said) == 0 {
		err = errEmpty()
	}
	return a, shown, err
}

// identify gives each call an id that no other call of the answer has, and arguments that can be kept.
// Some providers send none, or the same one twice. The round is part of an id that is made here, so these differ within a run.
func identify(calls []wit.ToolCall, round int) {
	seen := map[string]bool{}
	for i := range calls {
		id := calls[i].ID
		if id == "" || len(id) > 128 || seen[id] {
			id = "call-" + strconv.Itoa(round) + "-" + strconv.Itoa(i)
		}
		seen[id] = true
		calls[i].ID, calls[i].Args = id, valid(calls[i].Args)
	}
}

// request is what the model is asked next, and how many bytes of a conversation there is room for.
// A quarter of the context is left for the answer. The floor of 4 KiB keeps a long system prompt and many tools
// from leaving no room for the question itself.
func (l *loop) request(ctx context.Context) (_ *wit.Chat, budget int, err error) {
	r := l.active.Run
	c := &wit.Chat{
		Model: l.model.model, System: l.prompt.system, Thinking: thinking(l.settings.ThinkingOf(r.Session.Agent()), l.entry.Thinking, r.Thinking),
		MaxTokens: l.settings.MaxTokens, Session: r.SessionID,
	}
	if t := r.Terms; t != nil {
		c.MaxTokens, c.Temperature = cmp.Or(t.MaxTokens, c.MaxTokens), t.Temperature
		if err := l.wishes(c, t); err != nil {
			return nil, 0, err
		}
	}
	if l.rounds < maxRounds && l.models.callsTools(l.model.choice) {
		c.Tools = l.prompt.tools // in the last round the model has to answer
	}
	tokens := int(l.model.context) - int(l.model.context)/reserved
	budget = max(tokens*bytesPerToken-overhead(c.System, c.Tools), 4096)
	var seen view
	history := l.sessions.Reader(r.SessionID)
	err = l.active.View(func(tx store.Tx) (err error) {
		seen, err = l.window(tx, history, budget)
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	messages := l.compact(ctx, seen, budget)
	// The hook's context is for this run only, so it is not in the history.
	for i := range messages {
		if m := &messages[i]; m.Run == r.ID && m.Role == wit.RoleUser && l.prompt.prepend != "" {
			m.Parts = append([]wit.Part{session.TextPart(l.prompt.prepend)}, m.Parts...)
		}
	}
	c.Turns = turns(messages, l.model.choice)
	return c, budget, nil
}

// thinking is the last level that somebody has chosen, in the contract's words.
// The contract has fewer levels than clients send.
func thinking(levels ...string) string {
	level := ""
	for _, choice := range levels {
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
