package turn

import (
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// longText is from where on the text of an answer is not sent again with each of its deltas.
const longText = 8 << 10

// voice publishes one run's events, in order and numbered. Deltas of the chat are held back so that
// there is at most one per chatInterval, the first at once.
type voice struct {
	bus      *event.Bus
	watchers Watchers
	run      string
	key      session.Key
	verbose  bool

	mu     sync.Mutex
	seq    int64
	text   string // of the message that is being written
	agent  int    // how much of it the agent stream has
	chat   int    // how much of it the chat has
	fresh  bool   // the chat has an earlier message's text, which this one replaces
	shown  bool   // something of this request's answer was published
	last   time.Time
	timer  *time.Timer
	closed bool
}

func (v *voice) emit(stream string, data map[string]any, to ...string) {
	v.seq++
	kind := Agents
	if stream == "assistant" || stream == "thinking" {
		kind = AgentDeltas
	}
	kind.Publish(v.bus, AgentEvent{
		RunID: v.run, Stream: stream, Data: data, SessionKey: v.key, AgentID: v.key.Agent(),
		Seq: v.seq, Ts: time.Now().UnixMilli(),
	}, to...)
}

func (v *voice) event(state string) ChatEvent {
	return ChatEvent{RunID: v.run, SessionKey: v.key, AgentID: v.key.Agent(), Seq: v.seq, State: state}
}

// lifecycle publishes a phase of the run.
func (v *voice) lifecycle(phase string, data map[string]any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	data["phase"] = phase
	v.emit("lifecycle", data)
}

// status publishes what clients may show while they wait, such as a retry.
func (v *voice) status(data map[string]any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.emit("run_status", data)
}

// begin starts a new message, which replaces the text of the one before.
func (v *voice) begin() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.flush()
	v.fresh = v.fresh || v.chat > 0
	v.text, v.agent, v.chat, v.shown = "", 0, 0, false
}

// began reports whether anything of the message was published.
func (v *voice) began() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.shown
}

// delta adds to the message.
func (v *voice) delta(d wit.Delta) {
	if d.Text == "" {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.shown = true
	if d.Kind == wit.DeltaKindThinking {
		v.emit("thinking", map[string]any{"delta": d.Text})
		return
	}
	v.text += d.Text
	if len(v.text) < longText {
		v.assistant()
	}
	wait := chatInterval - time.Since(v.last)
	switch {
	case wait <= 0:
		v.flush()
	case v.timer == nil:
		v.timer = time.AfterFunc(wait, func() {
			v.mu.Lock()
			defer v.mu.Unlock()
			v.timer = nil
			v.flush()
		})
	}
}

func (v *voice) assistant() {
	if v.agent == len(v.text) {
		return
	}
	v.emit("assistant", map[string]any{"text": v.text, "delta": v.text[v.agent:]})
	v.agent = len(v.text)
}

// flush publishes what the streams do not have yet.
func (v *voice) flush() {
	if v.timer != nil {
		v.timer.Stop()
		v.timer = nil
	}
	if v.closed || v.chat == len(v.text) {
		return
	}
	v.assistant()
	e := v.event("delta")
	news := v.text[v.chat:]
	e.Message, e.DeltaText, e.Replace = assistantMessage(v.text), &news, v.fresh
	ChatDeltas.Publish(v.bus, e)
	v.chat, v.fresh, v.last = len(v.text), false, time.Now()
}

// tool publishes a phase of a tool call to those who want to see it.
func (v *voice) tool(phase string, data map[string]any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.flush()
	data["phase"] = phase
	if v.verbose {
		v.emit("tool", data)
		return
	}
	var to []string
	if v.watchers != nil {
		to = v.watchers.ToolWatchers()
	}
	if len(to) == 0 {
		v.seq++ // the number is taken all the same, so that all clients count alike
		return
	}
	v.emit("tool", data, to...)
}

// end publishes how the run ended; nothing follows.
func (v *voice) end(phase string, data map[string]any, change func(*ChatEvent)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.flush()
	v.closed = true
	if phase != "" {
		data["phase"] = phase
		v.emit("lifecycle", data)
	}
	e := v.event("final")
	change(&e)
	Chats.Publish(v.bus, e)
}

// mute keeps what was held back from being published after all.
func (v *voice) mute() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
	if v.timer != nil {
		v.timer.Stop()
	}
}

// partial returns the text of the message that is being written.
func (v *voice) partial() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.text
}
