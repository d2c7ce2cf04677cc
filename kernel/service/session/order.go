package session

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// The sessions in the order of their last use, how many there are, and who has which label. write and erase keep all of
// it in the transaction that changes an entry, so that a page of a list costs the same however many sessions there are.
const (
	// order has an empty record for each entry, under its place.
	order = "sessions.order"
	// counts has how many sessions an agent has on a shelf, under shelf/agent.
	counts = store.Table[int]("sessions.counts")

	// A shelf is the beginning of a place: sessions that are archived stand apart.
	inUse    = "a"
	archived = "z"
)

// place is where an entry stands in the order: shelf/time/key, so that places sort by the time.
func (e Entry) place() string {
	shelf := inUse
	if e.Archived() {
		shelf = archived
	}
	return placeFrom(shelf, e.Updated) + string(e.Key)
}

// placeFrom is the beginning of the places of a time.
func placeFrom(shelf string, updated int64) string {
	return fmt.Sprintf("%s/%016x/", shelf, max(updated, 0))
}

// spot is a place that was read.
type spot struct {
	place string
	key   Key
	used  int64 // see Entry.used
}

func newSpot(place string) (spot, error) {
	_, rest, _ := strings.Cut(place, "/")
	hex, key, _ := strings.Cut(rest, "/")
	used, err := strconv.ParseInt(hex, 16, 64)
	if err != nil {
		err = wit.Errorf(wit.CodeInternal, "%s has a wrong key: %w", order, err)
	}
	return spot{place, Key(key), used}, err
}

// before reports whether a session that was used at a time stands before another one in lists: the last used first.
func (a spot) before(b spot) bool {
	return a.used > b.used || a.used == b.used && a.key > b.key
}

// write stores an entry, which was read in the same transaction or is a new one, with its place and its label. All
// that changes an entry goes through here.
func write(tx store.Tx, e *Entry) error {
	if err := stand(tx, e, e.place()); err != nil {
		return err
	}
	if err := call(tx, e, e.Label); err != nil {
		return err
	}
	return entries.Put(tx, string(e.Key), *e)
}

// erase is write for an entry that is to be no more.
func erase(tx store.Tx, e *Entry) error {
	if err := stand(tx, e, ""); err != nil {
		return err
	}
	if err := call(tx, e, ""); err != nil {
		return err
	}
	return entries.Delete(tx, string(e.Key))
}

// stand moves an entry from the place that it was read with to another one, "" for none.
func stand(tx store.Tx, e *Entry, to string) error {
	from := e.at
	if from == to {
		return nil
	}
	e.at = to
	if from != "" {
		if err := tx.Delete(order, from); err != nil {
			return err
		}
	}
	if to != "" {
		if err := tx.Put(order, to, nil); err != nil {
			return err
		}
	}
	if shelfOf(from) == shelfOf(to) {
		return nil
	}
	o, err := howOrdered(tx)
	if err != nil || !o.has(e.Key) {
		return err // whoever makes the order counts it
	}
	if err := count(tx, from, e.Key, -1); err != nil {
		return err
	}
	return count(tx, to, e.Key, 1)
}

func shelfOf(place string) string {
	shelf, _, _ := strings.Cut(place, "/")
	return shelf
}

// counted is under which name a session that has a place is counted.
func counted(place string, key Key) string { return shelfOf(place) + "/" + key.Agent() }

// count changes how many sessions an agent has on the shelf of a place.
func count(tx store.Tx, place string, key Key, by int) error {
	if place == "" {
		return nil
	}
	name := counted(place, key)
	n, err := counts.Get(tx, name)
	if err != nil && wit.CodeOf(err) != wit.CodeNotFound && !store.Damaged(err) {
		return err
	}
	return counts.Put(tx, name, n+by)
}

// stored notes how an entry that was read stands in the order.
func (e Entry) stored() Entry {
	e.at, e.called = e.place(), e.Label
	return e
}

