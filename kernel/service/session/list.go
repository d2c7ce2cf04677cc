package session

import (
	"cmp"
	"context"
	"encoding/json"
	"iter"
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
	// Channel selects sessions that began in a channel, or were last spoken to from there; webchat is the gateway's clients.
	Channel string `json:"channel,omitempty" rpc:"min=1,max=64"`
	// UserID selects those that a person began or last spoke to from a channel, by the platform's id.
	UserID string `json:"userId,omitempty" rpc:"min=1,max=256"`
	// Status selects those that stand so: see the status of a row.
	Status string `json:"status,omitempty" rpc:"enum=running|queued|done|failed|killed"`
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
	SortBy                 string `json:"sortBy,omitempty" rpc:"enum=updatedAt|lastInteractionAt|activity"`
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
		if found, res.TotalCount, err = s.page(tx, wanted, p.Offset, res.LimitApplied); err != nil {
			return err
		}
		keys := make([]Key, len(found))
		for i := range found {
			keys[i] = found[i].Key
		}
		pending, err = s.queue.PendingIn(tx, keys)
		return err
	})
	if err != nil {
		return res, err
	}
	if next := p.Offset + res.LimitApplied; next < res.TotalCount {
		res.HasMore, res.NextOffset = true, next
	}
	res.Sessions = slices.Grow(res.Sessions, len(found))
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

