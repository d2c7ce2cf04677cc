package usage

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// methods lists the rows of the method table.
func (s *Service) methods() []rpc.Method {
	return []rpc.Method{
		rpc.New("usage.status", wire.ScopeRead, s.status).Doc("Says what was spent in this day and month, and which limits there are."),
		rpc.New("usage.cost", wire.ScopeRead, s.cost).Doc("Says what was used and spent on each day."),
		rpc.New("usage.monthly", wire.ScopeRead, s.monthly).Doc("Says what was used and spent in each month, of the days that are kept: the last 400."),
		rpc.New("sessions.usage.timeseries", wire.ScopeRead, s.timeseries).Fails(wire.NotFound).
			Doc("Says what each answer of a session's present history has used and spent."),
		rpc.New("sessions.usage.logs", wire.ScopeRead, s.logs).Fails(wire.NotFound).
			Doc("Returns the messages of a session's present history with what they have used."),
		rpc.New("sessions.usage", wire.ScopeRead, s.sessions).Doc("Says what each session has used and spent, and each model, provider, agent and channel."),
	}
}

// StatusResult is what was spent.
type StatusResult struct {
	// UpdatedAt is now, in Unix milliseconds.
	UpdatedAt int64 `json:"updatedAt"`
	// Providers are those that tell how much of a subscription is used; none of them does here.
	Providers []ProviderQuota `json:"providers"`
	Windows   []Window        `json:"windows"`
}

// ProviderQuota is how much of a provider's subscription is used.
type ProviderQuota struct {
	Provider string `json:"provider"`
}

// Window is a period, and what was spent in it.
type Window struct {
	// Period is day or month.
	Period string `json:"period"`
	// ResetAt is when it ends, in Unix milliseconds.
	ResetAt int64 `json:"resetAt"`
	// LimitCost is in US dollars; there is no limit where it, or LimitTokens, is left out.
	LimitCost   float64 `json:"limitCost,omitempty"`
	LimitTokens uint64  `json:"limitTokens,omitempty"`
	Totals
}

func (s *Service) status(ctx context.Context, _ rpc.None) (StatusResult, error) {
	r := StatusResult{UpdatedAt: time.Now().UnixMilli(), Providers: []ProviderQuota{}, Windows: []Window{}}
	spent, err := s.spent(ctx)
	for _, w := range spent {
		r.Windows = append(r.Windows, Window{Period: w.Period, ResetAt: w.Reset.UnixMilli(), LimitCost: w.limit, LimitTokens: w.tokens, Totals: w.Totals})
	}
	return r, err
}

// Span is which days are meant, in the owner's time zone: the last ones up to today, or those from a day to another one.
type Span struct {
	Days int `json:"days,omitempty" rpc:"min=1,max=400"`
	// StartDate and EndDate are such as 2026-11-29, and included.
	StartDate string `json:"startDate,omitempty" rpc:"len=10"`
	EndDate   string `json:"endDate,omitempty" rpc:"len=10"`
	// Range is a number of days up to today; all is all that is kept.
	Range string `json:"range,omitempty" rpc:"enum=7d|30d|90d|1y|all"`
	// Mode, UTCOffset and TimeZone are accepted: days are the owner's.
	Mode      string `json:"mode,omitempty" rpc:"enum=utc|gateway|specific"`
	UTCOffset string `json:"utcOffset,omitempty" rpc:"max=12"`
	TimeZone  string `json:"timeZone,omitempty" rpc:"max=64"`
}

// defaultDays are meant where nothing is said.
const defaultDays = 30

// dates reads which days are meant. Errors: CodeInvalid.
func (s *Service) dates(p Span) (from, to string, err error) {
	for _, day := range []string{p.StartDate, p.EndDate} {
		if _, bad := time.Parse(dayFormat, day); day != "" && bad != nil {
			return "", "", wit.Errorf(wit.CodeInvalid, "%.20q is not a day such as 2026-11-29", day)
		}
	}
	now := s.now()
	count := cmp.Or(p.Days, map[string]int{"7d": 7, "30d": 30, "90d": 90, "1y": 365, "all": keepDays}[p.Range], defaultDays)
	from, to = cmp.Or(p.StartDate, now.AddDate(0, 0, 1-count).Format(dayFormat)), cmp.Or(p.EndDate, now.Format(dayFormat))
	if from > to {
		return "", "", wit.Errorf(wit.CodeInvalid, "the days from %s to %s are none: the end comes first", from, to)
	}
	return from, to, nil
}

