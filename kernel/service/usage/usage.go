// Package usage counts what the models are asked for and what that costs, by day, session, provider and model, and keeps
// runs from going over the owner's limits.
//
// What an answer has cost is written in the transaction that appends the answer, so that after a crash both are there or
// neither is. Prices are the owner's, in US dollars for a million tokens; what has none is counted without a cost, and marked.
// Days are those of the owner's time zone. They are kept for 400 days. Everything is safe for concurrent use.
package usage

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Price is what a million tokens cost, in US dollars.
type Price struct{ Input, Output, CacheRead, CacheWrite float64 }

// Tariff is what a model costs.
type Tariff struct {
	Price
	// Over is how many tokens a request may read before all of its tokens cost what Long says; 0 is without an end.
	Over uint64
	Long Price
}

// of is the price of a request.
func (t Tariff) of(u wit.Usage) Price {
	if t.Over > 0 && u.Input+u.CacheRead+u.CacheWrite > t.Over {
		return t.Long
	}
	return t.Price
}

// Limits are what may be spent; 0 is no limit.
type Limits struct {
	// Day and Month are in US dollars.
	Day, Month float64
	// DayTokens and MonthTokens count all tokens, also those without a price.
	DayTokens, MonthTokens uint64
}

// Settings is what the owner says.
type Settings struct {
	// Prices are by provider/model, or by provider/* for all other models of a provider.
	Prices map[string]Price
	Limits Limits
	// Listed are the prices that providers come with, for what the owner says nothing of; nil are none.
	Listed func(provider, model string) (Tariff, bool)
}

// Tariff is that of a model, and whether there is one.
func (s Settings) Tariff(provider, model string) (Tariff, bool) {
	for _, name := range []string{provider + "/" + model, provider + "/*"} {
		if p, ok := s.Prices[name]; ok {
			return Tariff{Price: p}, true
		}
	}
	if s.Listed == nil {
		return Tariff{}, false
	}
	return s.Listed(provider, model)
}

// Totals are tokens and what they cost, in US dollars.
type Totals struct {
	// Input are the tokens that were read, but for those from a cache.
	Input       uint64 `json:"input"`
	Output      uint64 `json:"output"`
	CacheRead   uint64 `json:"cacheRead"`
	CacheWrite  uint64 `json:"cacheWrite"`
	TotalTokens uint64 `json:"totalTokens"`
	// TotalCost is in US dollars, and the other costs are its parts.
	TotalCost      float64 `json:"totalCost"`
	InputCost      float64 `json:"inputCost"`
	OutputCost     float64 `json:"outputCost"`
	CacheReadCost  float64 `json:"cacheReadCost"`
	CacheWriteCost float64 `json:"cacheWriteCost"`
	// MissingCostEntries are answers that no price is known for.
	MissingCostEntries int64 `json:"missingCostEntries"`
}

func (t *Totals) add(o Totals) {
	t.Input, t.Output, t.CacheRead, t.CacheWrite = t.Input+o.Input, t.Output+o.Output, t.CacheRead+o.CacheRead, t.CacheWrite+o.CacheWrite
	t.TotalTokens, t.TotalCost = t.TotalTokens+o.TotalTokens, t.TotalCost+o.TotalCost
	t.InputCost, t.OutputCost = t.InputCost+o.InputCost, t.OutputCost+o.OutputCost
	t.CacheReadCost, t.CacheWriteCost = t.CacheReadCost+o.CacheReadCost, t.CacheWriteCost+o.CacheWriteCost
	t.MissingCostEntries += o.MissingCostEntries
}

// cost is what tokens cost. What was asked by a name that has no price, such as one that ends in -latest, costs what the model
// does that has answered.
func (s Settings) cost(provider, model string, u wit.Usage) Totals {
	t := Totals{Input: u.Input, Output: u.Output, CacheRead: u.CacheRead, CacheWrite: u.CacheWrite}
	t.TotalTokens = u.Input + u.Output + u.CacheRead + u.CacheWrite
	tariff, known := s.Tariff(provider, model)
	if !known && u.Model != "" {
		tariff, known = s.Tariff(provider, u.Model)
	}
	if !known {
		t.MissingCostEntries = 1
		return t
	}
	p := tariff.of(u)
	const million = 1e6
	t.InputCost, t.OutputCost = float64(u.Input)*p.Input/million, float64(u.Output)*p.Output/million
	t.CacheReadCost, t.CacheWriteCost = float64(u.CacheRead)*p.CacheRead/million, float64(u.CacheWrite)*p.CacheWrite/million
	t.TotalCost = t.InputCost + t.OutputCost + t.CacheReadCost + t.CacheWriteCost
	return t
}

// Counted is an answer of a model. Session is empty for one that is of none, such as vectors.
type Counted struct {
	Session, Agent, Channel string
	Provider, Model         string
	Usage                   wit.Usage
	// Calls are how many tools it asks for.
	Calls int
}