// shelf yields the spots of a shelf, the last used first; with limit, not many more than so many. Those whose time is
// still to come are few, and go where Entry.used puts them.
func (s *Service) shelf(tx store.Tx, name string, now int64, limit int) iter.Seq2[spot, error] {
	edge := placeFrom(name, now+ahead+1)
	var astray []spot
	for at, err := range scanOrder(tx, store.Range{Prefix: name + "/", From: edge}) {
		if err != nil {
			return failing(err)
		}
		e, err := entries.Get(tx, string(at.key))
		if s.skips.Skip(err) || wit.CodeOf(err) == wit.CodeNotFound {
			continue
		}
		if err != nil {
			return failing(err)
		}
		at.used = e.used(now)
		astray = append(astray, at)
	}
	rest := scanOrder(tx, store.Range{Prefix: name + "/", To: edge, Reverse: true, Limit: limit})
	if len(astray) == 0 {
		return rest
	}
	slices.SortFunc(astray, func(a, b spot) int {
		if a.before(b) {
			return -1
		}
		return 1
	})
	return merge(func(yield func(spot, error) bool) {
		for _, at := range astray {
			if !yield(at, nil) {
				return
			}
		}
	}, rest)
}

func scanOrder(tx store.Tx, r store.Range) iter.Seq2[spot, error] {
	return func(yield func(spot, error) bool) {
		for rec, err := range tx.Scan(order, r) {
			var at spot
			if err == nil {
				at, err = newSpot(rec.Key)
			}
			if !yield(at, err) || err != nil {
				return
			}
		}
	}
}

func failing(err error) iter.Seq2[spot, error] {
	return func(yield func(spot, error) bool) { yield(spot{}, err) }
}

// merge yields what two sequences have, in their common order.
func merge(a, b iter.Seq2[spot, error]) iter.Seq2[spot, error] {
	return func(yield func(spot, error) bool) {
		next, stop := iter.Pull2(b)
		defer stop()
		other, failed, more := next()
		for at, err := range a {
			for more && (failed != nil || err == nil && other.before(at)) {
				if !yield(other, failed) {
					return
				}
				other, failed, more = next()
			}
			if !yield(at, err) {
				return
			}
		}
		for more {
			if !yield(other, failed) {
				return
			}
			other, failed, more = next()
		}
	}
}

// ordering is how far the order is made of what was stored without one.
type ordering struct {
	// Cleared says that nothing is left of an earlier order, but for what was written since.
	Cleared bool `json:"cleared,omitempty"`
	// After is the last entry that was put into the order and counted; Done says that there are no more.
	After string `json:"after,omitempty"`
	Done  bool   `json:"done,omitempty"`
}

// orderings has one record.
const (
	orderings   = store.Table[ordering]("sessions.ordering")
	theOrdering = "order"
)

// has reports whether a session is counted, if there is one.
func (o ordering) has(key Key) bool { return o.Done || string(key) <= o.After }

func howOrdered(tx store.Tx) (ordering, error) {
	o, err := orderings.Get(tx, theOrdering)
	if store.Damaged(err) || wit.CodeOf(err) == wit.CodeNotFound {
		return ordering{}, nil
	}
	return o, err
}

// orderBatch is how many records one transaction of Arrange reads.
const orderBatch = 500