// CostParams say which days are meant, the last 30 when nothing is said.
type CostParams struct {
	Span
	// AgentID is whose days are meant, those of all agents when left out. AgentScope is accepted.
	AgentID    string `json:"agentId,omitempty" rpc:"max=64"`
	AgentScope string `json:"agentScope,omitempty" rpc:"max=16"`
}

// CostResult is what was used on each day.
type CostResult struct {
	// UpdatedAt is now, in Unix milliseconds.
	UpdatedAt int64 `json:"updatedAt"`
	Days      int   `json:"days"`
	// Daily are the days with something, the first one first.
	Daily  []Day  `json:"daily"`
	Totals Totals `json:"totals"`
}

// Day is what was used on a day.
type Day struct {
	// Date is such as 2026-11-29.
	Date string `json:"date"`
	Totals
}

func (s *Service) cost(ctx context.Context, p CostParams) (CostResult, error) {
	r := CostResult{UpdatedAt: time.Now().UnixMilli()}
	if _, err := s.Session("", p.AgentID); err != nil {
		return r, err
	}
	from, to, err := s.dates(p.Span)
	if err != nil {
		return r, err
	}
	first, _ := time.Parse(dayFormat, from) // dates has read both
	last, _ := time.Parse(dayFormat, to)
	r.Days = 1 + int(last.Sub(first).Hours())/24
	r.Daily, err = s.days(ctx, p.AgentID, from, to)
	for _, d := range r.Daily {
		r.Totals.add(d.Totals)
	}
	return r, err
}

// days are the days with something, of an agent, or of all where none is named.
func (s *Service) days(ctx context.Context, agent, from, to string) (list []Day, err error) {
	err = s.Store.View(ctx, func(tx store.Tx) (err error) {
		if agent != "" {
			list, err = daysOf(tx, agent, from, to)
		} else {
			list, err = allDays(tx, from, to)
		}
		return err
	})
	return list, err
}

// allDays are the days with something, of all agents.
func allDays(tx store.Tx, from, to string) ([]Day, error) {
	list := []Day{}
	for row, err := range days.Scan(tx, store.Range{From: from, To: to + "~"}) {
		if err != nil && !store.Damaged(err) {
			return nil, err
		}
		list = append(list, Day{row.Key, row.Value})
	}
	return list, nil
}

// daysOf are the days with something of an agent, for which what each session has used is put together.
func daysOf(tx store.Tx, agent, from, to string) ([]Day, error) {
	list := []Day{}
	for row, err := range lines.Scan(tx, store.Range{From: from, To: to + "~"}) {
		if err != nil && !store.Damaged(err) {
			return nil, err
		}
		if row.Value.Agent != agent {
			continue
		}
		day, _, _ := strings.Cut(row.Key, "/")
		if n := len(list); n == 0 || list[n-1].Date != day {
			list = append(list, Day{Date: day})
		}
		list[len(list)-1].Totals.add(row.Value.Totals)
	}
	return list, nil
}

// SessionsParams say which days and sessions are meant: the last 30 days, and all sessions, when nothing is said.
type SessionsParams struct {
	Span
	// Key is one session, as sessions.list names it.
	Key        string `json:"key,omitempty" rpc:"min=1,max=512"`
	AgentID    string `json:"agentId,omitempty" rpc:"min=1,max=64"`
	AgentScope string `json:"agentScope,omitempty" rpc:"enum=all"`
	// Limit bounds the sessions, those first that have cost the most; 50 when left out. The aggregates are of all.
	Limit int `json:"limit,omitempty" rpc:"min=1,max=1000"`
	// GroupBy, IncludeHistorical and IncludeContextWeight are accepted: a session is one row, with all its histories.
	GroupBy              string `json:"groupBy,omitempty" rpc:"enum=instance|family"`
	IncludeHistorical    bool   `json:"includeHistorical,omitempty"`
	IncludeContextWeight bool   `json:"includeContextWeight,omitempty"`
}

// SessionsResult is what sessions have used.
type SessionsResult struct {
	// UpdatedAt is now, in Unix milliseconds.
	UpdatedAt  int64        `json:"updatedAt"`
	StartDate  string       `json:"startDate"`
	EndDate    string       `json:"endDate"`
	Sessions   []SessionRow `json:"sessions"`
	Totals     Totals       `json:"totals"`
	Aggregates Aggregates   `json:"aggregates"`
}

// SessionRow is a session and what it has used.
type SessionRow struct {
	Key     string `json:"key"`
	AgentID string `json:"agentId,omitempty"`
	Channel string `json:"channel,omitempty"`
	// UpdatedAt is when it last had an answer, in Unix milliseconds.
	UpdatedAt     int64        `json:"updatedAt"`
	ModelProvider string       `json:"modelProvider,omitempty"`
	Model         string       `json:"model,omitempty"`
	Usage         SessionUsage `json:"usage"`
}

