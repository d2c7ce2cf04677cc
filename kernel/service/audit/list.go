package audit

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service/task"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of a list.
const (
	defaultLimit = 100
	mostRuns     = 2000 // that can be listed at all
)

// Params select what was done. Times are Unix milliseconds.
type Params struct {
	AgentID    string `json:"agentId,omitempty" rpc:"min=1,max=64"`
	SessionKey string `json:"sessionKey,omitempty" rpc:"min=1,max=512"`
	RunID      string `json:"runId,omitempty" rpc:"min=1,max=256"`
	// Kind agent_run selects the runs of agents, and tool_action the calls of the gateway's own methods. Calls of agents' tools
	// stand in the history of their session.
	Kind   string `json:"kind,omitempty" rpc:"enum=agent_run|tool_action"`
	Status string `json:"status,omitempty" rpc:"enum=started|succeeded|failed|cancelled|timed_out|blocked|unknown"`
	// Method selects the calls of one method, or of those that begin with it where it ends in a dot.
	Method string `json:"method,omitempty" rpc:"min=1,max=64"`
	// After and Before bound when it happened; neither moment itself is among it.
	After  int64 `json:"after,omitempty" rpc:"min=1"`
	Before int64 `json:"before,omitempty" rpc:"min=1"`
	// Limit is 100 when left out.
	Limit int `json:"limit,omitempty" rpc:"min=1,max=500"`
	// Cursor of an earlier answer asks for what comes after it.
	Cursor string `json:"cursor,omitempty" rpc:"min=1,max=16"`
}

// Result is a part of what was done, the last first.
type Result struct {
	Events     []Event `json:"events"`
	NextCursor string  `json:"nextCursor,omitempty"`
}

// Event is the beginning or the end of a run, without what was said, or a call of the gateway's, without its parameters.
type Event struct {
	EventID string `json:"eventId"`
	// Sequence and SourceSequence grow with the time.
	Sequence       int64  `json:"sequence"`
	SourceSequence int64  `json:"sourceSequence"`
	OccurredAt     int64  `json:"occurredAt"`
	Kind           string `json:"kind" rpc:"enum=agent_run|tool_action"`
	Action         string `json:"action" rpc:"enum=agent.run.started|agent.run.finished|tool.action.finished"`
	Status         string `json:"status" rpc:"enum=started|succeeded|failed|cancelled|timed_out|blocked"`
	ErrorCode      string `json:"errorCode,omitempty" rpc:"enum=run_failed|run_cancelled|run_timed_out|tool_failed|tool_timed_out|tool_blocked"`
	Actor          Actor  `json:"actor"`
	// AgentID of a call is the agent that it names, or the default one.
	AgentID    string `json:"agentId"`
	SessionKey string `json:"sessionKey,omitempty"`
	// RunID of a call is an id of its own.
	RunID string `json:"runId"`
	// ToolName is the method of a call.
	ToolName string `json:"toolName,omitempty"`
	// Call says who has called, of a call.
	Call *Call `json:"call,omitempty"`
	// Model is who has answered, of a run that has ended, and Replaced the model in whose place it has.
	Model    string `json:"model,omitempty"`
	Replaced string `json:"replaced,omitempty"`
	// Redaction says that texts are left out.
	Redaction string `json:"redaction" rpc:"enum=metadata_only"`
}

// Actor is who acted: an agent by its id, or somebody by the id of the device or the client.
type Actor struct {
	Type string `json:"type" rpc:"enum=agent|system"`
	ID   string `json:"id"`
}

// Call is who called what. Methods beside those of the protocol are connect, for a login that was refused and for one that let a
// device in, http, for requests with a wrong secret, approval.press, for an approval that was decided by a button in a chat,
// config.file, for a change of the config file by an editor, store.changed, for a record of the database that something else than
// the gateway has changed, and several, for refusals of which too many came to tell them apart.
type Call struct {
	Record
	// Outcome is ok, or the code of the error.
	Outcome string `json:"outcome"`
}

// Removal is what was removed of a person. Times are Unix milliseconds.
type Removal struct {
	// Person is a hash.
	Person string
	Done   int64
	// Removed counts records, by who had them.
	Removed map[string]int
}