// Arrange makes the order of what was stored without one, in small transactions. It is called once at start, and goes
// on where a crash left it; until it is done lists are made by reading all entries.
func (s *Service) Arrange(ctx context.Context) error {
	done := false
	if err := s.store.View(ctx, func(tx store.Tx) error {
		o, err := howOrdered(tx)
		done = o.Done
		return err
	}); err != nil {
		return err
	}
	for !done {
		if err := s.store.Update(ctx, func(tx store.Tx) (err error) {
			done, err = s.arrange(tx, orderBatch)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// arrange is one step of Arrange: it reads about so many records.
func (s *Service) arrange(tx store.Tx, batch int) (done bool, err error) {
	o, err := howOrdered(tx)
	if err != nil || o.Done {
		return o.Done, err
	}
	if !o.Cleared {
		if more, err := clearOrder(tx, batch); err != nil || more {
			return false, err
		}
		o.Cleared = true
	}
	read := 0
	r := store.Range{Limit: batch}
	if o.After != "" {
		r.From = o.After + "\x00"
	}
	for row, err := range entries.Scan(tx, r) {
		read++
		o.After = row.Key
		if s.skips.Skip(err) {
			continue
		}
		if err == nil {
			err = enter(tx, row.Value)
		}
		if err != nil {
			return false, err
		}
	}
	o.Done = read < batch
	return o.Done, orderings.Put(tx, theOrdering, o)
}

// enter puts an entry into the order and counts it.
func enter(tx store.Tx, e Entry) error {
	if err := tx.Put(order, e.place(), nil); err != nil {
		return err
	}
	if e.Label != "" {
		if err := labels.Put(tx, e.Label, e.Key); err != nil {
			return err
		}
	}
	return count(tx, e.place(), e.Key, 1)
}

// clearOrder deletes some of what an earlier order has left, and reports whether there may be more.
func clearOrder(tx store.Tx, batch int) (more bool, err error) {
	for _, space := range []string{order, string(counts), string(labels)} {
		var keys []string
		for rec, err := range tx.Scan(space, store.Range{Limit: batch}) {
			if err != nil {
				return false, err
			}
			keys = append(keys, rec.Key)
		}
		for _, key := range keys {
			if err := tx.Delete(space, key); err != nil {
				return false, err
			}
		}
		if len(keys) == batch {
			return true, nil
		}
	}
	return false, nil
}

// check compares the order with the entries, and has it made anew where they disagree.
func (s *Service) check(ctx context.Context) service.Check {
	c := service.Check{Name: "sessions", OK: true}
	wrong, total, err := s.misplaced(ctx)
	switch {
	case err != nil:
		c.OK, c.Message = false, err.Error()
		return c
	case wrong == 0:
		c.Message = service.Count(total, "session") + ", each in its place"
		return c
	}
	err = s.store.Update(ctx, func(tx store.Tx) error { return orderings.Delete(tx, theOrdering) })
	if err == nil {
		err = s.Arrange(ctx)
	}
	c.Warning, c.Message = true, fmt.Sprintf("not in their places: %d of %s; the order has been made anew", wrong, service.Count(total, "session"))
	if err != nil {
		c.OK, c.Warning, c.Message = false, false, "their order is wrong and cannot be made anew: "+err.Error()
	}
	return c
}

// misplaced counts the entries that are not in their places, and the records of places, labels and numbers that are
// of no entry. While the order is being made it counts nothing.
func (s *Service) misplaced(ctx context.Context) (wrong, total int, err error) {
	err = s.store.View(ctx, func(tx store.Tx) error {
		o, err := howOrdered(tx)
		if err != nil {
			return err
		}
		held, right := map[string]int{}, map[string]bool{} // by what counts has, and by label
		for row, err := range entries.Scan(tx, store.Range{}) {
			if s.skips.Skip(err) {
				continue
			}
			if err != nil {
				return err
			}
			e := row.Value.stored()
			total++
			held[counted(e.at, e.Key)]++
			if e.Label != "" {
				right[e.Label] = true
			}
			if _, err := tx.Get(order, e.at); wit.CodeOf(err) == wit.CodeNotFound {
				wrong++
			} else if err != nil {
				return err
			}
		}
		more, err := surplus(tx, total-wrong, held, right)
		wrong += more
		if !o.Done {
			wrong = 0
		}
		return err
	})
	return wrong, total, err
}

// surplus counts the places beyond those that are right, and the numbers and labels that are wrong.
func surplus(tx store.Tx, right int, held map[string]int, labelled map[string]bool) (wrong int, err error) {
	for _, err := range tx.Scan(order, store.Range{}) {
		if err != nil {
			return 0, err
		}
		right--
	}
	wrong = -right
	for row, err := range counts.Scan(tx, store.Range{}) {
		if err != nil && !store.Damaged(err) {
			return 0, err
		}
		if err != nil || row.Value != held[row.Key] {
			wrong++
		}
		delete(held, row.Key)
	}
	for row, err := range labels.Scan(tx, store.Range{}) {
		if err != nil && !store.Damaged(err) {
			return 0, err
		}
		if err != nil || !labelled[row.Key] {
			wrong++
		}
		delete(labelled, row.Key)
	}
	return wrong + len(held) + len(labelled), nil
}
