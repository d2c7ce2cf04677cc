package cron

import (
	"cmp"
	"container/heap"
	"context"
	"encoding/json"
	"hash/fnv"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/kernel/schedule"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// cardsKept is how long the cards stay that nobody has asked for.
const cardsKept = 5 * time.Minute

// card is what a list is filtered and sorted by, and jobs are found by: so much of a job as is looked into for each page, in
// memory.
type card struct {
	id, agent             string
	name, text            string // in small letters; text is all that a query looks into
	kind, status          string
	declared              string // by whoever has declared the job
	enabled               bool
	due, created, updated int64
	sum                   uint64 // of what changes with the job, but not with its runs
}

func newCard(j schedule.Job) *card {
	var d details
	_ = json.Unmarshal(j.Payload, &d) // a damaged job is still listed, so that it can be removed
	c := &card{
		id: j.ID, agent: d.AgentID, declared: d.DeclarationKey, name: strings.ToLower(j.Name), kind: viewSchedule(j.Spec, 4).Kind,
		status: cmp.Or(string(j.State.LastStatus), "unknown"), enabled: j.Enabled,
		due: cmp.Or(j.State.NextRunAt, math.MaxInt64), created: j.CreatedAt, updated: j.UpdatedAt,
	}
	c.text = strings.ToLower(strings.Join([]string{j.ID, j.Name, d.Description, d.Text}, "\x00"))
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(c.id + "\x00" + strconv.FormatInt(c.updated, 36))) // it takes everything
	c.sum = sum.Sum64()
	return c
}

// cards has the card of each job while lists are asked for that need them. The first one reads all jobs; after that those are
// read that were touched. It is safe for concurrent use; the zero value is ready.
type cards struct {
	reading sync.Mutex // guards list and at
	list    []*card    // none changes, so that those who have one go on with it
	at      map[string]int

	mu    sync.Mutex // guards what follows, for a moment at a time
	on    bool       // touches are noted
	fresh map[string]bool
	idle  *time.Timer
}

// touched notes that a job has changed, or is gone.
func (c *cards) touched(_ schedule.Owner, id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.on {
		c.fresh[id] = true
	}
}

// each shows the cards as they are now, in no order. show must not call the scheduler.
func (c *cards) each(ctx context.Context, s *schedule.Scheduler, show func(*card)) error {
	c.reading.Lock()
	defer c.reading.Unlock()
	if err := c.read(ctx, s); err != nil {
		c.forget()
		return err
	}
	for _, card := range c.list {
		show(card)
	}
	return nil
}

// read brings the cards up to date. What is touched meanwhile is noted before it is read.
func (c *cards) read(ctx context.Context, s *schedule.Scheduler) error {
	ids, known := c.take()
	if !known || len(ids) > len(c.list)/4+100 {
		all, err := s.List(ctx, owner)
		if err != nil {
			return err
		}
		c.list, c.at = make([]*card, 0, len(all)), make(map[string]int, len(all))
		for _, j := range all {
			c.put(newCard(j))
		}
		return nil
	}
	for id := range ids {
		j, err := s.Get(ctx, owner, id)
		switch {
		case err == nil:
			c.put(newCard(j))
		case wit.CodeOf(err) == wit.CodeNotFound || store.Damaged(err):
			c.remove(id)
		default:
			return err
		}
	}
	return nil
}

func (c *cards) put(fresh *card) {
	if i, ok := c.at[fresh.id]; ok {
		c.list[i] = fresh
		return
	}
	c.at[fresh.id] = len(c.list)
	c.list = append(c.list, fresh)
}

// remove puts the last one in its place.
func (c *cards) remove(id string) {
	i, ok := c.at[id]
	if !ok {
		return
	}
	last := len(c.list) - 1
	c.list[i] = c.list[last]
	c.at[c.list[i].id] = i
	delete(c.at, id)
	c.list[last] = nil
	c.list = c.list[:last]
}

// take returns the jobs that were touched since the last time, if that is known, and begins to note them.
func (c *cards) take() (ids map[string]bool, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ids, known = c.fresh, c.on
	c.on, c.fresh = true, map[string]bool{}
	if c.idle != nil {
		c.idle.Stop()
	}
	c.idle = time.AfterFunc(cardsKept, c.drop)
	return ids, known
}

// drop gives the memory back.
func (c *cards) drop() {
	c.reading.Lock()
	defer c.reading.Unlock()
	c.forget()
}

// forget is drop for who reads.
func (c *cards) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.on, c.fresh, c.list, c.at = false, nil, nil, nil
}

// selection gathers what a list selects: how many they are, and the first ones of them, so many as are needed.
type selection struct {
	ListParams
	most  int
	total int
	sum   uint64
	query string  // in small letters
	first []*card // a heap whose root is the last
}

func newSelection(p ListParams, most int) *selection {
	return &selection{ListParams: p, most: most, query: strings.ToLower(strings.TrimSpace(p.Query))}
}

// selects reports whether the list has a job, but for its agent.
func (l *selection) selects(c *card) bool {
	switch which := l.which(); {
	case which != schedule.Either && c.enabled != (which == schedule.Enabled),
		l.Trigger == "conditional",
		!passes(l.ScheduleKind, c.kind),
		!passes(l.LastRunStatus, c.status):
		return false
	}
	return strings.Contains(c.text, l.query)
}

// add counts a job, and keeps it while it is among the first.
func (l *selection) add(c *card) {
	l.total++
	l.sum += c.sum
	if l.SortBy != "name" && l.SortBy != "updatedAtMs" {
		l.sum += c.sum ^ uint64(c.due) // a run moves the job in this order
	}
	switch {
	case len(l.first) < l.most:
		heap.Push(l, c)
	case l.most > 0 && l.order(c, l.first[0]) < 0:
		l.first[0] = c
		heap.Fix(l, 0)
	}
}

// sorted are the first ones, in order.
func (l *selection) sorted() []*card {
	slices.SortFunc(l.first, l.order)
	return l.first
}

// revision changes when one of the jobs comes, goes, changes or moves in the list.
func (l *selection) revision() string {
	return strconv.FormatUint(l.sum+uint64(l.total), 36)
}

// order puts jobs that are not due any more last, whichever the direction.
func (p ListParams) order(a, b *card) int {
	var c int
	switch p.SortBy {
	case "name":
		c = strings.Compare(a.name, b.name)
	case "updatedAtMs":
		c = cmp.Compare(a.updated, b.updated)
	default:
		c = cmp.Compare(a.due, b.due)
		if (a.due == math.MaxInt64) != (b.due == math.MaxInt64) {
			return c
		}
	}
	if p.SortDir == "desc" {
		c = -c
	}
	return cmp.Or(c, cmp.Compare(a.created, b.created), strings.Compare(a.id, b.id))
}

// Len, Less, Swap, Push and Pop implement heap.Interface.
func (l *selection) Len() int           { return len(l.first) }
func (l *selection) Less(i, j int) bool { return l.order(l.first[i], l.first[j]) > 0 }
func (l *selection) Swap(i, j int)      { l.first[i], l.first[j] = l.first[j], l.first[i] }
func (l *selection) Push(c any)         { l.first = append(l.first, c.(*card)) }

func (l *selection) Pop() any {
	last := len(l.first) - 1
	c := l.first[last]
	l.first = l.first[:last]
	return c
}
