package schedule

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// The jobs of each owner by their due times, and how many there are, so that a page of a list costs the same however
// many jobs there are. What was stored before is put in order by the owner's next change, or after a start.
const (
	// order has an empty record for each job under owner NUL on|off NUL due NUL created NUL id.
	order  = "schedule.order"
	counts = store.Table[count]("schedule.count") // by owner
)

// count is how many jobs an owner has.
type count struct {
	On  int `json:"on"`
	Off int `json:"off"`
	// Revision changes when a job comes, goes, changes or moves in the order.
	Revision uint64 `json:"revision"`
}

// add counts so many more jobs of a slot, none for nil.
func (c *count) add(s *slot, by int) {
	switch {
	case s == nil:
	case s.on:
		c.On += by
	default:
		c.Off += by
	}
}

// slot is where a job stands in the order, and when it was changed.
type slot struct {
	on                    bool
	due, created, updated int64
}

func (j Job) slot() *slot {
	return &slot{j.Enabled, j.State.NextRunAt, j.CreatedAt, j.UpdatedAt}
}

// never stands for the due time of a job that is not due any more, behind all others.
const never = 999_999_999_999_999

func (s slot) key(owner Owner, id string) string {
	return fmt.Sprintf("%s%0*d\x00%0*d\x00%s", shelf(owner, s.on), dueDigits, cmp.Or(s.due, never), dueDigits, s.created, id)
}

// shelf is the beginning of the keys of an owner's jobs that are on, or off.
func shelf(owner Owner, on bool) string {
	if on {
		return key(owner, "on\x00")
	}
	return key(owner, "off\x00")
}

// rank moves a job in the order, from where it is stored to where it will be; nil is nowhere.
func rank(tx store.Tx, owner Owner, id string, from, to *slot) error {
	if from != nil && to != nil && *from == *to {
		return nil
	}
	n, err := counted(tx, owner)
	if err != nil {
		return err
	}
	if from != nil {
		if err := tx.Delete(order, from.key(owner, id)); err != nil {
			return err
		}
	}
	if to != nil {
		if err := tx.Put(order, to.key(owner, id), nil); err != nil {
			return err
		}
	}
	n.add(from, -1)
	n.add(to, 1)
	n.Revision++
	return counts.Put(tx, string(owner), n)
}

// counted is the count of an owner, whose jobs it puts in order if they are not.
func counted(tx store.Tx, owner Owner) (count, error) {
	n, err := counts.Get(tx, string(owner))
	if err == nil || wit.CodeOf(err) != wit.CodeNotFound && !store.Damaged(err) {
		return n, err
	}
	n = count{}
	if n.Revision, err = tx.Next(string(counts)); err != nil {
		return n, err
	}
	n.Revision <<= 32 // no revision of an earlier order comes again
	var old []string
	for rec, err := range tx.Scan(order, store.Range{Prefix: key(owner, "")}) {
		if err != nil {
			return n, err
		}
		old = append(old, rec.Key)
	}
	for _, k := range old {
		if err := tx.Delete(order, k); err != nil {
			return n, err
		}
	}
	for row, err := range jobs.Scan(tx, store.Range{Prefix: key(owner, "")}) {
		if store.Damaged(err) {
			continue
		}
		if err != nil {
			return n, err
		}
		s := row.Value.slot()
		n.add(s, 1)
		if err := tx.Put(order, s.key(owner, row.Value.ID), nil); err != nil {
			return n, err
		}
	}
	return n, counts.Put(tx, string(owner), n)
}

// Page is some of an owner's jobs.
type Page struct {
	// Jobs are in the order of their due times, those that are not due any more last.
	Jobs []Job
	// Total counts those that could be asked for, and Revision changes when any job of the owner comes, goes, changes
	// or moves.
	Total    int
	Revision uint64
}

// Which says of which jobs a page is.
type Which int

// Those that are enabled, those that are not, and all.
const (
	Enabled Which = iota
	Disabled
	Either
)

// shelves are the beginnings of the keys of an owner's jobs.
func (w Which) shelves(owner Owner) []string {
	switch w {
	case Enabled:
		return []string{shelf(owner, true)}
	case Disabled:
		return []string{shelf(owner, false)}
	}
	return []string{shelf(owner, true), shelf(owner, false)}
}

func (w Which) has(j Job) bool { return w == Either || j.Enabled == (w == Enabled) }

// of is how many of them there are.
func (w Which) of(n count) int {
	switch w {
	case Enabled:
		return n.On
	case Disabled:
		return n.Off
	}
	return n.On + n.Off
}

