package chat

import (
	"strings"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// Watchers finds the connections that asked to see tool calls.
type Watchers interface {
	// ToolWatchers returns the ids of the connections with the capability tool-events.
	ToolWatchers() []string
}

// Writer publishes what runs do; it implements agent.Observer.
type Writer struct {
	bus      *event.Bus
	watchers Watchers
	links    Links
}

// NewWriter returns a writer. Without watchers, which may be nil, tool calls are shown in verbose sessions only. links may be
// nil as well.
func NewWriter(bus *event.Bus, watchers Watchers, links Links) *Writer {
	return &Writer{bus, watchers, links}
}

// Begin implements agent.Observer.
func (w *Writer) Begin(r run.Run, verbose bool) agent.Reporter {
	s := w.stream(r)
	s.verbose = verbose
	s.lifecycle("start", map[string]any{"startedAt": r.Started})
	return s
}

// Ended implements agent.Observer.
// Such a run had no lifecycle, so only the chat hears of it.
func (w *Writer) Ended(r run.Run, said ...session.Message) {
	s := w.stream(r)
	for _, m := range said {
		s.Said(m)
	}
	s.final(agent.End{Run: r})
}

// stream makes the events of one run. They are numbered anew when it is taken up again.
func (w *Writer) stream(r run.Run) *stream {
	return &stream{bus: w.bus, watchers: w.watchers, links: w.links, run: r.ID, key: r.Session, said: r.Said, history: r.SessionID}
}

const (
	// chatInterval is the least time between two deltas of the chat.
	chatInterval = 150 * time.Millisecond
	// longText is from where on the text of an answer is not sent again with each of its deltas.
	longText = 8 << 10
)

// stream publishes one run's events, in order and numbered. Deltas of the chat are held back so that
// there is at most one per chatInterval, the first at once.
// It is called by the run's goroutine and by its own timer, hence the lock, which is held while an event is
// published so that numbers are sent in their order.
type stream struct {
	bus      *event.Bus
	watchers Watchers
	links    Links
	run      string
	key      session.Key
	said     string
	history  string // the session id
	verbose  bool

	mu     sync.Mutex
	seq    int64  // of the last event; it also counts those that nobody was to see
	text   string // of the message that is being written
	agent  int    // how much of it the agent stream has
	chat   int    // how much of it the chat has
	fresh  bool   // the chat has an earlier message's text, which this one replaces
	last   time.Time
	timer  *time.Timer
	closed bool
}

// emit publishes the next event of the agent stream, to these connections or to all. The caller has the lock.
// What is only seen by some connections takes a number all the same; the other ones see a gap.
func (s *stream) emit(name string, data map[string]any, to ...string) {
	s.seq++
	kind := Agents
	if name == "assistant" || name == "thinking" || data["phase"] == "update" {
		kind = AgentDeltas
	}
	kind.Publish(s.bus, AgentEvent{
		RunID: s.run, Stream: name, Data: data, SessionKey: s.key, AgentID: s.key.Agent(),
		Seq: s.seq, Ts: time.Now().UnixMilli(), said: s.said,
	}, to...)
}

// event is one of the chat, with the number that the run has reached.
func (s *stream) event(state string) Event {
	return Event{RunID: s.run, SessionKey: s.key, AgentID: s.key.Agent(), Seq: s.seq, State: state, said: s.said}
}

// lifecycle publishes a phase of the run.
func (s *stream) lifecycle(phase string, data map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data["phase"] = phase
	s.emit("lifecycle", data)
}

// Retrying implements agent.Reporter: clients may show it while they wait.
func (s *stream) Retrying(r agent.Retry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.emit("run_status", map[string]any{
		"status": "retrying", "attempt": r.Attempt, "maxAttempts": r.Max, "delayMs": r.Delay.Milliseconds(),
		"errorKind": errorKind(r.Error), "message": r.Error.Message,
	})
}

// Moved implements agent.Reporter: clients may show who answers in whose place.
func (s *stream) Moved(m agent.Move) {
	from, fromModel, _ := strings.Cut(m.From, "/")
	to, toModel, _ := strings.Cut(m.To, "/")
	s.lifecycle("fallback", map[string]any{
		"selectedProvider": from, "selectedModel": fromModel, "activeProvider": to, "activeModel": toModel, "activeKey": m.Key,
		"reason": errorKind(m.Error), "reasonSummary": m.Error.Message,
	})
}

// Said implements agent.Reporter.
func (s *stream) Said(m session.Message) { publishMessage(s.bus, s.links, s.key, s.history, m) }

// Message implements agent.Reporter.
func (s *stream) Message() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flush()
	s.fresh = s.fresh || s.chat > 0
	s.text, s.agent, s.chat = "", 0, 0
}

// Delta implements agent.Reporter.
func (s *stream) Delta(d wit.Delta) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d.Kind == wit.DeltaKindThinking {
		s.emit("thinking", map[string]any{"delta": d.Text})
		return
	}
	s.text += d.Text
	if len(s.text) < longText {
		s.assistant()
	}
	wait := chatInterval - time.Since(s.last)
	switch {
	case wait <= 0:
		s.flush()
	case s.timer == nil:
		s.timer = time.AfterFunc(wait, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.timer = nil
			s.flush()
		})
	}
}

