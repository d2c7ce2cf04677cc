package usage

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Question is what a model is about to be asked: roughly how many tokens it reads, and how many its answer may have, 0 for any number.
type Question struct {
	Provider, Model string
	Tokens          uint64
	MaxTokens       uint32
}

// Permit lets a model be asked. MaxTokens is how long the answer may become, 0 for any length. Release gives back what was kept for it,
// once it is counted or there is none; more than one call does nothing.
type Permit struct {
	MaxTokens uint32
	Release   func()
}

// An answer is kept room for as if it became fullAnswer tokens long, and is bounded only where there is less. Of what little is
// left each of several questions at a time gets half, until that is less than a usualAnswer.
const (
	fullAnswer  = 64_000
	usualAnswer = 4_000
)

// Allow lets a question be asked within the limits, and keeps room for its answer, so that what is asked meanwhile does not spend it
// too. Where little is left, the answer is bounded by it. It refuses a question for which a limit leaves no room. Errors:
// CodeRateLimited with when the limit begins anew; the store's.
func (s *Service) Allow(ctx context.Context, q Question) (Permit, error) {
	free := Permit{q.MaxTokens, func() {}}
	set := s.Settings()
	if set.Limits == (Limits{}) {
		return free, nil
	}
	// Nothing is given back between the look at what was spent and that at what is kept, or an answer would be in neither.
	s.kept.mu.Lock()
	defer s.kept.mu.Unlock()
	spent, err := s.spent(ctx)
	if err != nil {
		return free, err
	}
	alias := s.aliases.of(q.Provider, q.Model)
	next := set.cost(q.Provider, q.Model, wit.Usage{Input: q.Tokens, Model: alias})
	each := set.cost(q.Provider, q.Model, wit.Usage{Output: 1_000_000, Model: alias}).TotalCost / 1_000_000
	room := uint64(fullAnswer)
	if q.MaxTokens > 0 {
		room = min(room, uint64(q.MaxTokens))
	}
	wanted := room
	for _, w := range spent {
		w.TotalCost, w.TotalTokens = w.TotalCost+s.kept.cost, w.TotalTokens+s.kept.tokens
		if why := w.exceeded(next); why != "" {
			return free, wit.ErrorAfter(wit.CodeRateLimited, time.Until(w.Reset), "%s: raise usage.limits.%s, or wait until the %s is over", why, w.setting(), w.Period)
		}
		room = min(room, shared(w.left(next, each), wanted))
	}
	p := Permit{q.MaxTokens, s.kept.add(next.TotalCost+float64(room)*each, next.TotalTokens+room)}
	if room < wanted {
		p.MaxTokens = uint32(max(room, 1))
	}
	return p, nil
}

// shared is what one answer gets of what is left: all that it wants, or half, if that is enough for a usual one.
func shared(left, wanted uint64) uint64 {
	if left/2 >= min(wanted, usualAnswer) {
		left /= 2
	}
	return min(left, wanted)
}

// reservations are what is kept for answers that are not counted yet. The zero value is ready. It is safe for concurrent use.
type reservations struct {
	mu     sync.Mutex
	n      int
	cost   float64
	tokens uint64
}

// add keeps something; release gives it back. The caller of add holds mu, that of release does not.
func (r *reservations) add(cost float64, tokens uint64) (release func()) {
	r.n, r.cost, r.tokens = r.n+1, r.cost+cost, r.tokens+tokens
	return sync.OnceFunc(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.n, r.cost, r.tokens = r.n-1, r.cost-cost, r.tokens-tokens
		if r.n == 0 {
			r.cost = 0 // what rounding has left
		}
	})
}

// window is a period that has limits, and what was spent in it.
type window struct {
	Period string // day or month
	Reset  time.Time
	Totals
	limit  float64
	tokens uint64
}

// setting is the one of the limits that is meant by what was spent.
func (w window) setting() string {
	if w.limit == 0 {
		return w.Period + "Tokens"
	}
	return w.Period
}

// exceeded says why there is no room for what comes next; empty where there is.
func (w window) exceeded(next Totals) string {
	switch {
	case w.limit > 0 && (w.TotalCost >= w.limit || w.TotalCost+next.TotalCost > w.limit):
		return fmt.Sprintf("the limit of $%.2f a %s leaves no room: $%.2f is spent", w.limit, w.Period, w.TotalCost)
	case w.tokens > 0 && (w.TotalTokens >= w.tokens || w.TotalTokens+next.TotalTokens > w.tokens):
		return fmt.Sprintf("the limit of %d tokens a %s leaves no room: %d are used", w.tokens, w.Period, w.TotalTokens)
	}
	return ""
}

// left is how many tokens an answer may have behind a question, each of which costs so much.
func (w window) left(question Totals, each float64) uint64 {
	left := uint64(math.MaxUint64)
	if w.limit > 0 && each > 0 {
		left = uint64(max(0, w.limit-w.TotalCost-question.TotalCost) / each)
	}
	if w.tokens > 0 {
		left = min(left, w.tokens-min(w.tokens, w.TotalTokens+question.TotalTokens))
	}
	return left
}

// spent is what was spent in this day and in this month.
func (s *Service) spent(ctx context.Context) ([]window, error) {
	now, limits := s.now(), s.Settings().Limits
	year, month, date := now.Date()
	list := []window{
		{Period: "day", Reset: time.Date(year, month, date+1, 0, 0, 0, 0, s.Zone), limit: limits.Day, tokens: limits.DayTokens},
		{Period: "month", Reset: time.Date(year, month+1, 1, 0, 0, 0, 0, s.Zone), limit: limits.Month, tokens: limits.MonthTokens},
	}
	err := s.Store.View(ctx, func(tx store.Tx) error {
		list[0].Totals, list[1].Totals = Totals{}, Totals{}
		for row, err := range days.Scan(tx, store.Range{Prefix: now.Format("2006-01-")}) {
			if err != nil && !store.Damaged(err) {
				return err
			}
			list[1].add(row.Value)
			if row.Key == now.Format(dayFormat) {
				list[0].add(row.Value)
			}
		}
		return nil
	})
	return list, err
}
