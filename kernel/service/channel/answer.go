package channel

import (
	"encoding/json"

	"github.com/carapace-gateway/carapace/wit"
)

// The contract's bounds on an answer. The runtime has checked its size before it was decoded.
const (
	maxMessages = 1000
	maxState    = 64 << 10
	maxReceipts = 1000
	maxID       = 1024
	maxText     = 1 << 20
)

// checkState refuses a state that breaks the contract.
func checkState(s *wit.NewState) error { return checkAnswer(&wit.ChannelAnswer{State: s.State}) }

// checkAnswer refuses an answer that breaks the contract, with CodeInvalid or CodeTooLarge. It is the only
// place where the contract's bounds are compared.
func checkAnswer(a *wit.ChannelAnswer) error {
	for _, b := range []struct {
		what     string
		n, limit int
	}{
		{"messages", len(a.Messages), maxMessages},
		{"requests", len(a.Requests), maxRunning},
		{"frames", len(a.Frames), maxFrames},
		{"timers", len(a.Timers), maxTimers},
		{"receipts", len(a.Receipts), maxReceipts},
		{"connections to open", len(a.Open), maxConns},
		{"connections to close", len(a.Close), maxConns},
		{"bytes of state", len(a.State), maxState},
	} {
		if b.n > b.limit {
			return wit.Errorf(wit.CodeTooLarge, "the plugin answered %d %s, at most %d are allowed", b.n, b.what, b.limit)
		}
	}
	if len(a.State) > 0 && !json.Valid(a.State) {
		return wit.NewError(wit.CodeInvalid, "the plugin answered a state that is not JSON")
	}
	for _, o := range a.Open {
		if o.Connection == "" || len(o.Connection) > maxID {
			return wit.Errorf(wit.CodeInvalid, "the plugin answered a connection with an id of %d bytes: 1 to %d are allowed", len(o.Connection), maxID)
		}
	}
	for i := range a.Messages {
		if err := checkMessage(&a.Messages[i]); err != nil {
			return err
		}
	}
	return nil
}

func checkMessage(m *wit.Message) error {
	if m.Kind == "" {
		m.Kind = wit.MessageKindText
	}
	if m.Conversation.Kind == "" {
		m.Conversation.Kind = wit.ConversationKindDirect
	}
	switch {
	case m.ID == "" || len(m.ID) > maxID:
		return wit.Errorf(wit.CodeInvalid, "the plugin answered a message with an id of %d bytes: 1 to %d are allowed", len(m.ID), maxID)
	case m.Conversation.ID == "" || len(m.Conversation.ID) > maxID:
		return wit.Errorf(wit.CodeInvalid, "the plugin answered message %.80q without a usable conversation id", m.ID)
	case len(m.Sender.ID) > maxID:
		return wit.Errorf(wit.CodeInvalid, "the plugin answered message %.80q with a sender id of %d bytes", m.ID, len(m.Sender.ID))
	case len(m.Text) > maxText:
		return wit.Errorf(wit.CodeTooLarge, "the plugin answered message %.80q with %d bytes of text", m.ID, len(m.Text))
	case !m.Kind.Valid() || !m.Conversation.Kind.Valid():
		return wit.Errorf(wit.CodeInvalid, "the plugin answered message %.80q of an unknown kind", m.ID)
	}
	return nil
}
