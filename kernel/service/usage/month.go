package usage

import (
	"cmp"
	"context"
	"time"
)

// MonthlyParams say which months are meant.
type MonthlyParams struct {
	// Months are how many up to this one, in the owner's time zone; 12 when left out.
	Months int `json:"months,omitempty" rpc:"min=1,max=120"`
	// AgentID is whose months are meant, those of all agents when left out.
	AgentID string `json:"agentId,omitempty" rpc:"max=64"`
}

// MonthlyResult is what was used in each month.
type MonthlyResult struct {
	// UpdatedAt is now, in Unix milliseconds.
	UpdatedAt int64 `json:"updatedAt"`
	Months    int   `json:"months"`
	// KeptDays are how many days are kept, and KeptSince is the first one of them. Of a month that began before, only the rest is
	// counted, and of those before nothing is.
	KeptDays  int    `json:"keptDays"`
	KeptSince string `json:"keptSince"`
	// Summaries are the months with something, the first one first.
	Summaries []Month `json:"summaries"`
	Totals    Totals  `json:"totals"`
}

// Month is what was used in a month.
type Month struct {
	// Month is such as 2026-11.
	Month string `json:"month"`
	// Partial says that it began before the days that are kept.
	Partial bool `json:"partial,omitempty"`
	Totals
}

// monthFormat is the beginning of dayFormat.
const monthFormat = "2006-01"

// defaultMonths are meant where nothing is said.
const defaultMonths = 12

func (s *Service) monthly(ctx context.Context, p MonthlyParams) (MonthlyResult, error) {
	now := s.now()
	r := MonthlyResult{
		UpdatedAt: time.Now().UnixMilli(), Months: cmp.Or(p.Months, defaultMonths), KeptDays: keepDays,
		KeptSince: now.AddDate(0, 0, 1-keepDays).Format(dayFormat), Summaries: []Month{},
	}
	if _, err := s.Session("", p.AgentID); err != nil {
		return r, err
	}
	first := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, now.Location()).AddDate(0, 1-r.Months, 0)
	from, to := max(first.Format(dayFormat), r.KeptSince), now.Format(dayFormat)
	list, err := s.days(ctx, p.AgentID, from, to)
	for _, d := range list {
		month := d.Date[:min(len(d.Date), len(monthFormat))]
		if n := len(r.Summaries); n == 0 || r.Summaries[n-1].Month != month {
			r.Summaries = append(r.Summaries, Month{Month: month, Partial: month+"-01" < r.KeptSince})
		}
		r.Summaries[len(r.Summaries)-1].add(d.Totals)
		r.Totals.add(d.Totals)
	}
	return r, err
}
