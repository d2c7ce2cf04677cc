package cron

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/schedule"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// ListParams select jobs; AgentID those of an agent, of which jobs without one are the default agent's. All but includeDisabled is protocol 4's.
type ListParams struct {
	// IncludeDisabled lists what is switched off too; enabled, if given, decides instead.
	IncludeDisabled bool `json:"includeDisabled"`
	// Limit of 0 lists all.
	Limit  int `json:"limit,omitempty" rpc:"min=1,max=1000"`
	Offset int `json:"offset" rpc:"min=0"`
	// Query is looked for in ids, names and texts, whatever the case.
	Query         string `json:"query" rpc:"max=200"`
	Enabled       string `json:"enabled,omitempty" rpc:"enum=all|enabled|disabled"`
	ScheduleKind  string `json:"scheduleKind,omitempty" rpc:"enum=all|at|every|cron|on-exit|stream"`
	LastRunStatus string `json:"lastRunStatus,omitempty" rpc:"enum=all|ok|error|skipped|unknown"`
	Trigger       string `json:"trigger,omitempty" rpc:"enum=all|conditional|unconditional"`
	SortBy        string `json:"sortBy,omitempty" rpc:"enum=nextRunAtMs|updatedAtMs|name"`
	SortDir       string `json:"sortDir,omitempty" rpc:"enum=asc|desc"`
	AgentID       string `json:"agentId,omitempty" rpc:"min=1,max=128"`
	// Compact and IncludeDeliveryPreviews are accepted and change nothing.
	Compact                 bool `json:"compact"`
	IncludeDeliveryPreviews bool `json:"includeDeliveryPreviews"`
}

// Page says which part of a list this is. Protocol 3 does not get one.
type Page struct {
	Total   int  `json:"total"`
	Offset  int  `json:"offset"`
	Limit   int  `json:"limit"`
	HasMore bool `json:"hasMore"`
	// NextOffset asks for the next page; null on the last.
	NextOffset *int `json:"nextOffset"`
}

// cut returns the part of list that offset and limit select; limit 0 is all.
func cut[T any](ctx context.Context, list []T, offset, limit int) ([]T, *Page) {
	p := newPage(len(list), offset, limit)
	part := list[p.Offset:p.end()]
	if part == nil {
		part = []T{}
	}
	if protocol(ctx) < 4 {
		return part, nil
	}
	return part, p
}

// newPage is the part of a list of total that offset and limit select.
func newPage(total, offset, limit int) *Page {
	p := &Page{Total: total, Offset: min(offset, total), Limit: cmp.Or(limit, max(total, 1))}
	if end := p.end(); end < total {
		p.HasMore, p.NextOffset = true, &end
	}
	return p
}

// end is where the page ends in the list.
func (p *Page) end() int { return p.Offset + min(p.Limit, p.Total-p.Offset) }

// ListResult is a page of jobs.
type ListResult struct {
	Jobs []Job `json:"jobs"`
	*Page
	// Revision names what was selected and in which order: one who pages starts again when it changes.
	// Protocol 3 does not get one.
	Revision string `json:"snapshotRevision,omitempty"`
}

// listBasis is what a list is made of. That of an agent's jobs depends on which agents there are, too; and the cards may be a
// moment behind the version, so that what is made of them is not kept under it.
func (s *Service) listBasis(ctx context.Context, p ListParams) (any, bool) {
	return s.scheduler.Version(), p.AgentID == "" && !p.byCards(protocol(ctx))
}

// known refuses a filter by an agent that there is not.
func (s *Service) known(agent string) error {
	if agent == "" {
		return nil
	}
	_, err := s.agent(agent)
	return err
}

// list answers a page by the due times from the scheduler, which has them in order, and other pages from the cards.
func (s *Service) list(ctx context.Context, p ListParams) (ListResult, error) {
	if err := s.known(p.AgentID); err != nil {
		return ListResult{}, err
	}
	switch {
	case p.byCards(protocol(ctx)):
		return s.pick(ctx, p)
	case protocol(ctx) >= 4 && p.Limit > 0:
		return s.page(ctx, p)
	}
	return s.all(ctx, p)
}

// all lists what a filter selects by reading each job.
func (s *Service) all(ctx context.Context, p ListParams) (ListResult, error) {
	read, err := s.scheduler.List(ctx, owner)
	if err != nil {
		return ListResult{}, err
	}
	jobs, found := make(map[string]schedule.Job, len(read)), newSelection(p, len(read))
	agents := s.agents(p.AgentID)
	for _, j := range read {
		if c := newCard(j); found.selects(c) && agents(c.agent) {
			jobs[j.ID] = j
			found.add(c)
		}
	}
	var list []Job
	for _, c := range found.sorted() {
		list = append(list, view(jobs[c.id], protocol(ctx)))
	}
	part, page := cut(ctx, list, p.Offset, p.Limit)
	res := ListResult{Jobs: part, Page: page}
	if page != nil {
		res.Revision = found.revision()
	}
	return res, nil
}

