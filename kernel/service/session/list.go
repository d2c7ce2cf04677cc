package session

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// ListParams selects sessions. Fields of protocol 4 that ask for what this gateway does not have
// (boards, people, archives) are taken and select nothing away.
type ListParams struct {
	Limit                  int             `json:"limit"`
	Offset                 int             `json:"offset"`
	ActiveMinutes          int64           `json:"activeMinutes"`
	IncludeGlobal          bool            `json:"includeGlobal"`
	IncludeUnknown         bool            `json:"includeUnknown"`
	IncludeDerivedTitles   bool            `json:"includeDerivedTitles"`
	IncludeLastMessage     bool            `json:"includeLastMessage"`
	Label                  string          `json:"label"`
	SpawnedBy              string          `json:"spawnedBy"`
	AgentID                string          `json:"agentId"`
	Search                 string          `json:"search"`
	SortBy                 string          `json:"sortBy"`
	RequireLastInteraction bool            `json:"requireLastInteraction"`
	ConfiguredAgentsOnly   bool            `json:"configuredAgentsOnly"`
	BoardFace              string          `json:"boardFace"`
	CreatorID              string          `json:"creatorId"`
	OwnerID                string          `json:"ownerId"`
	OwnerFirst             bool            `json:"ownerFirst"`
	InvolvingMe            bool            `json:"involvingMe"`
	InvolvingProfileID     string          `json:"involvingProfileId"`
	IncludePeople          bool            `json:"includePeople"`
	Archived               json.RawMessage `json:"archived"`
}

// ListResult is the answer of sessions.list.
type ListResult struct {
	Ts           int64    `json:"ts"`
	Path         string   `json:"path"`
	Count        int      `json:"count"`
	Defaults     Defaults `json:"defaults"`
	Sessions     []Row    `json:"sessions"`
	TotalCount   int      `json:"totalCount"`
	LimitApplied int      `json:"limitApplied,omitempty"`
	NextOffset   int      `json:"nextOffset,omitempty"`
	HasMore      bool     `json:"hasMore"`
}

// List returns the sessions that p selects, the last used one first.
func (s *Service) List(ctx context.Context, p ListParams, d Defaults) (ListResult, error) {
	res := ListResult{Ts: time.Now().UnixMilli(), Path: "(multiple)", Defaults: d, Sessions: []Row{}, LimitApplied: p.Limit}
	if p.Limit < 0 || p.Offset < 0 || p.ActiveMinutes < 0 {
		return res, wit.NewError(wit.CodeInvalid, "invalid sessions.list params: limit, offset and activeMinutes are not negative")
	}
	var found []Entry
	var pending map[Key]Pending
	err := s.store.View(ctx, func(tx store.Tx) (err error) {
		if pending, err = s.queue.AllPending(tx); err != nil {
			return err
		}
		for row, err := range entries.Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			if p.matches(row.Value, res.Ts) {
				found = append(found, row.Value)
			}
		}
		return nil
	})
	if err != nil {
		return res, err
	}
	slices.SortStableFunc(found, func(a, b Entry) int { return cmp.Compare(b.Updated, a.Updated) })
	res.TotalCount = len(found)
	found = found[min(p.Offset, len(found)):]
	if p.Limit > 0 && p.Limit < len(found) {
		found = found[:p.Limit]
		res.HasMore, res.NextOffset = true, p.Offset+p.Limit
	}
	for _, e := range found {
		r := s.row(e, d, pending[e.Key].Runs)
		if p.IncludeDerivedTitles {
			r.DerivedTitle = cmp.Or(e.Title, e.SessionID)
		}
		if p.IncludeLastMessage {
			r.LastMessagePreview = e.Preview
		}
		res.Sessions = append(res.Sessions, r)
	}
	res.Count = len(res.Sessions)
	return res, nil
}

func (p ListParams) matches(e Entry, now int64) bool {
	if p.ActiveMinutes > 0 && e.Updated < now-p.ActiveMinutes*60_000 ||
		p.Label != "" && e.Label != p.Label ||
		p.SpawnedBy != "" && e.SpawnedBy != p.SpawnedBy ||
		p.AgentID != "" && e.Key.Agent() != name(p.AgentID, "main") {
		return false
	}
	if p.Search == "" {
		return true
	}
	want := strings.ToLower(p.Search)
	for _, text := range []string{string(e.Key), e.Label, e.Title, e.SessionID, e.Preview} {
		if strings.Contains(strings.ToLower(text), want) {
			return true
		}
	}
	return false
}

// Overview is what status and health tell about all sessions.
type Overview struct {
	Count int
	// Recent are the last used ones, at most ten.
	Recent []Row
	// Queued and Running count runs.
	Queued, Running int
}

// Overview counts and returns the last used sessions.
func (s *Service) Overview(ctx context.Context, d Defaults) (Overview, error) {
	res, err := s.List(ctx, ListParams{}, d)
	o := Overview{Count: res.TotalCount}
	for _, r := range res.Sessions {
		o.Queued += r.QueuedRuns
		if r.RunningRun != "" {
			o.Running++
		}
	}
	o.Recent = res.Sessions[:min(len(res.Sessions), 10)]
	return o, err
}
