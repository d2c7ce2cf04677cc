package usage

import (
	"slices"
	"strings"
)

// summary puts lines together.
type summary struct {
	totals    Totals
	messages  Messages
	sessions  map[string]*SessionRow
	models    map[string]*ModelUse
	providers map[string]*ModelUse
	agents    map[string]*AgentUse
	channels  map[string]*ByOrigin
	days      []DayUse
	own       map[string]map[string]*ModelUse // of sessions
}

func newSummary() *summary {
	return &summary{
		sessions: map[string]*SessionRow{}, models: map[string]*ModelUse{}, providers: map[string]*ModelUse{},
		agents: map[string]*AgentUse{}, channels: map[string]*ByOrigin{}, days: []DayUse{}, own: map[string]map[string]*ModelUse{},
	}
}

// of is the value of a name in a table, which begins as it is given.
func of[T any](table map[string]*T, name string, begin T) *T {
	if table[name] == nil {
		table[name] = &begin
	}
	return table[name]
}

// add takes a line of a day. Days come in order.
func (s *summary) add(day string, l line) {
	s.totals.add(l.Totals)
	s.messages.add(l)
	use(s.models, l.Provider+"/"+l.Model, ModelUse{Provider: l.Provider, Model: l.Model}, l)
	use(s.providers, l.Provider, ModelUse{Provider: l.Provider}, l)
	if l.Agent != "" {
		of(s.agents, l.Agent, AgentUse{AgentID: l.Agent}).Totals.add(l.Totals)
	}
	if l.Channel != "" {
		of(s.channels, l.Channel, ByOrigin{Channel: l.Channel}).Totals.add(l.Totals)
	}
	s.days = addDay(s.days, day, l)
	if l.Session != "" {
		s.addSession(day, l)
	}
}

// addSession adds a line to its session.
func (s *summary) addSession(day string, l line) {
	row := of(s.sessions, l.Session, SessionRow{Key: l.Session, AgentID: l.Agent, Channel: l.Channel, Usage: SessionUsage{FirstActivity: l.First, DailyBreakdown: []DayUse{}}})
	row.Usage.add(l.Totals)
	row.Usage.MessageCounts.add(l)
	row.Usage.DailyBreakdown = addDay(row.Usage.DailyBreakdown, day, l)
	row.Usage.FirstActivity = min(row.Usage.FirstActivity, l.First)
	if l.Last >= row.UpdatedAt {
		row.UpdatedAt, row.Usage.LastActivity, row.ModelProvider, row.Model = l.Last, l.Last, l.Provider, l.Model
	}
	if s.own[l.Session] == nil {
		s.own[l.Session] = map[string]*ModelUse{}
	}
	use(s.own[l.Session], l.Provider+"/"+l.Model, ModelUse{Provider: l.Provider, Model: l.Model}, l)
}

func (m *Messages) add(l line) {
	m.Total, m.Assistant, m.ToolCalls = m.Total+l.Answers, m.Assistant+l.Answers, m.ToolCalls+l.Calls
}

// use adds a line to what was used of a model or a provider.
func use(table map[string]*ModelUse, name string, begin ModelUse, l line) {
	u := of(table, name, begin)
	u.Count += l.Answers
	u.Totals.add(l.Totals)
}

// addDay adds a line to the last of the days, or to the next one.
func addDay(days []DayUse, day string, l line) []DayUse {
	if n := len(days); n == 0 || days[n-1].Date != day {
		days = append(days, DayUse{Date: day})
	}
	d := &days[len(days)-1]
	d.Tokens, d.Cost, d.Messages, d.ToolCalls = d.Tokens+l.TotalTokens, d.Cost+l.TotalCost, d.Messages+l.Answers, d.ToolCalls+l.Calls
	return days
}

// into writes the answer, with at most so many sessions.
func (s *summary) into(r *SessionsResult, limit int) {
	models := func(m ModelUse) Totals { return m.Totals }
	r.Sessions = sorted(s.sessions, func(row SessionRow) Totals { return row.Usage.Totals })
	slices.SortStableFunc(r.Sessions, func(a, b SessionRow) int {
		if order := dearest(a.Usage.Totals, b.Usage.Totals); order != 0 {
			return order
		}
		return strings.Compare(a.Key, b.Key)
	})
	r.Sessions = r.Sessions[:min(limit, len(r.Sessions))]
	for i := range r.Sessions {
		u := &r.Sessions[i].Usage
		u.ModelUsage, u.ActivityDates = sorted(s.own[r.Sessions[i].Key], models), []string{}
		for _, d := range u.DailyBreakdown {
			u.ActivityDates = append(u.ActivityDates, d.Date)
		}
	}
	r.Totals = s.totals
	r.Aggregates = Aggregates{
		Messages: s.messages, Tools: Tools{TotalCalls: s.messages.ToolCalls, Tools: []ToolUse{}},
		ByModel: sorted(s.models, models), ByProvider: sorted(s.providers, models),
		ByAgent:   sorted(s.agents, func(a AgentUse) Totals { return a.Totals }),
		ByChannel: sorted(s.channels, func(c ByOrigin) Totals { return c.Totals }), Daily: s.days,
	}
}