// line is what a session has used of a model on a day.
type line struct {
	Session  string `json:"session"`
	Agent    string `json:"agent,omitempty"`
	Channel  string `json:"channel,omitempty"`
	Provider string `json:"provider"`
	Model    string `json:"model"`
	Answers  int64  `json:"answers"`
	Calls    int64  `json:"calls,omitempty"`
	First    int64  `json:"first"`
	Last     int64  `json:"last"`
	Totals
}

const (
	lines = store.Table[line]("usage")       // by day, session and model
	days  = store.Table[Totals]("usage.day") // by day
)

// Bounds of what is kept.
const (
	keepDays   = 400
	pruneBatch = 8
	dayFormat  = "2006-01-02"
)

// Deps is what the service stands on.
type Deps struct {
	Store store.Store
	// Settings are asked for each time.
	Settings func() Settings
	// Session is a session's key as it is kept, by how a client writes it; with no key, it says whether there is an agent.
	Session func(key, agent string) (string, error)
	// History returns the newest messages of a session's present history, in order, at most limit, of each at most so many bytes of
	// text. Errors: CodeNotFound without the session.
	History func(ctx context.Context, key string, limit, text int) ([]Said, error)
	// Zone is the owner's.
	Zone *time.Location
}

// Service counts.
type Service struct {
	Deps
	pruned  atomic.Pointer[string] // the day on which nothing was left to prune
	aliases aliases
	kept    reservations
}

// aliases remembers which models have answered for names that stand for others. The zero value is ready. It is safe for concurrent
// use.
type aliases struct {
	mu     sync.Mutex
	models map[string]string // by provider/name
}

// maxAliases bounds the names that are remembered; what is not is asked for without a price.
const maxAliases = 1000

// note remembers that a model has answered for a name.
func (a *aliases) note(provider, name, model string) {
	if model == "" {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.models == nil {
		a.models = map[string]string{}
	}
	key := provider + "/" + name
	if _, known := a.models[key]; known || len(a.models) < maxAliases {
		a.models[key] = model
	}
}

// of returns the model that has answered for a name last, "" where none has.
func (a *aliases) of(provider, name string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.models[provider+"/"+name]
}

// New returns the service.
func New(d Deps) *Service { return &Service{Deps: d} }

// Service describes the service to the kernel.
func (s *Service) Service() service.Service {
	return service.Service{Name: "usage", Methods: s.methods()}
}

func (s *Service) now() time.Time { return time.Now().In(s.Zone) }

// Count adds an answer to what was used. Errors are the store's.
func (s *Service) Count(tx store.Tx, c Counted) error {
	s.aliases.note(c.Provider, c.Model, c.Usage.Model)
	now := s.now()
	day, cost := now.Format(dayFormat), s.Settings().cost(c.Provider, c.Model, c.Usage)
	key := fmt.Sprintf("%s/%s/%s/%s", day, c.Session, c.Provider, c.Model)
	l, err := orZero(lines.Get(tx, key))
	if err != nil {
		return err
	}
	if l.First == 0 {
		l = line{Session: c.Session, Agent: c.Agent, Channel: c.Channel, Provider: c.Provider, Model: c.Model, First: now.UnixMilli()}
	}
	l.add(cost)
	l.Answers, l.Calls, l.Last = l.Answers+1, l.Calls+int64(c.Calls), now.UnixMilli()
	if err := lines.Put(tx, key, l); err != nil {
		return err
	}
	total, err := orZero(days.Get(tx, day))
	if err != nil {
		return err
	}
	total.add(cost)
	if err := days.Put(tx, day, total); err != nil {
		return err
	}
	return s.prune(tx, day, now.AddDate(0, 0, -keepDays).Format(dayFormat))
}

// orZero makes nothing of a record that is not there, or is damaged: an answer must not fail for that.
func orZero[T any](v T, err error) (T, error) {
	if wit.CodeOf(err) == wit.CodeNotFound || store.Damaged(err) {
		var zero T
		return zero, nil
	}
	return v, err
}

// prune deletes some of what is older than a day. It is called at each answer, so a few at a time are enough; once none are left
// it does nothing for the rest of today.
func (s *Service) prune(tx store.Tx, today, before string) error {
	if last := s.pruned.Load(); last != nil && *last == today {
		return nil
	}
	more := false
	for _, table := range []string{string(lines), string(days)} {
		var old []string
		for rec, err := range tx.Scan(table, store.Range{To: before, Limit: pruneBatch}) {
			if err != nil {
				return err
			}
			old = append(old, rec.Key)
		}
		for _, key := range old {
			if err := tx.Delete(table, key); err != nil {
				return err
			}
		}
		more = more || len(old) == pruneBatch
	}
	if !more {
		s.pruned.Store(&today)
	}
	return nil
}