// byDueTime reports whether a page is asked for that the scheduler has in order.
func (p ListParams) byDueTime() bool {
	filtered := strings.TrimSpace(p.Query) != "" || !passes(p.ScheduleKind, "") || !passes(p.LastRunStatus, "") || p.Trigger == "conditional" || p.AgentID != ""
	return !filtered && p.SortBy != "name" && p.SortBy != "updatedAtMs" && p.SortDir != "desc"
}

// byCards reports whether a page is asked for that the cards answer.
func (p ListParams) byCards(protocol int) bool { return protocol >= 4 && p.Limit > 0 && !p.byDueTime() }

// which are the jobs that are asked for by whether they are enabled.
func (p ListParams) which() schedule.Which {
	switch {
	case p.Enabled == "disabled":
		return schedule.Disabled
	case p.Enabled == "all", p.Enabled == "" && p.IncludeDisabled:
		return schedule.Either
	}
	return schedule.Enabled
}

func (s *Service) page(ctx context.Context, p ListParams) (ListResult, error) {
	found, err := s.scheduler.Page(ctx, owner, p.which(), p.Offset, p.Limit)
	if err != nil {
		return ListResult{}, err
	}
	res := ListResult{Jobs: []Job{}, Page: newPage(found.Total, p.Offset, p.Limit), Revision: strconv.FormatUint(found.Revision, 36)}
	for _, j := range found.Jobs {
		res.Jobs = append(res.Jobs, view(j, protocol(ctx)))
	}
	return res, nil
}

// pick answers a page from the cards, and reads the jobs of the page alone.
func (s *Service) pick(ctx context.Context, p ListParams) (ListResult, error) {
	found := newSelection(p, p.Offset+p.Limit)
	agents := s.agents(p.AgentID)
	err := s.cards.each(ctx, s.scheduler, func(c *card) {
		if found.selects(c) && agents(c.agent) {
			found.add(c)
		}
	})
	if err != nil {
		return ListResult{}, err
	}
	res := ListResult{Jobs: []Job{}, Page: newPage(found.total, p.Offset, p.Limit), Revision: found.revision()}
	list := found.sorted()
	for _, c := range list[min(p.Offset, len(list)):] {
		j, err := s.scheduler.Get(ctx, owner, c.id)
		if wit.CodeOf(err) == wit.CodeNotFound || store.Damaged(err) {
			continue // it has gone meanwhile
		}
		if err != nil {
			return ListResult{}, err
		}
		res.Jobs = append(res.Jobs, view(j, protocol(ctx)))
	}
	return res, nil
}

// agents reports of the agents of jobs whether they are the one that is asked for; all are where none is.
func (s *Service) agents(want string) func(of string) bool {
	known := map[string]bool{}
	return func(of string) bool {
		if want == "" {
			return true
		}
		is, ok := known[of]
		if !ok {
			id, err := s.agent(of)
			is = err == nil && id == want
			known[of] = is
		}
		return is
	}
}

// of reports whether a job is an agent's, or no agent is asked for.
func (s *Service) of(agent string, j Job) bool { return s.agents(agent)(j.AgentID) }

// passes reports whether a filter lets a value through.
func passes(filter, value string) bool { return filter == "" || filter == "all" || filter == value }

// contains looks for a query in texts, whatever the case. An empty query is in all of them.
func contains(query string, texts ...string) bool {
	query = strings.ToLower(strings.TrimSpace(query))
	return slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(strings.ToLower(t), query) })
}

// RunsParams select the runs of one job or of all. Protocol 3 has a job and a limit, the rest is 4's.
type RunsParams struct {
	IDParams
	// Scope of job wants an id; without one all jobs are meant.
	Scope    string   `json:"scope,omitempty" rpc:"enum=job|all"`
	RunID    string   `json:"runId,omitempty" rpc:"min=1,max=512"`
	Limit    int      `json:"limit,omitempty" rpc:"min=1,max=5000"`
	Offset   int      `json:"offset" rpc:"min=0"`
	Status   string   `json:"status,omitempty" rpc:"enum=all|ok|error|skipped"`
	Statuses []string `json:"statuses,omitempty" rpc:"max=3,enum=ok|error|skipped"`
	// DeliveryStatus is unknown of an answer that went out: the events message.delivered and message.failed say
	// what became of it.
	DeliveryStatus   string   `json:"deliveryStatus,omitempty" rpc:"enum=delivered|not-delivered|unknown|not-requested"`
	DeliveryStatuses []string `json:"deliveryStatuses,omitempty" rpc:"max=4,enum=delivered|not-delivered|unknown|not-requested"`
	// Query is looked for in job ids, names, answers and errors, whatever the case.
	Query string `json:"query" rpc:"max=200"`
	// SortDir of asc gives the oldest first; protocol 3 gets the latest ones, the latest last.
	SortDir string `json:"sortDir,omitempty" rpc:"enum=asc|desc"`
	AgentID string `json:"agentId,omitempty" rpc:"min=1,max=128"`
}

