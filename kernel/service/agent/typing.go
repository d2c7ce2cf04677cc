package agent

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/retry"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

const (
	// typingInterval is how often typing is shown again.
	typingInterval = 5 * time.Second
	// quietDefault is how long a platform is left alone that asks for less without saying for how long.
	quietDefault = time.Minute
	// quietMost bounds what a platform may ask for.
	quietMost = 24 * time.Hour
)

// quietTable says until when typing is not shown in a conversation, in Unix milliseconds: a platform that is asked
// before counts from the beginning, so it is kept over a restart.
const quietTable = store.Table[int64]("typing.quiet")

// typist shows in conversations that an answer is on its way. Nobody waits for it: an answer is neither later nor
// missing because typing could not be shown.
type typist struct {
	typing Typing // nil shows nothing
	store  store.Store
	log    hclog.Logger
	shown  sync.WaitGroup // who show it; they end with their run's context
}

// show shows typing until the returned function is called, or the platform will not have it.
func (t *typist) show(ctx context.Context, to *message.Origin) (stop func()) {
	if t.typing == nil || to == nil || to.Conversation == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	t.shown.Go(func() {
		for ctx.Err() == nil {
			if !retry.Sleep(ctx, t.quiet(ctx, to)) || !t.once(ctx, to) || !retry.Sleep(ctx, typingInterval) {
				return
			}
		}
	})
	return cancel
}

// once shows typing, and reports whether there is a point in showing it again.
func (t *typist) once(ctx context.Context, to *message.Origin) bool {
	err := t.typing.Typing(ctx, to.At(), *to.Conversation)
	if err == nil || ctx.Err() != nil {
		return true
	}
	t.log.Debug("typing not shown", "channel", to.Channel, "error", err)
	e := wit.AsError(err)
	pause := retry.Asked(e.RetryAfter, quietMost)
	if pause == 0 && e.Code == wit.CodeRateLimited {
		pause = quietDefault
	}
	if pause > 0 {
		t.keepQuiet(ctx, to, time.Now().Add(pause))
	}
	return e.Retryable || e.Code.Transient()
}

// quiet is how long typing must not be shown from now on.
func (t *typist) quiet(ctx context.Context, to *message.Origin) time.Duration {
	var until int64 // long ago where there is nothing, or nothing to be read
	_ = t.store.View(ctx, func(tx store.Tx) (err error) {
		until, err = quietTable.Get(tx, to.At().Key(to.Conversation.ID))
		return err
	})
	return min(time.Until(time.UnixMilli(until)), quietMost)
}

// keepQuiet remembers until when, and forgets what is over.
func (t *typist) keepQuiet(ctx context.Context, to *message.Origin, until time.Time) {
	now := time.Now().UnixMilli()
	err := t.store.Update(context.WithoutCancel(ctx), func(tx store.Tx) error {
		var over []string
		for row, err := range quietTable.Scan(tx, store.Range{}) {
			if err != nil && !store.Damaged(err) { // a damaged one is over since time 0
				return err
			}
			if row.Value <= now {
				over = append(over, row.Key)
			}
		}
		for _, key := range over {
			if err := quietTable.Delete(tx, key); err != nil {
				return err
			}
		}
		return quietTable.Put(tx, to.At().Key(to.Conversation.ID), until.UnixMilli())
	})
	if err != nil {
		t.log.Warn("how long to show no typing was not recorded", "channel", to.Channel, "error", err)
	}
}
