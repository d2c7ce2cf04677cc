package talk_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"

	"github.com/carapace-gateway/carapace/cmd/carapace/talk"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// request is a call as the gateway reads it.
type request struct {
	ID     string `json:"id"`
	Method string `json:"method"`
	Params struct {
		Message        string `json:"message"`
		IdempotencyKey string `json:"idempotencyKey"`
		Offset         int    `json:"offset"`
	} `json:"params"`
}

// gateway answers calls with what script returns; nil ends the connection instead. It returns how to dial it.
func gateway(t *testing.T, script func(connection int64, r request) any) func(context.Context) (*client.Client, error) {
	t.Helper()
	var connections atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer ws.CloseNow()
		ctx, connection := r.Context(), connections.Add(1)
		say := func(frame any) {
			b, err := json.Marshal(frame)
			if err != nil {
				t.Error(err)
			}
			_ = ws.Write(ctx, websocket.MessageText, b) // a client that is gone does not read it
		}
		say(map[string]any{"type": "event", "event": "connect.challenge", "payload": map[string]any{"nonce": "n", "ts": 1}})
		for {
			_, b, err := ws.Read(ctx)
			var req request
			if err != nil || json.Unmarshal(b, &req) != nil {
				return
			}
			var answer any = wire.HelloOK{Type: "hello-ok", Protocol: 3}
			if req.Method != "connect" {
				answer = script(connection, req)
			}
			if answer == nil {
				return
			}
			say(map[string]any{"type": "res", "id": req.ID, "ok": true, "payload": answer})
		}
	}))
	t.Cleanup(s.Close)
	return func(ctx context.Context) (*client.Client, error) { return client.Dial(ctx, client.Options{URL: s.URL}) }
}

// said is a message of a run in the history.
func said(run, role, text string) chat.Message {
	return chat.Message{RunID: run, Role: role, Content: []chat.Content{{Type: "text", Text: text}}}
}

// outcome sends one message and returns the update that ends its run.
func outcome(t *testing.T, dial func(context.Context) (*client.Client, error)) talk.Update {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	conversation := talk.New("main", dial)
	key := conversation.Send(ctx, "what is 17*23?")
	done := make(chan error, 1)
	go func() { done <- conversation.Run(ctx) }()
	var end talk.Update
	for u := range conversation.Updates() {
		if u.Run == key && (u.Kind == talk.Final || u.Kind == talk.Failed || u.Kind == talk.Aborted) {
			end = u
			cancel()
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if !end.Mine {
		t.Errorf("the update is not of this conversation: %+v", end)
	}
	return end
}

// TestAnswerOfARunThatEndedUnwatched is read from the history, however many messages came after it.
func TestAnswerOfARunThatEndedUnwatched(t *testing.T) {
	var key atomic.Value
	dial := gateway(t, func(connection int64, r request) any {
		switch {
		case r.Method == "chat.send" && connection == 1:
			key.Store(r.Params.IdempotencyKey)
			return nil // the message was taken, and the connection broke
		case r.Method == "chat.send" && key.Load() == r.Params.IdempotencyKey:
			return chat.SendResult{RunID: r.Params.IdempotencyKey, Status: "ok"}
		case r.Method == "chat.history" && connection == 1:
			return chat.History{Messages: []chat.Message{}}
		case r.Method == "chat.history" && r.Params.Offset == 0:
			return chat.History{Messages: []chat.Message{said("other", "user", "hi"), said("other", "assistant", "hello")}, HasMore: true, NextOffset: 2}
		case r.Method == "chat.history" && r.Params.Offset == 2:
			run := key.Load().(string)
			return chat.History{Messages: []chat.Message{
				said(run, "user", "what is 17*23?"), said(run, "assistant", "let me see"),
				said(run, "toolResult", "391"), said(run, "assistant", "17*23 is 391"),
			}}
		}
		t.Errorf("unexpected call on connection %d: %+v", connection, r)
		return nil
	})
	if u := outcome(t, dial); u.Kind != talk.Final || u.Text != "17*23 is 391" {
		t.Errorf("%+v", u)
	}
}

// TestFailureOfARunThatEndedUnwatched tells why.
func TestFailureOfARunThatEndedUnwatched(t *testing.T) {
	dial := gateway(t, func(connection int64, r request) any {
		switch {
		case r.Method == "chat.history":
			return chat.History{Messages: []chat.Message{}}
		case connection == 1:
			return nil
		}
		return chat.SendResult{RunID: r.Params.IdempotencyKey, Status: "error", Summary: "no model is connected"}
	})
	if u := outcome(t, dial); u.Kind != talk.Failed || u.Err == nil || u.Err.Error() != "no model is connected" {
		t.Errorf("%+v", u)
	}
}
