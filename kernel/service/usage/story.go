package usage

import (
	"cmp"
	"context"

	"github.com/carapace-gateway/carapace/wit"
)

// Said is a message of a session's present history.
type Said struct {
	// Time is in Unix milliseconds.
	Time int64
	// Role is user, assistant, tool or system.
	Role, Text      string
	Provider, Model string
	// Usage is an answer's.
	Usage *wit.Usage
}

// StoryParams name a session.
type StoryParams struct {
	Key     string `json:"key" rpc:"required,min=1,max=512"`
	AgentID string `json:"agentId,omitempty" rpc:"min=1,max=64"`
	// Limit is how many of the newest messages are read, 1,000 when left out.
	Limit int `json:"limit,omitempty" rpc:"min=1,max=5000"`
}

// Timeseries is what the answers of a session have used, in order.
type Timeseries struct {
	Points []Point `json:"points"`
}

// Point is an answer of a model. Costs are in US dollars, and 0 where no price is known.
type Point struct {
	Timestamp   int64   `json:"timestamp"`
	Input       uint64  `json:"input"`
	Output      uint64  `json:"output"`
	CacheRead   uint64  `json:"cacheRead"`
	CacheWrite  uint64  `json:"cacheWrite"`
	TotalTokens uint64  `json:"totalTokens"`
	Cost        float64 `json:"cost"`
	// CumulativeTokens and CumulativeCost are the sums so far.
	CumulativeTokens uint64  `json:"cumulativeTokens"`
	CumulativeCost   float64 `json:"cumulativeCost"`
}

// Logs are the messages of a session with what they have used, in order.
type Logs struct {
	Logs []LogLine `json:"logs"`
}

// LogLine is a message.
type LogLine struct {
	Timestamp int64   `json:"timestamp"`
	Role      string  `json:"role"`
	Content   string  `json:"content"`
	Tokens    uint64  `json:"tokens,omitempty"`
	Cost      float64 `json:"cost,omitempty"`
}

// Bounds of what is read of a history.
const (
	storyMessages = 1000
	storyContent  = 2000 // bytes of a message that are shown
)

func (s *Service) story(ctx context.Context, p StoryParams) ([]Said, error) {
	key, err := s.Session(p.Key, p.AgentID)
	if err != nil {
		return nil, err
	}
	return s.History(ctx, key, cmp.Or(p.Limit, storyMessages), storyContent)
}

func (s *Service) timeseries(ctx context.Context, p StoryParams) (Timeseries, error) {
	res := Timeseries{Points: []Point{}}
	said, err := s.story(ctx, p)
	if err != nil {
		return res, err
	}
	settings := s.Settings()
	var tokens uint64
	var cost float64
	for _, m := range said {
		if m.Usage == nil {
			continue
		}
		t := settings.cost(m.Provider, m.Model, *m.Usage)
		tokens, cost = tokens+t.TotalTokens, cost+t.TotalCost
		res.Points = append(res.Points, Point{
			Timestamp: m.Time, Input: t.Input, Output: t.Output, CacheRead: t.CacheRead, CacheWrite: t.CacheWrite,
			TotalTokens: t.TotalTokens, Cost: t.TotalCost, CumulativeTokens: tokens, CumulativeCost: cost,
		})
	}
	return res, nil
}

func (s *Service) logs(ctx context.Context, p StoryParams) (Logs, error) {
	res := Logs{Logs: []LogLine{}}
	said, err := s.story(ctx, p)
	if err != nil {
		return res, err
	}
	settings := s.Settings()
	for _, m := range said {
		line := LogLine{Timestamp: m.Time, Role: m.Role, Content: m.Text}
		if m.Usage != nil {
			t := settings.cost(m.Provider, m.Model, *m.Usage)
			line.Tokens, line.Cost = t.TotalTokens, t.TotalCost
		}
		res.Logs = append(res.Logs, line)
	}
	return res, nil
}