// Recent returns entries of an agent's sessions that were used since then (Unix milliseconds, 0 for any), the last used one
// first, at most limit of them behind offset, and whether there are more. Errors: CodeInvalid for an agent that there is
// not; the store's.
func (s *Service) Recent(ctx context.Context, agent string, since int64, offset, limit int) (found []Entry, more bool, err error) {
	now := time.Now().UnixMilli()
	wanted, err := s.selection(ListParams{AgentID: agent}, now)
	if err != nil {
		return nil, false, err
	}
	err = s.store.View(ctx, func(tx store.Tx) (err error) {
		found, _, err = s.page(tx, wanted, offset, limit+1)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	if i := slices.IndexFunc(found, func(e Entry) bool { return e.used(now) < since }); i >= 0 {
		found = found[:i]
	}
	if more = len(found) > limit; more {
		found = found[:limit]
	}
	return found, more, nil
}

// Unused are sessions that were not used for as long as the settings say and may be put away, at most limit of them: no main ones, none that a
// person has pinned, and none that is being answered in. Errors: the store's.
func (s *Service) Unused(ctx context.Context, now time.Time, limit int) (keys []Key, err error) {
	settings := s.Settings()
	err = s.store.View(ctx, func(tx store.Tx) error {
		keys = keys[:0]
		for row, err := range entries.Scan(tx, store.Range{}) {
			if s.skips.Skip(err) {
				continue
			}
			if err != nil {
				return err
			}
			e := row.Value
			keep := settings.keep(e.Key)
			if keep > 0 && e.Updated < now.Add(-keep).UnixMilli() && e.LastRunState != RunRunning && !settings.IsMain(e.Key) && !e.Pinned() {
				if keys = append(keys, e.Key); len(keys) == limit {
					return nil
				}
			}
		}
		return nil
	})
	return keys, err
}

// page returns some of the entries that q selects, and how many it selects in all.
func (s *Service) page(tx store.Tx, q selection, offset, limit int) (page []Entry, total int, err error) {
	if q.HasBoard {
		return nil, 0, nil
	}
	o, err := howOrdered(tx)
	if err != nil {
		return nil, 0, err
	}
	if o.Done && q.Label != "" {
		return s.byLabel(tx, q, offset, limit)
	}
	if o.Done && q.byPlace() {
		page, total, err = s.ordered(tx, q, offset, limit)
		if !s.skips.Skip(err) {
			return page, total, err
		}
	}
	return s.filtered(tx, q, offset, limit)
}

// ordered is page by the order, of which it reads as much as stands before the end of the page. What an entry that
// is damaged has in the order counts as one that is not shown.
func (s *Service) ordered(tx store.Tx, q selection, offset, limit int) (page []Entry, total int, err error) {
	if total, err = q.count(tx); err != nil {
		return nil, 0, err
	}
	n := 0
	page = make([]Entry, 0, max(min(limit, total-offset), 0))
	for at, err := range s.spots(tx, q, offset+limit) {
		if err != nil {
			return nil, 0, err
		}
		if at.used < q.since() || n >= offset+limit && q.since() == 0 {
			break
		}
		if !q.agent(at.key.Agent()) {
			continue
		}
		if n++; n <= offset || n > offset+limit {
			continue
		}
		e, err := Get(tx, at.key)
		if s.skips.Skip(err) || err == nil && e.at != at.place || wit.CodeOf(err) == wit.CodeNotFound {
			continue
		}
		if err != nil {
			return nil, 0, err
		}
		page = append(page, e)
	}
	if q.since() != 0 {
		total = n
	}
	return page, total, nil
}

// spots yields the spots of the shelves that q selects from.
func (s *Service) spots(tx store.Tx, q selection, limit int) iter.Seq2[spot, error] {
	if !q.allPlaces() {
		limit = 0
	}
	shelves := q.shelves()
	spots := s.shelf(tx, shelves[0], q.now, limit)
	for _, name := range shelves[1:] {
		spots = merge(spots, s.shelf(tx, name, q.now, limit))
	}
	return spots
}

// ahead is how far a time may be in the future before it is not believed, in milliseconds.
const ahead = 60_000

// used is when the session was used last. A time that is still to come was written while the clock was wrong: when
// the session began is believed instead, or nothing.
func (e Entry) used(now int64) int64 { return used(e.Updated, e.Created, now) }

func used(updated, created, now int64) int64 {
	switch {
	case updated <= now+ahead:
		return max(updated, 0)
	case created <= now:
		return max(created, 0)
	}
	return 0
}

// selection is which sessions are wanted.
type selection struct {
	ListParams
	archived, search string // archived is one of the words of ListParams.Archived
	settings         Settings
	now              int64
	version          uint64 // of the entries, before they are read
}

// selection reads p. Errors: CodeInvalid.
func (s *Service) selection(p ListParams, now int64) (selection, error) {
	settings := s.Settings()
	archived, err := oneOf("archived", p.Archived, "false", "true", `"all"`)
	if err == nil && p.AgentID != "" {
		p.AgentID, err = settings.Agent(name(p.AgentID, p.AgentID))
	}
	return selection{ListParams: p, archived: archived, search: strings.ToLower(p.Search), settings: settings, now: now, version: entries.Version(s.store)}, err
}

// byPlace reports whether the places of sessions say which of them are selected.
func (q selection) byPlace() bool {
	return q.Label == "" && q.SpawnedBy == "" && q.Channel == "" && q.UserID == "" && q.Status == "" && !q.ExcludeSubagents && q.search == ""
}

// allPlaces reports whether all places of the shelves are selected.
func (q selection) allPlaces() bool {
	return q.AgentID == "" && !q.ConfiguredAgentsOnly && q.since() == 0
}

// shelves are those of whose sessions any are selected.
func (q selection) shelves() []string {
	switch q.archived {
	case "true":
		return []string{archived}
	case "false":
		return []string{inUse}
	}
	return []string{inUse, archived}
}

// since is the time since which the selected sessions were used, 0 for any.
func (q selection) since() int64 {
	if q.ActiveMinutes <= 0 {
		return 0
	}
	return q.now - q.ActiveMinutes*60_000
}

// agent reports whether the sessions of an agent are selected.
func (q selection) agent(id string) bool {
	if q.ConfiguredAgentsOnly {
		if _, unknown := q.settings.Agent(id); unknown != nil {
			return false
		}
	}
	return q.AgentID == "" || id == q.AgentID
}

// count returns how many sessions the selected agents have on the selected shelves.
func (q selection) count(tx store.Tx) (total int, err error) {
	for _, shelf := range q.shelves() {
		for row, err := range counts.Scan(tx, store.Range{Prefix: shelf + "/"}) {
			if err != nil {
				return 0, err
			}
			if _, id, _ := strings.Cut(row.Key, "/"); q.agent(id) {
				total += row.Value
			}
		}
	}
	return total, nil
}

// selects reports whether a session is selected, but for its status.
func (q selection) selects(g *facts) bool {
	switch {
	case g.used(q.now) < q.since(),
		q.Label != "" && g.label != q.Label,
		q.SpawnedBy != "" && g.spawnedBy != q.SpawnedBy,
		q.ExcludeSubagents && g.spawnedBy != "",
		q.Channel != "" && g.from[0].channel != q.Channel && g.from[1].channel != q.Channel,
		q.UserID != "" && g.from[0].person != q.UserID && g.from[1].person != q.UserID,
		!q.agent(g.key.Agent()),
		!slices.Contains(q.shelves(), g.shelf):
		return false
	}
	return strings.Contains(g.text, q.search)
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