// Page returns at most limit of an owner's jobs, behind the first offset ones.
func (s *Scheduler) Page(ctx context.Context, owner Owner, which Which, offset, limit int) (p Page, err error) {
	made := false
	err = s.records.store.View(ctx, func(tx store.Tx) error {
		n, err := counts.Get(tx, string(owner))
		if wit.CodeOf(err) == wit.CodeNotFound || s.records.skips.Skip(err) {
			return nil
		}
		if err != nil {
			return err
		}
		made = true
		p.Total, p.Revision = which.of(n), n.Revision
		p.Jobs, err = s.records.ordered(tx, which.shelves(owner), offset, limit)
		return err
	})
	if err != nil || made {
		return p, err
	}
	return s.sorted(ctx, owner, which, offset, limit)
}

// ordered reads a page of the order, in which the jobs of several shelves are among one another. Damaged jobs are left out.
func (r *records) ordered(tx store.Tx, shelves []string, offset, limit int) (list []Job, err error) {
	keys, err := places(tx, shelves, offset+limit)
	if err != nil {
		return nil, err
	}
	for _, k := range keys[min(offset, len(keys)):] {
		parts := strings.Split(k, "\x00")
		owner, id := Owner(parts[0]), parts[len(parts)-1]
		j, err := get(tx, owner, id)
		if r.skips.Skip(err) || wit.CodeOf(err) == wit.CodeNotFound || err == nil && j.slot().key(owner, id) != k {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, j)
	}
	return list, nil
}

// places are the first keys of the order on these shelves.
func places(tx store.Tx, shelves []string, most int) (keys []string, err error) {
	for _, shelf := range shelves {
		for rec, err := range tx.Scan(order, store.Range{Prefix: shelf, Limit: most}) {
			if err != nil {
				return nil, err
			}
			keys = append(keys, rec.Key)
		}
	}
	if len(shelves) > 1 {
		slices.SortFunc(keys, func(a, b string) int { return strings.Compare(place(a), place(b)) })
	}
	return keys[:min(most, len(keys))], nil
}

// place is a key without its shelf.
func place(key string) string {
	_, rest, _ := strings.Cut(key, "\x00")
	_, rest, _ = strings.Cut(rest, "\x00")
	return rest
}

// sorted is Page for an owner whose jobs are not in order yet.
func (s *Scheduler) sorted(ctx context.Context, owner Owner, which Which, offset, limit int) (p Page, err error) {
	p.Jobs, err = s.records.list(ctx, store.Range{Prefix: key(owner, "")}, which.has)
	slices.SortFunc(p.Jobs, func(a, b Job) int {
		return strings.Compare(place(a.slot().key(owner, a.ID)), place(b.slot().key(owner, b.ID)))
	})
	p.Total = len(p.Jobs)
	p.Jobs = p.Jobs[min(offset, p.Total):]
	p.Jobs = p.Jobs[:min(limit, len(p.Jobs))]
	return p, err
}

// reorder puts the jobs of those owners in order whose order is not that of their jobs: there was none, or an older
// program has changed them since. It reads all jobs, once, and returns those that look wants.
func (r *records) reorder(ctx context.Context, look func(Job) bool) (found []Job, err error) {
	var wrong []Owner
	if err := r.store.View(ctx, func(tx store.Tx) (err error) {
		found = nil
		wrong, err = r.misplaced(tx, func(j Job) {
			if look(j) {
				found = append(found, j)
			}
		})
		return err
	}); err != nil {
		return nil, err
	}
	for _, owner := range wrong {
		if err := r.store.Update(ctx, func(tx store.Tx) error {
			if err := counts.Delete(tx, string(owner)); err != nil {
				return err
			}
			_, err := counted(tx, owner)
			return err
		}); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// misplaced returns the owners that have jobs beside their places, or another number of them than is stored. It shows each
// job that it reads.
func (r *records) misplaced(tx store.Tx, show func(Job)) (wrong []Owner, err error) {
	places, found, strays := map[string]bool{}, map[Owner]count{}, map[Owner]bool{}
	for rec, err := range tx.Scan(order, store.Range{}) {
		if err != nil {
			return nil, err
		}
		places[rec.Key] = true
	}
	for row, err := range jobs.Scan(tx, store.Range{}) {
		if r.skips.Skip(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		j, s := row.Value, row.Value.slot()
		show(j)
		k, n := s.key(j.Owner, j.ID), found[j.Owner]
		n.add(s, 1)
		found[j.Owner] = n
		if !places[k] {
			strays[j.Owner] = true
		}
		delete(places, k)
	}
	for k := range places {
		owner, _, _ := strings.Cut(k, "\x00")
		strays[Owner(owner)] = true
	}
	for row, err := range counts.Scan(tx, store.Range{}) {
		owner := Owner(row.Key)
		if err != nil && !store.Damaged(err) {
			return nil, err
		}
		if n := found[owner]; err != nil || strays[owner] || n.On != row.Value.On || n.Off != row.Value.Off {
			wrong = append(wrong, owner)
		}
		delete(found, owner)
	}
	return slices.AppendSeq(wrong, maps.Keys(found)), nil
}
