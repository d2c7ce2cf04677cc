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
// (boards, people) are taken and select nothing away.
type ListParams struct {
	// Limit is 200 when left out. A page has at most 1,000.
	Limit  int `json:"limit,omitempty" rpc:"min=1"`
	Offset int `json:"offset,omitempty" rpc:"min=0"`
	// ActiveMinutes selects what was used in that time.
	ActiveMinutes int64 `json:"activeMinutes,omitempty" rpc:"min=1"`
	// IncludeDerivedTitles adds derivedTitle, IncludeLastMessage lastMessagePreview.
	IncludeDerivedTitles bool   `json:"includeDerivedTitles,omitempty"`
	IncludeLastMessage   bool   `json:"includeLastMessage,omitempty"`
	Label                string `json:"label,omitempty" rpc:"min=1,max=512"`
	SpawnedBy            string `json:"spawnedBy,omitempty" rpc:"min=1"`
	AgentID              string `json:"agentId,omitempty" rpc:"min=1"`
	// ConfiguredAgentsOnly leaves out sessions of agents that there are no more, ExcludeSubagents those that an
	// agent has begun.
	ConfiguredAgentsOnly bool `json:"configuredAgentsOnly,omitempty"`
	ExcludeSubagents     bool `json:"excludeSubagents,omitempty"`
	// HasBoard selects sessions with a board: none has one.
	HasBoard bool `json:"hasBoard,omitempty"`
	// Archived is true for those alone, "all" for all; when left out they are left out.
	Archived json.RawMessage `json:"archived,omitempty"`
	// Search is looked for in keys, labels, titles and previews, whatever the case.
	Search string `json:"search,omitempty"`
	// This and those below are accepted and select nothing away.
	IncludeGlobal          bool   `json:"includeGlobal,omitempty"`
	IncludeUnknown         bool   `json:"includeUnknown,omitempty"`
	IncludeActivitySummary bool   `json:"includeActivitySummary,omitempty"`
	SortBy                 string `json:"sortBy,omitempty" rpc:"enum=updatedAt|lastInteractionAt"`
	RequireLastInteraction bool   `json:"requireLastInteraction,omitempty"`
	BoardFace              string `json:"boardFace,omitempty" rpc:"enum=chat|dashboard"`
	CreatorID              string `json:"creatorId,omitempty"`
	OwnerID                string `json:"ownerId,omitempty"`
	OwnerFirst             bool   `json:"ownerFirst,omitempty"`
	InvolvingMe            bool   `json:"involvingMe,omitempty"`
	InvolvingProfileID     string `json:"involvingProfileId,omitempty"`
	IncludePeople          bool   `json:"includePeople,omitempty"`
}

// Sizes of a page of sessions.
const (
	listLimit = 200
	maxList   = 1000
)

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
	LimitApplied int  `json:"limitApplied"`
	NextOffset   int  `json:"nextOffset,omitempty"`
	HasMore      bool `json:"hasMore"`
}

// List returns the sessions that p selects, the last used one first.
func (s *Service) List(ctx context.Context, p ListParams, d Defaults) (ListResult, error) {
	res := ListResult{
		Ts: time.Now().UnixMilli(), Path: "(multiple)", Defaults: d, Sessions: []Row{},
		LimitApplied: min(cmp.Or(p.Limit, listLimit), maxList),
	}
	wanted, err := s.selection(p, res.Ts)
	if err != nil {
		return res, err
	}
	var found []Entry
	var pending map[Key]Pending
	err = s.store.View(ctx, func(tx store.Tx) (err error) {
		if pending, err = s.queue.AllPending(tx); err != nil {
			return err
		}
		for row, err := range entries.Scan(tx, store.Range{}) {
			if s.skips.Skip(err) {
				continue
			}
			if err != nil {
				return err
			}
			if wanted(row.Value) {
				found = append(found, row.Value)
			}
		}
		return nil
	})
	if err != nil {
		return res, err
	}
	slices.SortStableFunc(found, func(a, b Entry) int { return cmp.Compare(b.used(res.Ts), a.used(res.Ts)) })
	res.TotalCount = len(found)
	found = found[min(p.Offset, len(found)):]
	if res.LimitApplied < len(found) {
		found = found[:res.LimitApplied]
		res.HasMore, res.NextOffset = true, p.Offset+res.LimitApplied
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

// ahead is how far a time may be in the future before it is not believed, in milliseconds.
const ahead = 60_000

// used is when the session was used last. A time that is still to come was written while the clock was wrong: when
// the session began is believed instead, or nothing.
func (e Entry) used(now int64) int64 {
	switch {
	case e.Updated <= now+ahead:
		return e.Updated
	case e.Created <= now:
		return e.Created
	}
	return 0
}

// selection says which sessions are wanted. Errors: CodeInvalid.
func (s *Service) selection(p ListParams, now int64) (func(Entry) bool, error) {
	archived, err := oneOf("archived", p.Archived, "false", "true", `"all"`)
	if err != nil {
		return nil, err
	}
	settings, search := s.Settings(), strings.ToLower(p.Search)
	return func(e Entry) bool {
		_, unknown := settings.Agent(e.Key.Agent())
		switch {
		case p.HasBoard,
			p.ActiveMinutes > 0 && e.used(now) < now-p.ActiveMinutes*60_000,
			p.Label != "" && e.Label != p.Label,
			p.SpawnedBy != "" && e.SpawnedBy != p.SpawnedBy,
			p.ExcludeSubagents && e.SpawnedBy != "",
			p.ConfiguredAgentsOnly && unknown != nil,
			p.AgentID != "" && e.Key.Agent() != name(p.AgentID, "main"),
			archived != `"all"` && e.is("archived") != (archived == "true"):
			return false
		}
		return search == "" || e.mentions(search)
	}, nil
}

// oneOf reads a parameter that may be several things; the first is what it is when it is left out.
func oneOf(name string, raw json.RawMessage, among ...string) (string, error) {
	if len(raw) == 0 {
		return among[0], nil
	}
	if !slices.Contains(among, string(raw)) {
		return "", wit.Errorf(wit.CodeInvalid, "invalid sessions.list params: at /%s: must be one of %s", name, strings.Join(among, ", "))
	}
	return string(raw), nil
}

// mentions looks for a text in lower case.
func (e Entry) mentions(text string) bool {
	return slices.ContainsFunc([]string{string(e.Key), e.Label, e.Title, e.SessionID, e.Preview}, func(where string) bool {
		return strings.Contains(strings.ToLower(where), text)
	})
}
