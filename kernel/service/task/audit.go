package task

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"github.com/carapace-gateway/carapace/wit"
)

// AuditParams select what the agents have done. Times are Unix milliseconds.
type AuditParams struct {
	AgentID    string `json:"agentId,omitempty" rpc:"min=1,max=64"`
	SessionKey string `json:"sessionKey,omitempty" rpc:"min=1,max=512"`
	RunID      string `json:"runId,omitempty" rpc:"min=1,max=256"`
	// Kind tool_action selects nothing: calls of tools stand in the history of their session.
	Kind   string `json:"kind,omitempty" rpc:"enum=agent_run|tool_action"`
	Status string `json:"status,omitempty" rpc:"enum=started|succeeded|failed|cancelled|timed_out|blocked|unknown"`
	// After and Before bound when it happened; neither moment itself is among it.
	After  int64 `json:"after,omitempty" rpc:"min=1"`
	Before int64 `json:"before,omitempty" rpc:"min=1"`
	// Limit is 100 when left out.
	Limit int `json:"limit,omitempty" rpc:"min=1,max=500"`
	// Cursor of an earlier answer asks for what comes after it.
	Cursor string `json:"cursor,omitempty" rpc:"min=1,max=16"`
}

// AuditResult is a part of what the agents have done, the last first.
type AuditResult struct {
	Events     []AuditEvent `json:"events"`
	NextCursor string       `json:"nextCursor,omitempty"`
}

// AuditEvent is the beginning or the end of a run, without what was said.
type AuditEvent struct {
	EventID string `json:"eventId"`
	// Sequence and SourceSequence grow with the time.
	Sequence       int64      `json:"sequence"`
	SourceSequence int64      `json:"sourceSequence"`
	OccurredAt     int64      `json:"occurredAt"`
	Kind           string     `json:"kind" rpc:"enum=agent_run"`
	Action         string     `json:"action" rpc:"enum=agent.run.started|agent.run.finished"`
	Status         string     `json:"status" rpc:"enum=started|succeeded|failed|cancelled|timed_out"`
	ErrorCode      string     `json:"errorCode,omitempty" rpc:"enum=run_failed|run_cancelled|run_timed_out"`
	Actor          AuditActor `json:"actor"`
	AgentID        string     `json:"agentId"`
	SessionKey     string     `json:"sessionKey,omitempty"`
	RunID          string     `json:"runId"`
	// Model is who has answered, of a run that has ended, and Replaced the model in whose place it has.
	Model    string `json:"model,omitempty"`
	Replaced string `json:"replaced,omitempty"`
	// Redaction says that texts are left out.
	Redaction string `json:"redaction" rpc:"enum=metadata_only"`
}

// AuditActor is who acted.
type AuditActor struct {
	Type string `json:"type" rpc:"enum=agent"`
	ID   string `json:"id"`
}

// audit lists the beginnings and ends of the runs that are kept.
func (s *Service) audit(ctx context.Context, p AuditParams) (AuditResult, error) {
	r := AuditResult{Events: []AuditEvent{}}
	key, err := s.Session(p.SessionKey, p.AgentID)
	if err != nil {
		return r, err
	}
	skip := 0
	if p.Cursor != "" {
		if skip, err = strconv.Atoi(p.Cursor); err != nil || skip < 0 {
			return r, wit.Errorf(wit.CodeInvalid, "%q is no cursor of audit.list", p.Cursor)
		}
	}
	limit := cmp.Or(p.Limit, defaultLimit)
	tasks, err := s.Runs.Recent(ctx, mostTasks)
	if err != nil {
		return r, err
	}
	all := []AuditEvent{}
	for _, t := range tasks {
		all = append(all, happened(t)...)
	}
	all = slices.DeleteFunc(all, func(e AuditEvent) bool {
		return p.AgentID != "" && e.AgentID != p.AgentID || p.SessionKey != "" && e.SessionKey != key || p.RunID != "" && e.RunID != p.RunID ||
			p.Kind != "" && e.Kind != p.Kind || p.Status != "" && e.Status != p.Status ||
			p.After != 0 && e.OccurredAt <= p.After || p.Before != 0 && e.OccurredAt >= p.Before
	})
	slices.SortStableFunc(all, func(a, b AuditEvent) int { return cmp.Compare(b.OccurredAt, a.OccurredAt) })
	all = all[min(skip, len(all)):]
	if len(all) > limit {
		all, r.NextCursor = all[:limit], strconv.Itoa(skip+limit)
	}
	r.Events = append(r.Events, all...)
	return r, nil
}

// happened are the events of a task, the last first.
func happened(t Task) (list []AuditEvent) {
	event := func(at int64, action, status, code string) {
		list = append(list, AuditEvent{
			EventID: t.ID + ":" + action, Sequence: at, SourceSequence: at, OccurredAt: at, Kind: "agent_run", Action: action, Status: status, ErrorCode: code,
			Actor: AuditActor{"agent", t.AgentID}, AgentID: t.AgentID, SessionKey: t.SessionKey, RunID: t.RunID, Redaction: "metadata_only",
		})
	}
	if t.EndedAt > 0 {
		status, code := t.Status, "run_"+t.Status
		if t.Status == "completed" {
			status, code = "succeeded", ""
		}
		event(t.EndedAt, "agent.run.finished", status, code)
		list[0].Model, list[0].Replaced = t.Model, t.Replaced
	}
	if t.StartedAt > 0 {
		event(t.StartedAt, "agent.run.started", "started", "")
	}
	return list
}
