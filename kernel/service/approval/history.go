package approval

import (
	"context"
	"net/url"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// The approvals of both kinds in the words of protocol 4.

// ApprovalSnapshot is how an approval stands. Times are in Unix milliseconds.
type ApprovalSnapshot struct {
	ID           string       `json:"id"`
	URLPath      string       `json:"urlPath"`
	CreatedAtMs  int64        `json:"createdAtMs"`
	ExpiresAtMs  int64        `json:"expiresAtMs"`
	Presentation Presentation `json:"presentation"`
	Status       string       `json:"status" rpc:"enum=pending|allowed|denied|expired|cancelled"`
	ResolvedAtMs *int64       `json:"resolvedAtMs,omitempty"`
	Decision     Decision     `json:"decision,omitempty" rpc:"enum=allow-once|allow-always|deny"`
	// Reason is user, timeout or run-aborted.
	Reason   string    `json:"reason,omitempty" rpc:"enum=user|timeout|run-aborted"`
	Source   *Source   `json:"source,omitempty"`
	Resolver *Resolver `json:"resolver,omitempty"`
	// ResolvedBy is what people call who has decided.
	ResolvedBy *string `json:"resolvedBy,omitempty"`
}

// Presentation is what is asked about: of exec, the command; of plugin, the title and what follows.
type Presentation struct {
	Kind             Kind       `json:"kind" rpc:"enum=exec|plugin"`
	CommandText      string     `json:"commandText,omitempty"`
	WarningText      *string    `json:"warningText,omitempty"`
	Host             *string    `json:"host,omitempty"`
	NodeID           *string    `json:"nodeId,omitempty"`
	AgentID          *string    `json:"agentId"`
	Title            string     `json:"title,omitempty"`
	Description      *string    `json:"description,omitempty"`
	Detail           *string    `json:"detail,omitempty"`
	Severity         string     `json:"severity,omitempty" rpc:"enum=info|warning|critical"`
	PluginID         *string    `json:"pluginId,omitempty"`
	ToolName         *string    `json:"toolName,omitempty"`
	AllowedDecisions []Decision `json:"allowedDecisions" rpc:"enum=allow-once|allow-always|deny"`
}

// Source is whose call it was.
type Source struct {
	AgentID    string `json:"agentId,omitempty"`
	SessionKey string `json:"sessionKey,omitempty"`
}

func (r *record) snapshot() ApprovalSnapshot {
	v := ApprovalSnapshot{ID: r.ID, URLPath: "/approvals/" + url.PathEscape(r.ID), CreatedAtMs: r.CreatedAt, ExpiresAtMs: r.ExpiresAt, Status: string(r.Status), Decision: r.Decision}
	source := Source{AgentID: r.Agent}
	if e := r.Exec; e != nil {
		v.Presentation = Presentation{Kind: Exec, CommandText: e.Command, WarningText: e.WarningText, Host: e.Host, NodeID: e.NodeID, AgentID: e.AgentID, ToolName: e.ToolName, AllowedDecisions: e.AllowedDecisions}
		source.SessionKey = text(e.SessionKey)
	} else {
		p := r.Plugin
		v.Presentation = Presentation{Kind: Plugin, Title: p.Title, Description: &p.Description, Detail: p.Detail, Severity: p.Severity, PluginID: p.PluginID, ToolName: p.ToolName, AgentID: p.AgentID, AllowedDecisions: p.AllowedDecisions}
		source.SessionKey = text(p.SessionKey)
	}
	if r.Status == Pending {
		return v
	}
	v.ResolvedAtMs, v.Source, v.Resolver, v.ResolvedBy = &r.At, &source, &r.By, some(r.ByName)
	switch r.Status {
	case Approved:
		v.Status, v.Reason = "allowed", "user"
	case Denied:
		v.Reason = "user"
	case Expired:
		v.Reason = "timeout"
	default:
		v.Reason = "run-aborted"
	}
	return v
}

// SnapshotResult is one approval.
type SnapshotResult struct {
	Approval ApprovalSnapshot `json:"approval"`
}

func (s *Service) getSnapshot(ctx context.Context, p IDParams) (SnapshotResult, error) {
	r, err := s.load(ctx, p.ID, "")
	if err != nil {
		return SnapshotResult{}, err
	}
	return SnapshotResult{r.snapshot()}, nil
}

// ResolveAnyParams answer an approval of a kind.
type ResolveAnyParams struct {
	ResolveParams
	Kind Kind `json:"kind,omitempty" rpc:"enum=exec|plugin"`
}

// ResolveAnyResult is how it stands then.
type ResolveAnyResult struct {
	// Applied is false where the same was said before.
	Applied  bool             `json:"applied"`
	Approval ApprovalSnapshot `json:"approval"`
}

func (s *Service) resolveAny(ctx context.Context, p ResolveAnyParams) (ResolveAnyResult, error) {
	r, applied, err := s.decide(ctx, p.ID, p.Kind, p.Decision, resolver(ctx, p.Reviewer))
	if err != nil {
		return ResolveAnyResult{}, err
	}
	return ResolveAnyResult{applied, r.snapshot()}, nil
}

// HistoryParams select what is over.
type HistoryParams struct {
	// Cursor is the nextCursor of the page before.
	Cursor string `json:"cursor,omitempty" rpc:"min=1,max=512"`
	// Limit is 50 when left out.
	Limit int `json:"limit,omitempty" rpc:"min=1,max=100"`
	// Kind is all when left out. There are none of system-agent.
	Kind string `json:"kind,omitempty" rpc:"enum=exec|plugin|system-agent"`
}

// HistoryResult is a page of what is over, the newest first.
type HistoryResult struct {
	Items []ApprovalSnapshot `json:"items"`
	// NextCursor asks for the next page; it is not there on the last one.
	NextCursor string `json:"nextCursor,omitempty"`
}

const defaultPage = 50

func (s *Service) history(ctx context.Context, p HistoryParams) (out HistoryResult, err error) {
	if p.Limit == 0 {
		p.Limit = defaultPage
	}
	err = s.d.Store.View(ctx, func(tx store.Tx) error {
		out = HistoryResult{Items: []ApprovalSnapshot{}}
		last := ""
		for row, err := range doneTable.Scan(tx, store.Range{To: p.Cursor, Reverse: true}) {
			switch {
			case store.Damaged(err):
				continue
			case err != nil:
				return err
			case p.Kind != "" && string(row.Value.Kind) != p.Kind:
				continue
			case len(out.Items) == p.Limit:
				out.NextCursor = last
				return nil
			}
			out.Items, last = append(out.Items, row.Value.snapshot()), row.Key
		}
		return nil
	})
	if wit.CodeOf(err) == wit.CodeInvalid {
		err = wit.NewError(wit.CodeInvalid, "this is no cursor: take nextCursor of the page before")
	}
	return out, err
}