// assistant publishes what the agent stream does not have yet.
func (s *stream) assistant() {
	if s.agent == len(s.text) {
		return
	}
	s.emit("assistant", map[string]any{"text": s.text, "delta": s.text[s.agent:]})
	s.agent = len(s.text)
}

// flush publishes what the streams do not have yet.
func (s *stream) flush() {
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	if s.closed || s.chat == len(s.text) {
		return
	}
	s.assistant()
	e := s.event("delta")
	news := s.text[s.chat:]
	e.Message, e.DeltaText, e.Replace = assistantMessage(s.text), &news, s.fresh
	Deltas.Publish(s.bus, e)
	s.chat, s.fresh, s.last = len(s.text), false, time.Now()
}

// Calling implements agent.Reporter.
func (s *stream) Calling(c wit.ToolCall) {
	s.tool(map[string]any{"phase": "start", "name": c.Name, "toolCallId": c.ID, "args": c.Args},
		map[string]any{"phase": "start", "status": "running", "kind": "tool", "itemId": "tool:" + c.ID, "title": c.Name, "name": c.Name, "toolCallId": c.ID, "startedAt": now()})
}

// Progress implements agent.Reporter.
func (s *stream) Progress(c wit.ToolCall, text string) {
	s.tool(map[string]any{
		"phase": "update", "name": c.Name, "toolCallId": c.ID, "partialResult": map[string]any{"content": []Content{{Type: "text", Text: text}}},
	}, map[string]any{
		"phase": "update", "status": "running", "kind": "tool", "itemId": "tool:" + c.ID, "title": c.Name, "name": c.Name, "toolCallId": c.ID,
	})
}

// Called implements agent.Reporter.
func (s *stream) Called(result session.Message) {
	status := "completed"
	if result.Failed {
		status = "failed"
	}
	s.tool(map[string]any{
		"phase": "result", "name": result.Tool, "toolCallId": result.ToolCallID, "isError": result.Failed,
		"result": map[string]any{"content": shown(s.links, "", result, 0).Content},
	}, map[string]any{
		"phase": "end", "status": status, "kind": "tool", "itemId": "tool:" + result.ToolCallID, "title": result.Tool,
		"name": result.Tool, "toolCallId": result.ToolCallID, "endedAt": now(),
	})
	s.Said(result)
}

// tool publishes a phase of a tool call to those who want to see it, and the same as an item: clients of
// protocol 4 show one or the other.
func (s *stream) tool(data, item map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flush()
	if s.verbose {
		s.emit("tool", data)
		s.emit("item", item)
		return
	}
	var to []string
	if s.watchers != nil {
		to = s.watchers.ToolWatchers()
	}
	if len(to) == 0 {
		s.seq += 2 // the numbers are taken all the same, so that all clients count alike
		return
	}
	s.emit("tool", data, to...)
	s.emit("item", item, to...)
}

// Ended implements agent.Reporter.
func (s *stream) Ended(e agent.End) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flush()
	s.closed = true
	if e.Last != nil {
		s.Said(*e.Last)
	}
	if e.Metered {
		s.emit("usage", map[string]any{"provider": e.Run.Provider, "model": e.Run.Used, "usage": usage(e.Run.Usage)})
	}
	s.emit("lifecycle", map[string]any{"phase": "finishing", "startedAt": e.Run.Started, "endedAt": e.Run.Ended})
	data := map[string]any{"phase": "end", "startedAt": e.Run.Started, "endedAt": e.Run.Ended}
	switch e.Run.State {
	case run.Aborted:
		data["aborted"], data["stopReason"] = true, e.Run.Stop
	case run.Failed:
		data["phase"], data["error"] = "error", e.Run.Error.Message
	}
	s.emit("lifecycle", data)
	s.final(e)
}

// final publishes the chat's last event of the run.
func (s *stream) final(e agent.End) {
	r := e.Run
	out := s.event("final")
	out.StopReason = stopReason(r.Stop)
	switch r.State {
	case run.Aborted:
		out.State = "aborted"
		if r.Answer != "" {
			out.Message = assistantMessage(r.Answer)
		}
	case run.Failed:
		out.State, out.ErrorMessage, out.ErrorKind = "error", r.Error.Message, errorKind(r.Error)
		if r.Provider != "" {
			out.ErrorDetail = &ErrorDetail{Provider: r.Provider, Model: r.Used}
		}
	default:
		if r.Stop != run.Joined { // what answers it is another run's
			out.Message = s.answer(e)
		}
		if e.Metered {
			out.Usage = usage(r.Usage)
		}
	}
	Chats.Publish(s.bus, out)
}

// answer is what the run has answered, with the files that belong to it.
func (s *stream) answer(e agent.End) *Message {
	m := assistantMessage(e.Run.Answer)
	if e.Last == nil {
		return m
	}
	for _, c := range shown(s.links, s.history, *e.Last, 0).Content {
		if c.Media != "" {
			m.Content = append(m.Content, c)
		}
	}
	return m
}

// Close implements agent.Reporter: what was held back is not published after all.
func (s *stream) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.timer != nil {
		s.timer.Stop()
	}
}

// errorKind is protocol 4's word for an error.
func errorKind(e *wit.Error) string {
	switch e.Code {
	case wit.CodeForbidden:
		return "refusal"
	case wit.CodeTimeout:
		return "timeout"
	case wit.CodeRateLimited:
		return "rate_limit"
	case wit.CodeTooLarge:
		return "context_length"
	}
	return "unknown"
}
