// Package store keeps the gateway's records: named spaces of key → value, ordered by key, changed in
// transactions that are durable when Update returns.
//
// The port is small on purpose. A queue is a space whose keys sort by time, a unique index is Insert,
// a cursor is one key; and because one transaction may touch every space, a message, its session, the
// reply to be delivered and a channel's cursor change together or not at all.
//
// Open gives the SQLite implementation (WAL, synchronous=FULL; concurrent updates share a commit),
// OpenMemory the one for tests. Both pass storetest.Run. Everything is safe for concurrent use; a Tx
// is valid only inside the function that it was given to, and only in that goroutine.
package store

import (
	"context"
	"iter"

	"github.com/carapace-gateway/carapace/wit"
)

// Store is what the rest of the kernel writes to.
type Store interface {
	// View runs fn on a consistent snapshot. Writes inside it fail with CodeInvalid.
	View(ctx context.Context, fn func(Tx) error) error

	// Update runs fn in a transaction and returns after the commit is on disk. An error from fn, a
	// panic or an ended ctx undoes all that fn did and nothing else, also when other updates share
	// the commit. fn may run on another goroutine, must not block on the world, and must not call
	// View or Update.
	//
	// Errors: fn's own; CodeUnavailable when the disk refuses (full, read-only); CodeInternal.
	Update(ctx context.Context, fn func(Tx) error) error

	// Version changes with each commit that wrote to a space, when readers can see it and before its Update returns.
	// So what was read in a View is still so while the version is what it was before that View. It counts from 0
	// for each store that is opened, and costs no reading.
	Version(space string) uint64

	// Since returns the keys that were written in a space, or deleted, by the commits after a version, and perhaps some more; and
	// false where that is not known: too much was, or nobody has asked before, since what is noted, and bounded, begins with the
	// first call. It costs no reading.
	Since(space string, version uint64) (keys []string, ok bool)

	// Rest gives back memory that is kept to be faster. It is for a store that nobody has used for a while: what comes next is
	// read from the file again.
	Rest()

	// Close waits for running transactions. Calls after it fail with CodeUnavailable.
	Close() error
}

// Failed reports whether an error of View or Update is the store's, so that the same may succeed later: its codes
// are CodeUnavailable, CodeTimeout and CodeInternal. An error of fn with another code is fn's own, and a Damaged record
// stays what it is.
func Failed(err error) bool {
	switch wit.CodeOf(err) {
	case wit.CodeUnavailable, wit.CodeTimeout, wit.CodeInternal:
		return !Damaged(err)
	}
	return false
}

// Tx is a transaction. Keys are non-empty UTF-8 of at most 512 bytes, ordered bytewise; values are at
// most 16 MiB (CodeTooLarge). Spaces come into being with their first record.
type Tx interface {
	// Get returns the value, or CodeNotFound. The caller owns the bytes.
	Get(space, key string) ([]byte, error)

	// Put creates or replaces.
	Put(space, key string, value []byte) error

	// Insert creates, or fails with CodeConflict and leaves the record as it is.
	Insert(space, key string, value []byte) error

	// Delete removes; a missing key is not an error.
	Delete(space, key string) error

	// Scan yields records in key order (or against it). Ranging may stop early. A record that is
	// written to the same space while a scan runs may or may not be seen. An error is yielded once, last.
	Scan(space string, r Range) iter.Seq2[Record, error]

	// NextSpace is the first space behind another one, by name, that has records, or "".
	NextSpace(after string) (string, error)

	// Next returns 1, 2, 3, … per space, durable with the transaction.
	Next(space string) (uint64, error)

	// Index lets a text be found by its words, in place of one that the index has under its key. Indexes come into being with
	// their first text, and are no spaces, though Version counts them too. A text without words is not found.
	Index(index string, d Doc) error

	// Unindex removes a text from an index; a missing one is not an error.
	Unindex(index, key string) error

	// Find returns what a search finds, and whether there is more. It looks at SearchDepth texts at most. Errors: CodeInvalid for
	// a search without words.
	Find(index string, s Search) (found []Found, more bool, err error)
}

// Record is one key and its value. The receiver owns both.
type Record struct {
	Key   string
	Value []byte
}

// Range selects keys: those with Prefix, from From (inclusive) to To (exclusive), Limit of them (0 is
// all). An empty field does not restrict. Reverse goes from the highest key down.
type Range struct {
	Prefix  string
	From    string
	To      string
	Limit   int
	Reverse bool
}
