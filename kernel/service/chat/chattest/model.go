package chattest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/wit"
)

// Model is a provider. With Reply it answers at once; with Res it is asked through the network.
type Model struct {
	mu sync.Mutex
	// Reply answers at once.
	Reply func(*wit.Chat) *wit.ProviderAnswer
	// Res answers through the network, in pieces of Frame.
	Res   func(*wit.Chat) (*egress.Response, error)
	Frame wit.Framing
	// Files are the fields of a response that have files.
	Files []string
	asked []*wit.Chat
	// status is the last head's.
	status atomic.Int64
	// NoModels: it has no list of models.
	NoModels bool
}

// Providers implements agent.Providers.
func (m *Model) Providers() iter.Seq[agent.ProviderInfo] {
	name := "mock-1"
	return slices.Values([]agent.ProviderInfo{{ID: "mock", Facts: &wit.ProviderFacts{Label: "Mock", DefaultModel: &name, Offline: true}}})
}

// Provider implements agent.Providers.
func (m *Model) Provider(id string) (agent.Provider, bool) { return m, id == "mock" }

// Request implements agent.Codec.
func (m *Model) Request(ctx context.Context, c *wit.Chat) (*wit.ProviderPlan, error) {
	m.mu.Lock()
	m.asked = append(m.asked, c)
	reply, res := m.Reply, m.Res
	m.mu.Unlock()
	if res != nil {
		raw, _ := json.Marshal(c)
		body := string(raw)
		return &wit.ProviderPlan{Request: &wit.HTTPRequest{URL: "http://model", Text: &body}, Framing: m.Frame, Files: m.Files}, nil
	}
	a := reply(c)
	if a.Error != nil && len(a.Deltas) == 0 {
		return nil, a.Error
	}
	return &wit.ProviderPlan{Answer: a}, nil
}

// Embeddings implements agent.Codec: it makes none.
func (m *Model) Embeddings(context.Context, *wit.EmbeddingQuery) (*wit.EmbeddingAnswer, error) {
	return nil, wit.NewError(wit.CodeNotFound, "mock makes no vectors")
}

// Chunk reads events that are answers as JSON; its state counts them.
func (m *Model) Chunk(_ context.Context, c *wit.ProviderChunk) (*wit.ProviderAnswer, error) {
	n := 0
	_ = json.Unmarshal(c.State, &n)
	if err := c.Validate(); err != nil {
		return nil, err
	}
	a := &wit.ProviderAnswer{}
	for i := range c.Events {
		if (c.Events[i].Kind == wit.StreamEventKindHead) != (n == 0) {
			return nil, wit.Errorf(wit.CodeInternal, "event %d is a %s", n, c.Events[i].Kind)
		}
		if n++; n == 1 {
			m.status.Store(int64(c.Events[i].Status))
		}
		if err := m.read(&c.Events[i], a); err != nil {
			return nil, err
		}
	}
	a.State = wit.JSON(fmt.Sprint(n))
	return a, nil
}

// read adds an event to an answer.
func (m *Model) read(e *wit.StreamEvent, sum *wit.ProviderAnswer) error {
	switch {
	case e.Kind != wit.StreamEventKindData || e.Data == "[DONE]":
		return nil
	case m.status.Load() >= 300:
		return &wit.Error{Code: wit.CodeRateLimited, Message: "slow down: " + e.Data, Retryable: true}
	}
	a := &wit.ProviderAnswer{}
	if err := json.Unmarshal([]byte(e.Data), a); err != nil {
		return wit.Errorf(wit.CodeInternal, "%.20q: %w", e.Data, err)
	}
	sum.Deltas, sum.ToolCalls = append(sum.Deltas, a.Deltas...), append(sum.ToolCalls, a.ToolCalls...)
	sum.CallDeltas, sum.Files = append(sum.CallDeltas, a.CallDeltas...), append(sum.Files, a.Files...)
	if a.Opaque != nil {
		sum.Opaque = a.Opaque
	}
	if a.Usage != nil {
		sum.Usage = a.Usage
	}
	if a.Stop != nil {
		sum.Stop = a.Stop
	}
	if a.Error != nil {
		sum.Error = a.Error
	}
	return nil
}

// Models implements agent.Codec.
func (m *Model) Models(_ context.Context, q *wit.ModelsQuery) (*wit.ModelsAnswer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.NoModels {
		return nil, wit.NewError(wit.CodeNotFound, "no list")
	}
	if q.Response == nil {
		return &wit.ModelsAnswer{Request: &wit.HTTPRequest{URL: "http://model/list"}}, nil
	}
	return &wit.ModelsAnswer{Models: []wit.Model{{ID: "mock-1", Name: "Mock One", ContextWindow: 100_000, Tools: true, Images: true}}}, nil
}

// Stream implements agent.Network.
func (m *Model) Stream(_ context.Context, r *wit.HTTPRequest) (*egress.Response, error) {
	var c wit.Chat
	if err := json.Unmarshal([]byte(*r.Text), &c); err != nil {
		return nil, err
	}
	return m.Res(&c)
}

// Do implements agent.Network.
func (m *Model) Do(context.Context, *wit.HTTPRequest) (*wit.HTTPResponse, error) {
	return &wit.HTTPResponse{Status: 200}, nil
}

// Requests returns what the model was asked.
func (m *Model) Requests() []*wit.Chat {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.asked)
}

// Set changes what it answers at once.
func (m *Model) Set(reply func(*wit.Chat) *wit.ProviderAnswer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Reply = reply
}

// Feed makes the model stream what is sent to the returned channel, until it is closed.
func (m *Model) Feed() chan *wit.ProviderAnswer {
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
	m.Frame = wit.FramingSSE
	m.Res = func(*wit.Chat) (*egress.Response, error) {
		return &egress.Response{Status: 200, Body: r}, nil
	}
	return c
}

// Direct makes the model answer at once again.
func (m *Model) Direct() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Res = nil
}

// Piece is a delta.
func Piece(text string) *wit.ProviderAnswer {
	return &wit.ProviderAnswer{Deltas: []wit.Delta{{Kind: wit.DeltaKindText, Text: text}}}
}

// Ended is the end of a stream.
func Ended() *wit.ProviderAnswer {
	stop := wit.StopReasonEnd
	return &wit.ProviderAnswer{Stop: &stop}
}
