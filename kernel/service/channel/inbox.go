package channel

import (
	"context"
	"fmt"
	"time"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// inboxEntry says that a message has come in. Order finds it again when it is old.
type inboxEntry struct {
	Kind         wit.MessageKind `json:"kind"`
	Conversation string          `json:"conversation"`
	Sender       string          `json:"sender,omitempty"`
	Target       string          `json:"target,omitempty"`
	At           int64           `json:"at"`
}

// inboxOrder lets the oldest entries be found: its keys are a sequence.
type inboxOrder struct {
	Entry string `json:"entry"`
	At    int64  `json:"at"`
}

const (
	inboxTable = store.Table[inboxEntry]("channel.inbox")
	orderTable = store.Table[inboxOrder]("channel.inbox.order")
)

// What the inbox keeps, and how often it is looked at.
const (
	inboxAge   = 30 * 24 * time.Hour
	inboxCount = 100_000
	pruneDelay = time.Minute
	pruneEvery = time.Hour
	pruneBatch = 500
)

// insert records an entry and reports false for one that is there already.
func insert(tx store.Tx, entryKey string, e inboxEntry) (bool, error) {
	switch err := inboxTable.Insert(tx, entryKey, e); wit.CodeOf(err) {
	case "":
	case wit.CodeConflict:
		return false, nil
	default:
		return false, err
	}
	seq, err := tx.Next(string(orderTable))
	if err != nil {
		return false, err
	}
	return true, orderTable.Insert(tx, sequence(seq), inboxOrder{entryKey, e.At})
}

func sequence(n uint64) string { return fmt.Sprintf("%016x", n) }

// prune forgets entries that are too old or too many, the oldest first, and pairing requests that
// nobody approved. A platform does not send a message of a month ago again.
func (s *Service) prune(ctx context.Context) {
	for ctx.Err() == nil {
		more := false
		err := s.Store.Update(ctx, func(tx store.Tx) (err error) {
			if more, err = pruneInbox(tx, time.Now().Add(-inboxAge).UnixMilli(), inboxCount); err != nil {
				return err
			}
			return expirePairing(tx, time.Now().UnixMilli())
		})
		if err != nil && ctx.Err() == nil {
			s.Log.Warn("old inbox records could not be removed", "error", err)
		}
		if err != nil || !more {
			return
		}
	}
}

func pruneInbox(tx store.Tx, before int64, keep uint64) (more bool, err error) {
	newest := ""
	for row, err := range tx.Scan(string(orderTable), store.Range{Limit: 1, Reverse: true}) {
		if err != nil {
			return false, err
		}
		newest = row.Key
	}
	var last uint64
	if newest != "" {
		if _, err := fmt.Sscanf(newest, "%x", &last); err != nil {
			return false, wit.Errorf(wit.CodeInternal, "inbox: the key %q is damaged: %w", newest, err)
		}
	}
	var old []store.Row[inboxOrder]
	for row, err := range orderTable.Scan(tx, store.Range{Limit: pruneBatch}) {
		if err != nil {
			return false, err
		}
		if row.Value.At >= before && (last < keep || row.Key > sequence(last-keep)) {
			break
		}
		old = append(old, row)
	}
	for _, row := range old {
		if err := inboxTable.Delete(tx, row.Value.Entry); err != nil {
			return false, err
		}
		if err := orderTable.Delete(tx, row.Key); err != nil {
			return false, err
		}
	}
	return len(old) == pruneBatch, nil
}
