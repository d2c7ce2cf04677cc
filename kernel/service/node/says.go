package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of what a node says, in bytes.
const (
	maxEvent  = 256 << 10
	maxSpoken = 20_000
	maxOutput = 20_000
	// maxSeconds bounds how long a node may let the agent work.
	maxSeconds = 24 * 60 * 60
)

// EventParams are something that a node has to say.
type EventParams struct {
	Event string `json:"event" rpc:"required,min=1,max=128"`
	// Payload is what there is to it; PayloadJSON is the same as text, and counts where both are there.
	Payload     json.RawMessage `json:"payload,omitempty"`
	PayloadJSON *string         `json:"payloadJSON,omitempty"`
}

// EventResult says what became of it.
type EventResult struct {
	OK      bool   `json:"ok"`
	Event   string `json:"event"`
	Handled bool   `json:"handled"`
	// Reason is why it was not handled.
	Reason string `json:"reason,omitempty"`
}

// said is what nodes write into the payloads of the events that are acted on.
type said struct {
	Text           string  `json:"text"`
	Message        string  `json:"message"`
	SessionKey     string  `json:"sessionKey"`
	Thinking       string  `json:"thinking"`
	Deliver        bool    `json:"deliver"`
	Channel        string  `json:"channel"`
	To             string  `json:"to"`
	TimeoutSeconds float64 `json:"timeoutSeconds"`
	Key            string  `json:"key"`
	EventID        string  `json:"eventId"`
	RunID          string  `json:"runId"`
	Command        string  `json:"command"`
	ExitCode       *int    `json:"exitCode"`
	TimedOut       bool    `json:"timedOut"`
	Output         string  `json:"output"`
	Reason         string  `json:"reason"`
}

// event takes what a node says, acts on what it knows, and tells whoever may read. Errors: CodeTooLarge; those of the agent
// for a session or a destination that there is not; the store's.
func (s *Service) event(ctx context.Context, in EventParams) (EventResult, error) {
	out := EventResult{OK: true, Event: in.Event}
	payload := in.Payload
	if in.PayloadJSON != nil {
		payload = json.RawMessage(*in.PayloadJSON)
	}
	if len(payload) > maxEvent {
		return out, wit.Errorf(wit.CodeTooLarge, "a node's event must not have more than %d bytes", maxEvent)
	}
	p := s.roster.by(rpc.CallerOf(ctx))
	if p == nil {
		out.Reason = "no device: connect with a device's key"
		return out, nil
	}
	var n *Node
	if err := s.d.Store.View(ctx, func(tx store.Tx) (err error) {
		n, err = s.approved(tx, p.id)
		return err
	}); err != nil {
		return out, err
	}
	if n == nil {
		out.Reason = "not approved: `carapace nodes approve` lets the node speak"
		return out, nil
	}
	var what said
	if present(payload) && json.Unmarshal(payload, &what) != nil {
		out.Reason = "the payload is no object of the event's"
		return out, nil
	}
	var err error
	if out.Reason, err = s.act(ctx, p, in.Event, what); err != nil {
		return out, err
	}
	out.Handled = out.Reason == ""
	var told any
	if present(payload) {
		told = payload
	}
	Told.Publish(s.d.Bus, Saying{p.id, in.Event, told, time.Now().UnixMilli()})
	return out, nil
}

// act does what an event asks for. It returns why it did not.
func (s *Service) act(ctx context.Context, p *peer, name string, what said) (reason string, err error) {
	switch name {
	case "voice.transcript":
		return s.speak(ctx, p, what, Turn{Session: "main", Text: what.Text, Thinking: "low"})
	case "agent.request":
		return s.speak(ctx, p, what, Turn{
			Session: "node-" + p.id, Text: what.Message, Thinking: what.Thinking, Timeout: time.Duration(min(max(what.TimeoutSeconds, 0), maxSeconds)) * time.Second,
			Deliver: what.Deliver && what.Channel != "", Channel: what.Channel, To: what.To,
		})
	case "chat.subscribe", "chat.unsubscribe":
		session, err := s.d.Agent.Session(what.SessionKey)
		if err != nil {
			return "", err
		}
		if !s.roster.follow(p, session, name == "chat.subscribe") {
			return "too many sessions: unsubscribe from some", nil
		}
		return "", nil
	case "exec.started", "exec.finished", "exec.denied":
		session := strings.TrimSpace(what.SessionKey)
		if session == "" {
			session = "node-" + p.id
		}
		return "", s.d.Agent.Note(ctx, session, what.exec(name, p.id))
	}
	return "unknown event", nil
}

// speak gives the agent a turn. The same event twice is one, where the node names it.
func (s *Service) speak(ctx context.Context, p *peer, what said, t Turn) (reason string, err error) {
	t.Text = strings.TrimSpace(t.Text)
	switch {
	case t.Text == "":
		return "nothing was said", nil
	case len(t.Text) > maxSpoken:
		return fmt.Sprintf("more than %d bytes were said", maxSpoken), nil
	}
	if session := strings.TrimSpace(what.SessionKey); session != "" {
		t.Session = session
	}
	name := what.EventID
	if name == "" {
		name = what.Key
	}
	if name == "" {
		name = uuid.NewString()
	}
	sum := sha256.Sum256([]byte(p.id + "\x00" + name + "\x00" + t.Text))
	t.ID, t.Node = "node:"+hex.EncodeToString(sum[:16]), p.id
	return "", s.d.Agent.Ask(ctx, t)
}

// exec is what a session is told of a program that ran on a node.
func (w *said) exec(name, node string) string {
	id := "node=" + node
	if w.RunID != "" {
		id += " id=" + message.Clip(w.RunID, maxName)
	}
	command := ""
	if w.Command != "" {
		command = ": " + message.Clip(w.Command, maxOutput)
	}
	switch name {
	case "exec.started":
		return "Exec started (" + id + ")" + command
	case "exec.denied":
		if w.Reason != "" {
			id += ", " + message.Clip(w.Reason, maxName)
		}
		return "Exec denied (" + id + ")" + command
	}
	code := "code ?"
	if w.TimedOut {
		code = "timeout"
	} else if w.ExitCode != nil {
		code = fmt.Sprintf("code %d", *w.ExitCode)
	}
	text := "Exec finished (" + id + ", " + code + ")"
	if output := strings.TrimSpace(w.Output); output != "" {
		text += "\n" + message.Clip(output, maxOutput)
	}
	return text
}