// RunEntry is one run of a job. Times are Unix milliseconds.
type RunEntry struct {
	// Ts is when the run ended.
	Ts     int64           `json:"ts"`
	JobID  string          `json:"jobId"`
	Action schedule.Action `json:"action" rpc:"enum=finished"`
	Status schedule.Status `json:"status" rpc:"enum=ok|error|skipped"`
	Error  string          `json:"error,omitempty"`
	// Summary is the answer, or the event's text.
	Summary     string `json:"summary,omitempty"`
	RunAtMs     int64  `json:"runAtMs"`
	DurationMs  int64  `json:"durationMs"`
	NextRunAtMs int64  `json:"nextRunAtMs,omitempty"`
	// RunID and JobName are protocol 4's.
	RunID   string `json:"runId,omitempty"`
	JobName string `json:"jobName,omitempty"`
	// Outcome is protocol 4's.
	Outcome
}

// RunsResult is a page of runs.
type RunsResult struct {
	Entries []RunEntry `json:"entries"`
	*Page
}

// placed is an entry with its place in time. A run is no later than those that came after it, whatever the clock showed.
type placed struct {
	at int64
	RunEntry
}

func (s *Service) runs(ctx context.Context, p RunsParams) (RunsResult, error) {
	jobs, err := s.ofRuns(ctx, p)
	if err != nil {
		return RunsResult{}, err
	}
	var found []placed
	for _, j := range jobs {
		at := time.Now().UnixMilli()
		for _, r := range j.Runs {
			e := newEntry(j.Job, r)
			if at = min(at, e.Ts); p.selects(e) {
				found = append(found, placed{at, e.version(protocol(ctx))})
			}
		}
	}
	slices.SortStableFunc(found, func(a, b placed) int { return cmp.Compare(b.at, a.at) })
	var all []RunEntry
	for _, f := range found {
		all = append(all, f.RunEntry)
	}
	// Protocol 3 reads the latest ones, the latest last.
	if protocol(ctx) < 4 && p.Limit > 0 {
		all = all[:min(p.Limit, len(all))]
	}
	if p.SortDir == "asc" || protocol(ctx) < 4 {
		slices.Reverse(all)
	}
	part, page := cut(ctx, all, p.Offset, p.Limit)
	return RunsResult{part, page}, nil
}

// ofRuns returns the jobs whose runs are asked for, with these: also those that have removed themselves.
func (s *Service) ofRuns(ctx context.Context, p RunsParams) ([]schedule.Past, error) {
	if err := s.known(p.AgentID); err != nil {
		return nil, err
	}
	id, err := p.id()
	if p.Scope == "all" || (err != nil && p.Scope == "" && protocol(ctx) >= 4) {
		jobs, err := s.scheduler.History(ctx, owner)
		return slices.DeleteFunc(jobs, func(j schedule.Past) bool { return !s.of(p.AgentID, view(j.Job, 4)) }), err
	}
	if err != nil {
		return nil, err
	}
	j, err := s.find(ctx, id)
	if wit.CodeOf(err) == wit.CodeNotFound && protocol(ctx) < 4 {
		return nil, nil // protocol 3 reads a file of runs that may be empty
	}
	if err != nil {
		return nil, unknown(err, id)
	}
	runs, err := s.scheduler.Runs(ctx, owner, j.ID, 0)
	return []schedule.Past{{Job: j, Runs: runs}}, unknown(err, j.ID)
}

// find is a job, also one that has removed itself, or CodeNotFound.
func (s *Service) find(ctx context.Context, id string) (schedule.Job, error) {
	j, err := s.scheduler.Get(ctx, owner, id)
	if wit.CodeOf(err) != wit.CodeNotFound {
		return j, err
	}
	gone, lost := s.scheduler.Gone(ctx, owner)
	if i := slices.IndexFunc(gone, func(j schedule.Job) bool { return j.ID == id }); i >= 0 {
		return gone[i], nil
	}
	return j, cmp.Or(lost, err)
}

func (p RunsParams) selects(e RunEntry) bool {
	switch {
	case !passes(p.Status, string(e.Status)),
		len(p.Statuses) > 0 && !slices.Contains(p.Statuses, string(e.Status)),
		!passes(p.DeliveryStatus, cmp.Or(e.DeliveryStatus, Unknown)),
		len(p.DeliveryStatuses) > 0 && !slices.Contains(p.DeliveryStatuses, cmp.Or(e.DeliveryStatus, Unknown)),
		p.RunID != "" && p.RunID != e.RunID:
		return false
	}
	return contains(p.Query, e.JobID, e.JobName, e.Summary, e.Error)
}

func newEntry(j schedule.Job, r schedule.Run) RunEntry {
	return RunEntry{
		Ts: r.StartedAt + r.Duration, JobID: j.ID, Action: schedule.Finished, Status: r.Status, Error: r.Error, Summary: r.Summary,
		RunAtMs: r.StartedAt, DurationMs: r.Duration, NextRunAtMs: r.NextRunAt, RunID: r.Key, JobName: j.Name, Outcome: outcome(r),
	}
}

// version leaves out what is not a protocol's.
func (e RunEntry) version(protocol int) RunEntry {
	if protocol < 4 {
		e.RunID, e.JobName, e.Outcome = "", "", Outcome{}
	}
	return e
}
