package process

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
)

// Ask says something in a session, reads the whole answer, and returns when its first delta, or its end, was here. Only
// one at a time asks over a connection, since it takes the connection's events.
func Ask(ctx context.Context, c *client.Client, session, text string) (first time.Duration, err error) {
	begin := time.Now()
	run, err := Say(ctx, c, session, text)
	if err != nil {
		return 0, err
	}
	return Answered(ctx, c, run, begin)
}

// Say says something in a session, and returns the run that answers it when that was acknowledged.
func Say(ctx context.Context, c *client.Client, session, text string) (run string, err error) {
	run = uuid.NewString()
	return run, c.Call(ctx, "chat.send", chat.SendParams{SessionKey: session, Message: text, IdempotencyKey: run}, nil)
}

// Answered reads a run's whole answer from the connection's events, and returns how long after begin its first delta, or
// its end, was here.
func Answered(ctx context.Context, c *client.Client, run string, begin time.Time) (first time.Duration, err error) {
	for {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case e, ok := <-c.Events():
			if !ok {
				return 0, errors.New("the connection ended")
			}
			var told struct{ RunID, State, ErrorMessage string }
			if e.Name != "chat" || json.Unmarshal(e.Payload, &told) != nil || told.RunID != run {
				continue
			}
			if first == 0 {
				first = time.Since(begin)
			}
			switch told.State {
			case "final":
				return first, nil
			case "error":
				return 0, errors.New(told.ErrorMessage)
			}
		}
	}
}
