package plugin

import (
	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of what plugins may answer.
const (
	maxMessages    = 1000
	maxFrames      = 100
	maxRequests    = 16
	maxConnections = 16
	maxTimers      = 100
	maxReceipts    = 100
	maxState       = 64 << 10
	maxIDs         = 100
	maxModels      = 2000
	maxParts       = 100
	maxID          = 512
)

// bound is one list or text of an answer.
type bound struct {
	name      string
	have, max int
}

func within(bounds ...bound) error {
	for _, b := range bounds {
		if b.have > b.max {
			return wit.Errorf(wit.CodeTooLarge, "%s: %d is more than %d", b.name, b.have, b.max)
		}
	}
	return nil
}

func bad(format string, args ...any) error {
	return wit.Errorf(wit.CodeUnavailable, format, args...)
}

func checkChannelAnswer(a *wit.ChannelAnswer) error {
	err := within(bound{"messages", len(a.Messages), maxMessages}, bound{"state", len(a.State), maxState},
		bound{"requests", len(a.Requests), maxRequests}, bound{"open", len(a.Open), maxConnections},
		bound{"close", len(a.Close), maxConnections}, bound{"frames", len(a.Frames), maxFrames},
		bound{"timers", len(a.Timers), maxTimers}, bound{"receipts", len(a.Receipts), maxReceipts})
	if err != nil {
		return err
	}
	for i := range a.Messages {
		m := &a.Messages[i]
		if m.ID == "" || len(m.ID) > maxID || m.Conversation.ID == "" || len(m.Conversation.ID) > maxID {
			return bad("messages[%d]: id and conversation.id have 1 to %d bytes", i, maxID)
		}
		if !m.Kind.Valid() || !m.Conversation.Kind.Valid() {
			return bad("messages[%d]: kind %q in a conversation of kind %q is not known", i, m.Kind, m.Conversation.Kind)
		}
	}
	for i, o := range a.Open {
		if o.Connection == "" || o.URL == "" || !o.Transport.Valid() {
			return bad("open[%d]: a connection has a name, a url and a known transport", i)
		}
	}
	for i, t := range a.Timers {
		if t.ID == "" || len(t.ID) > maxID || t.After < 0 {
			return bad("timers[%d]: a timer has an id and is not in the past", i)
		}
	}
	if a.Status != nil && !a.Status.State.Valid() {
		return bad("status: state %q is not known", a.Status.State)
	}
	if a.Reply != nil && a.Reply.Status != 0 && (a.Reply.Status < 200 || a.Reply.Status > 599) {
		return bad("reply: status %d is not 200 to 599", a.Reply.Status)
	}
	return nil
}

func checkNewState(s *wit.NewState) error { return within(bound{"state", len(s.State), maxState}) }

func checkSent(s *wit.Sent) error {
	if err := within(bound{"ids", len(s.IDs), maxIDs}); err != nil {
		return err
	}
	for i, id := range s.IDs {
		if id == "" || len(id) > maxID {
			return bad("ids[%d]: an id has 1 to %d bytes", i, maxID)
		}
	}
	return nil
}

func checkPlan(p *wit.ProviderPlan) error {
	if (p.Request == nil) == (p.Answer == nil) {
		return bad("a plan has a request or an answer: one of them")
	}
	if !p.Framing.Valid() {
		return bad("framing %q is not known", p.Framing)
	}
	if err := within(bound{"state", len(p.State), maxState}); err != nil || p.Answer == nil {
		return err
	}
	return checkProviderAnswer(p.Answer)
}

func checkProviderAnswer(a *wit.ProviderAnswer) error {
	if err := within(bound{"state", len(a.State), maxAnswer}, bound{"toolCalls", len(a.ToolCalls), maxParts}); err != nil {
		return err
	}
	for i, c := range a.ToolCalls {
		if c.Name == "" || len(c.ID) > maxID || len(c.Name) > maxID {
			return bad("toolCalls[%d]: a call has a name and an id of at most %d bytes", i, maxID)
		}
	}
	if a.Stop != nil && !a.Stop.Valid() {
		return bad("stop %q is not known", *a.Stop)
	}
	return nil
}

func checkModels(m *wit.ModelsAnswer) error {
	if err := within(bound{"models", len(m.Models), maxModels}); err != nil {
		return err
	}
	for i, model := range m.Models {
		if model.ID == "" || len(model.ID) > maxID {
			return bad("models[%d]: an id has 1 to %d bytes", i, maxID)
		}
	}
	return nil
}

func checkToolOutput(o *wit.ToolOutput) error {
	if err := within(bound{"content", len(o.Content), maxParts}); err != nil {
		return err
	}
	for i, p := range o.Content {
		if !p.Kind.Valid() {
			return bad("content[%d]: kind %q is not known", i, p.Kind)
		}
	}
	return nil
}

func checkDecision(d *wit.HookDecision) error {
	if len(d.Modify) > 0 && d.Modify[0] != '{' {
		return bad("modify is an object of fields that take a new value")
	}
	return nil
}