// list lists the beginnings and ends of the runs that are kept, the calls, and the removals of what was known of people.
func (s *Service) list(ctx context.Context, p Params) (Result, error) {
	r := Result{Events: []Event{}}
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
	// Who administers the gateway, and from where, is for those who do.
	admin := rpc.Require(ctx, wire.ScopeAdmin, "audit.list") == nil
	all, err := s.gather(ctx, skip+limit+1, func(e Event) bool { return (admin || e.Kind == "agent_run") && p.selects(e, key) })
	if err != nil {
		return r, err
	}
	all = all[min(skip, len(all)):]
	if len(all) > limit {
		all, r.NextCursor = all[:limit], strconv.Itoa(skip+limit)
	}
	r.Events = append(r.Events, all...)
	return r, nil
}

// selects reports whether an event is asked for; key is the session's.
func (p *Params) selects(e Event, key string) bool {
	return (p.AgentID == "" || e.AgentID == p.AgentID) && (p.SessionKey == "" || e.SessionKey == key) && (p.RunID == "" || e.RunID == p.RunID) &&
		(p.Kind == "" || e.Kind == p.Kind) && (p.Status == "" || e.Status == p.Status) &&
		(p.Method == "" || e.ToolName == p.Method || strings.HasSuffix(p.Method, ".") && strings.HasPrefix(e.ToolName, p.Method)) &&
		(p.After == 0 || e.OccurredAt > p.After) && (p.Before == 0 || e.OccurredAt < p.Before)
}

// gather returns the events that are wanted, the last first: at least so many as the limit says, where there are so many.
func (s *Service) gather(ctx context.Context, limit int, wanted func(Event) bool) (all []Event, err error) {
	runs, err := s.Runs(ctx, mostRuns)
	if err != nil {
		return nil, err
	}
	for _, t := range runs {
		all = append(all, happened(t)...)
	}
	removals, err := s.Removals(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range removals {
		all = append(all, s.removed(m))
	}
	all = slices.DeleteFunc(all, func(e Event) bool { return !wanted(e) })
	calls, err := s.newest(ctx, limit, func(e entry) bool { return wanted(s.called(e)) })
	if err != nil {
		return nil, err
	}
	for _, e := range calls {
		all = append(all, s.called(e))
	}
	slices.SortStableFunc(all, func(a, b Event) int { return cmp.Compare(b.OccurredAt, a.OccurredAt) })
	return all, nil
}

// called is the event of a call.
func (s *Service) called(e entry) Event {
	r := e.record
	status, code := "failed", "tool_failed"
	switch r.Code {
	case "":
		status, code = "succeeded", ""
	case wit.CodeForbidden, wit.CodeUnauthorized:
		status, code = "blocked", "tool_blocked"
	case wit.CodeTimeout:
		status, code = "timed_out", "tool_timed_out"
	}
	id := string(e.table) + "/" + e.key
	return Event{
		EventID: id, Sequence: r.At, SourceSequence: r.At, OccurredAt: r.At, Kind: "tool_action", Action: "tool.action.finished", Status: status,
		ErrorCode: code, Actor: Actor{"system", cmp.Or(r.Caller.DeviceID, r.Caller.ClientID, r.Caller.Channel, "gateway")}, AgentID: cmp.Or(r.About["agentId"], s.Agent()),
		RunID: id, ToolName: r.Method, Call: &Call{r, cmp.Or(string(r.Code), "ok")}, Redaction: "metadata_only",
	}
}

// removed is the event of a removal, which may have come long after it was asked for.
func (s *Service) removed(m Removal) Event {
	about := map[string]string{"person": m.Person}
	for from, n := range m.Removed {
		about["removed."+from] = fmt.Sprint(n)
	}
	return s.called(entry{"person.audit", m.Person + "/" + moment(m.Done), Record{At: m.Done, Method: "sessions.purge_user", About: about}, false})
}

// happened are the events of a task, the last first.
func happened(t task.Task) (list []Event) {
	event := func(at int64, action, status, code string) {
		list = append(list, Event{
			EventID: t.ID + ":" + action, Sequence: at, SourceSequence: at, OccurredAt: at, Kind: "agent_run", Action: action, Status: status, ErrorCode: code,
			Actor: Actor{"agent", t.AgentID}, AgentID: t.AgentID, SessionKey: t.SessionKey, RunID: t.RunID, Redaction: "metadata_only",
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
