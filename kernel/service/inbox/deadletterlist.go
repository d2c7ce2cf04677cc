package inbox

import (
	"context"
	"encoding/json"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// DeadLetterListParams are those of channels.poison.list.
type DeadLetterListParams struct {
	// Channel and AccountID select; AccountID says nothing without a channel.
	Channel   string `json:"channel,omitempty" rpc:"min=1,max=128"`
	AccountID string `json:"accountId,omitempty" rpc:"min=1,max=128"`
	// Limit is 100 when absent.
	Limit int `json:"limit,omitempty" rpc:"min=1,max=1000"`
}

// DeadLetterListResult is the result of channels.poison.list.
type DeadLetterListResult struct {
	// Events are sorted by account.
	Events []DeadLetterRow `json:"events"`
}

// DeadLetterRow is a dead letter in a list. An event of more than 64 KB is not shown.
type DeadLetterRow struct {
	ID string `json:"id"`
	DeadLetter
}

// maxShown bounds the event in a row, in bytes.
const maxShown = 64 << 10

func (d *DeadLetters) methods() []rpc.Method {
	return []rpc.Method{rpc.New("channels.poison.list", wire.ScopeRead, d.List).Doc("Lists the dead letters: events that their plugin could not handle.")}
}

// List returns dead letters. Errors: the store's.
func (d *DeadLetters) List(ctx context.Context, in DeadLetterListParams) (DeadLetterListResult, error) {
	out := DeadLetterListResult{Events: []DeadLetterRow{}}
	prefix := ""
	if in.Channel != "" {
		prefix = key(in.Channel) + "/"
		if in.AccountID != "" {
			prefix = key(in.Channel, in.AccountID) + "/"
		}
	}
	limit := in.Limit
	if limit == 0 {
		limit = 100
	}
	err := d.store.View(ctx, func(tx store.Tx) error {
		out.Events = out.Events[:0]
		for row, err := range letterTable.Scan(tx, store.Range{Prefix: prefix, Limit: limit}) {
			if err != nil {
				return err
			}
			if len(row.Value.Event) > maxShown {
				row.Value.Event = json.RawMessage(`"too large to be listed"`)
			}
			out.Events = append(out.Events, DeadLetterRow{row.Key, row.Value})
		}
		return nil
	})
	return out, err
}

// check is not OK while there are dead letters, since nothing but the owner's word ends them.
func (d *DeadLetters) check(ctx context.Context) service.Check {
	n := 0
	err := d.store.Update(ctx, func(tx store.Tx) (err error) {
		if _, err = letterTally().Mend(tx); err == nil {
			n, err = letterTally().Of(tx)
		}
		return err
	})
	switch {
	case err != nil:
		return service.Check{Name: "dead letters", Message: err.Error()}
	case n > 0:
		return service.Check{
			Name: "dead letters", Message: service.Count(n, "event") + " could not be handled",
			Hint: "look with `carapace call channels.poison.list`, then replay or drop them",
		}
	}
	return service.Check{Name: "dead letters", OK: true, Message: "none"}
}
