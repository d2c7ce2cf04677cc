package chat_test

import (
	"context"
	"encoding/json"
	"io"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// feed makes the model stream what is sent to the returned channel, until it is closed.
func (m *model) feed() chan *wit.ProviderAnswer {
	c := make(chan *wit.ProviderAnswer)
	r, w := io.Pipe()
	go func() {
		for a := range c {
			raw, _ := json.Marshal(a)
			if _, err := io.WriteString(w, "data: "+string(raw)+"\n\n"); err != nil {
				return
			}
		}
		w.Close()
	}()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.frame = wit.FramingSSE
	m.res = func(*wit.Chat) (*egress.Response, error) {
		return &egress.Response{Status: 200, Body: r}, nil
	}
	return c
}

// direct makes the model answer at once again.
func (m *model) direct() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.res = nil
}

func piece(text string) *wit.ProviderAnswer {
	return &wit.ProviderAnswer{Deltas: []wit.Delta{{Kind: wit.DeltaKindText, Text: text}}}
}

func ended() *wit.ProviderAnswer {
	stop := wit.StopReasonEnd
	return &wit.ProviderAnswer{Stop: &stop}
}

func (c *counter) add(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n += n
}

func (c *counter) max(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n = max(c.n, n)
}

// inbound is a direct message of one person.
func inbound(id, text string) message.Inbound {
	return message.Inbound{
		ID: "in-" + id, Account: message.Account{Channel: "chat", ID: "bot"},
		Message: wit.Message{
			ID: id, Text: text, Conversation: wit.Conversation{Kind: wit.ConversationKindDirect, ID: "42"}, Sender: wit.Person{ID: "42"},
		},
	}
}

func (w *world) accept(p *process, id, text string) {
	w.t.Helper()
	if err := w.store.Update(context.Background(), func(tx store.Tx) error { return p.intake.Accept(tx, inbound(id, text)) }); err != nil {
		w.t.Fatal(err)
	}
	p.runs.Wake()
}

// only waits for the run that was enqueued last.
func (w *world) only(p *process) run.Run {
	w.t.Helper()
	var last run.Run
	if err := w.store.View(context.Background(), func(tx store.Tx) error {
		for row, err := range store.Table[run.Run]("runs").Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			if row.Value.Ticket > last.Ticket {
				last = row.Value
			}
		}
		return nil
	}); err != nil || last.ID == "" {
		w.t.Fatalf("no run: %v", err)
	}
	return p.wait(last.ID)
}
