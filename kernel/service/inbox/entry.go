package inbox

import (
	"fmt"
	"time"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// entry says that a message has come in.
type entry struct {
	Kind         wit.MessageKind `json:"kind"`
	Conversation string          `json:"conversation"`
	Sender       string          `json:"sender,omitempty"`
	Target       string          `json:"target,omitempty"`
	At           int64           `json:"at"`
}

// place is an entry's in the order of arrival.
type place struct {
	Entry string `json:"entry"` // its key
	At    int64  `json:"at"`
}

// The keys of orderTable are a sequence, so that the oldest entries come first.
const (
	entryTable = store.Table[entry]("channel.inbox")
	orderTable = store.Table[place]("channel.inbox.order")
)

// What is kept. No platform sends a message of a month ago again.
const (
	entryAge   = 30 * 24 * time.Hour
	entryCount = 100_000
	pruneBatch = 500
)

// insert records an entry and reports false for one that is there already.
func insert(tx store.Tx, entryKey string, e entry) (bool, error) {
	switch err := entryTable.Insert(tx, entryKey, e); wit.CodeOf(err) {
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
	return true, orderTable.Insert(tx, sequence(seq), place{entryKey, e.At})
}

// sequence makes keys that sort like their numbers.
func sequence(n uint64) string { return fmt.Sprintf("%016x", n) }

// pruneEntries forgets a batch of the entries of before, and of those beyond the newest keep, the oldest
// first. more says that there may be others.
func pruneEntries(tx store.Tx, before int64, keep uint64) (more bool, err error) {
	last, err := newest(tx)
	if err != nil {
		return false, err
	}
	var old []store.Row[place]
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
		if err := entryTable.Delete(tx, row.Value.Entry); err != nil {
			return false, err
		}
		if err := orderTable.Delete(tx, row.Key); err != nil {
			return false, err
		}
	}
	return len(old) == pruneBatch, nil
}

// newest is the number of the entry that came last, 0 for none.
func newest(tx store.Tx) (n uint64, err error) {
	for row, err := range tx.Scan(string(orderTable), store.Range{Limit: 1, Reverse: true}) {
		if err != nil {
			return 0, err
		}
		if _, err := fmt.Sscanf(row.Key, "%x", &n); err != nil {
			return 0, wit.Errorf(wit.CodeInternal, "inbox: the key %q is damaged: %w", row.Key, err)
		}
	}
	return n, nil
}