// SessionUsage is what a session has used.
type SessionUsage struct {
	Totals
	// FirstActivity and LastActivity are in Unix milliseconds.
	FirstActivity int64    `json:"firstActivity"`
	LastActivity  int64    `json:"lastActivity"`
	ActivityDates []string `json:"activityDates"`
	// DailyBreakdown has each day with something, the first one first.
	DailyBreakdown []DayUse   `json:"dailyBreakdown"`
	ModelUsage     []ModelUse `json:"modelUsage"`
	MessageCounts  Messages   `json:"messageCounts"`
}

// DayUse is a day in short.
type DayUse struct {
	Date   string  `json:"date"`
	Tokens uint64  `json:"tokens"`
	Cost   float64 `json:"cost"`
	// Messages are the models' answers, ToolCalls what they have asked tools for.
	Messages  int64 `json:"messages"`
	ToolCalls int64 `json:"toolCalls"`
	Errors    int64 `json:"errors"`
}

// ModelUse is a model, or a provider, and what was used of it.
type ModelUse struct {
	Provider string `json:"provider,omitempty"`
	Model    string `json:"model,omitempty"`
	// Count are its answers.
	Count  int64  `json:"count"`
	Totals Totals `json:"totals"`
}

// Messages counts what was said by models; what people said is not counted.
type Messages struct {
	Total       int64 `json:"total"`
	User        int64 `json:"user"`
	Assistant   int64 `json:"assistant"`
	ToolCalls   int64 `json:"toolCalls"`
	ToolResults int64 `json:"toolResults"`
	Errors      int64 `json:"errors"`
}

// Aggregates put what the sessions have used together in other ways, of which the first has cost the most.
type Aggregates struct {
	Messages   Messages   `json:"messages"`
	Tools      Tools      `json:"tools"`
	ByModel    []ModelUse `json:"byModel"`
	ByProvider []ModelUse `json:"byProvider"`
	ByAgent    []AgentUse `json:"byAgent"`
	ByChannel  []ByOrigin `json:"byChannel"`
	Daily      []DayUse   `json:"daily"`
}

// Tools counts calls of tools; by which name is not counted.
type Tools struct {
	TotalCalls  int64     `json:"totalCalls"`
	UniqueTools int       `json:"uniqueTools"`
	Tools       []ToolUse `json:"tools"`
}

// ToolUse is a tool and how often it was called.
type ToolUse struct {
	Name  string `json:"name"`
	Count int64  `json:"count"`
}

// AgentUse is an agent and what it has used.
type AgentUse struct {
	AgentID string `json:"agentId"`
	Totals  Totals `json:"totals"`
}

// ByOrigin is a channel and what was used for who speaks there.
type ByOrigin struct {
	Channel string `json:"channel"`
	Totals  Totals `json:"totals"`
}

// defaultSessions are shown where nothing is said.
const defaultSessions = 50

func (s *Service) sessions(ctx context.Context, p SessionsParams) (SessionsResult, error) {
	from, to, err := s.dates(p.Span)
	r := SessionsResult{UpdatedAt: time.Now().UnixMilli(), StartDate: from, EndDate: to}
	if err != nil {
		return r, err
	}
	key, err := s.Session(p.Key, p.AgentID)
	if err != nil {
		return r, err
	}
	var sum *summary
	err = s.Store.View(ctx, func(tx store.Tx) error {
		sum = newSummary()
		for row, err := range lines.Scan(tx, store.Range{From: from, To: to + "~"}) {
			if err != nil && !store.Damaged(err) {
				return err
			}
			l := row.Value
			if l.First == 0 || p.Key != "" && l.Session != key || p.AgentID != "" && l.Agent != p.AgentID {
				continue
			}
			day, _, _ := strings.Cut(row.Key, "/")
			sum.add(day, l)
		}
		return nil
	})
	if err == nil {
		sum.into(&r, cmp.Or(p.Limit, defaultSessions))
	}
	return r, err
}

// dearest orders by cost, then by tokens.
func dearest(a, b Totals) int {
	return cmp.Or(cmp.Compare(b.TotalCost, a.TotalCost), cmp.Compare(b.TotalTokens, a.TotalTokens))
}

// sorted are the values of a table, the dearest first.
func sorted[T any](table map[string]*T, totals func(T) Totals) []T {
	list := make([]T, 0, len(table))
	for _, v := range table {
		list = append(list, *v)
	}
	slices.SortFunc(list, func(a, b T) int { return dearest(totals(a), totals(b)) })
	return list
}
