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
	// Limit of 0 lists all.
	Limit  int `json:"limit,omitempty"`
	Offset int `json:"offset,omitempty"`
	// ActiveMinutes selects what was used in that time.
	ActiveMinutes int64 `json:"activeMinutes,omitempty"`
	// IncludeDerivedTitles adds derivedTitle, IncludeLastMessage lastMessagePreview.
	IncludeDerivedTitles bool   `json:"includeDerivedTitles,omitempty"`
	IncludeLastMessage   bool   `json:"includeLastMessage,omitempty"`
	Label                string `json:"label,omitempty"`
	SpawnedBy            string `json:"spawnedBy,omitempty"`
	AgentID              string `json:"agentId,omitempty"`
	// Search is looked for in keys, labels, titles and previews, whatever the case.
	Search string `json:"search,omitempty"`
	// This and those below are accepted and select nothing away.
	IncludeGlobal          bool            `json:"includeGlobal,omitempty"`
	IncludeUnknown         bool            `json:"includeUnknown,omitempty"`
	SortBy                 string          `json:"sortBy,omitempty"`
	RequireLastInteraction bool            `json:"requireLastInteraction,omitempty"`
	ConfiguredAgentsOnly   bool            `json:"configuredAgentsOnly,omitempty"`
	BoardFace              string          `json:"boardFace,omitempty"`
	CreatorID              string          `json:"creatorId,omitempty"`
	OwnerID                string          `json:"ownerId,omitempty"`
	OwnerFirst             bool            `json:"ownerFirst,omitempty"`
	InvolvingMe            bool            `json:"involvingMe,omitempty"`
	InvolvingProfileID     string          `json:"involvingProfileId,omitempty"`
	IncludePeople          bool            `json:"includePeople,omitempty"`
	Archived               json.RawMessage `json:"archived,omitempty"`
}

// ListResult is a page of sessions.
type ListResult struct {
	// Ts is when the list was made, in Unix milliseconds.
	Ts       int64    `json:"ts"`
	Path     string   `json:"path"`
	Count    int      `json:"count"`
	Defaults Defaults `json:"defaults"`
	Sessions []Row    `json:"sessions"`
	// TotalCount counts what was selected, on all pages.
	TotalCount   int  `json:"totalCount"`
	LimitApplied int  `json:"limitApplied,omitempty"`
	NextOffset   int  `json:"nextOffset,omitempty"`
	HasMore      bool `json:"hasMore"`
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
