package node

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/store"
)

// How far the owner has got with a node.
const (
	stateApproved   = "approved"
	statePending    = "pending-approval"
	stateReapproval = "pending-reapproval"
	stateUnapproved = "unapproved"
)

// Row is a node as clients see it. Times are Unix milliseconds.
type Row struct {
	NodeID string `json:"nodeId"`
	About
	ClientID   string   `json:"clientId,omitempty"`
	ClientMode string   `json:"clientMode,omitempty"`
	Caps       []string `json:"caps"`
	// Commands are those that the node may be asked for.
	Commands    []string        `json:"commands"`
	Permissions map[string]bool `json:"permissions,omitempty"`
	PathEnv     string          `json:"pathEnv,omitempty"`
	// Paired says that its device may connect; ApprovalState how far the owner has got with its commands.
	Paired           bool   `json:"paired"`
	Connected        bool   `json:"connected"`
	ApprovalState    string `json:"approvalState" rpc:"enum=approved|pending-approval|pending-reapproval|unapproved"`
	PendingRequestID string `json:"pendingRequestId,omitempty"`
	// What a request that waits declares.
	PendingDeclaredCaps        []string        `json:"pendingDeclaredCaps,omitempty"`
	PendingDeclaredCommands    []string        `json:"pendingDeclaredCommands,omitempty"`
	PendingDeclaredPermissions map[string]bool `json:"pendingDeclaredPermissions,omitempty"`
	ConnectedAtMs              int64           `json:"connectedAtMs,omitempty"`
	LastConnectedAtMs          int64           `json:"lastConnectedAtMs,omitempty"`
	ApprovedAtMs               int64           `json:"approvedAtMs,omitempty"`
}

// List is the nodes there are, those that are connected first. Ts is Unix milliseconds.
type List struct {
	Ts    int64 `json:"ts"`
	Nodes []Row `json:"nodes"`
}

// Description is one node. Ts is Unix milliseconds.
type Description struct {
	Ts int64 `json:"ts"`
	Row
}

func (s *Service) list(ctx context.Context, _ rpc.None) (List, error) {
	out := List{Ts: time.Now().UnixMilli(), Nodes: []Row{}}
	err := s.d.Store.View(ctx, func(tx store.Tx) error {
		known, err := s.d.Devices.List(tx)
		if err != nil {
			return err
		}
		waiting, err := s.waiting(tx)
		if err != nil {
			return err
		}
		for _, d := range known {
			row, err := s.row(tx, d, waiting[d.ID])
			if err != nil {
				return err
			}
			delete(waiting, d.ID)
			out.Nodes = append(out.Nodes, row)
		}
		// What is announced and has no device yet.
		for _, id := range slices.Sorted(maps.Keys(waiting)) {
			out.Nodes = append(out.Nodes, announced(waiting[id]))
		}
		return nil
	})
	slices.SortStableFunc(out.Nodes, func(x, y Row) int {
		if x.Connected != y.Connected {
			if x.Connected {
				return -1
			}
			return 1
		}
		name := func(r Row) string { return strings.ToLower(cmp.Or(r.DisplayName, r.NodeID)) }
		return cmp.Or(cmp.Compare(name(x), name(y)), cmp.Compare(x.NodeID, y.NodeID))
	})
	return out, err
}

func (s *Service) describe(ctx context.Context, in Ref) (Description, error) {
	out := Description{Ts: time.Now().UnixMilli()}
	err := s.d.Store.View(ctx, func(tx store.Tx) error {
		d, ok, err := s.d.Devices.Find(tx, in.NodeID)
		if err != nil {
			return err
		}
		waiting, err := s.pendingOf(tx, in.NodeID)
		switch {
		case err != nil:
			return err
		case !ok && waiting == nil:
			return unknown()
		case !ok:
			out.Row = announced(waiting)
			return nil
		}
		out.Row, err = s.row(tx, d, waiting)
		return err
	})
	return out, err
}

// waiting are the requests by node.
func (s *Service) waiting(tx store.Tx) (map[string]*Request, error) {
	list := map[string]*Request{}
	for row, err := range requests.Scan(tx, store.Range{}) {
		if err != nil {
			return nil, err
		}
		if s.waits(row.Value) {
			list[row.Value.NodeID] = &row.Value
		}
	}
	return list, nil
}

// row is a node whose device was let in.
func (s *Service) row(tx store.Tx, d Device, waiting *Request) (Row, error) {
	r := Row{
		NodeID: d.ID, Paired: true, ClientID: d.ClientID, ClientMode: d.ClientMode, ApprovalState: stateUnapproved,
		About: About{DisplayName: d.DisplayName, Platform: d.Platform, DeviceFamily: d.DeviceFamily, RemoteIP: d.From},
	}
	n, err := s.approved(tx, d.ID)
	if err != nil {
		return r, err
	}
	var has Surface
	if n != nil {
		r.About, has = n.About, n.Surface
		r.LastConnectedAtMs, r.ApprovedAtMs, r.ApprovalState = n.LastConnectedAtMs, n.ApprovedAtMs, stateApproved
	}
	p := s.roster.get(d.ID)
	if p != nil {
		r.live(p)
	}
	if n != nil && n.Name != "" {
		r.DisplayName = n.Name
	}
	r.Caps, r.Permissions = append([]string{}, has.Caps...), has.Permissions
	rules := s.d.Rules()
	r.Commands = append([]string{}, slices.DeleteFunc(slices.Clone(has.Commands), func(c string) bool { return !rules.allowed(c, r.Platform, r.DeviceFamily) })...)
	if p != nil {
		r.Caps, r.Permissions = p.declared.Caps, p.declared.Permissions
		r.Commands = slices.DeleteFunc(r.Commands, func(c string) bool { return rules.barrierOf(c, p, &has) != barrier{} })
	}
	r.pending(waiting, n != nil)
	return r, nil
}

// live puts in what a connection says.
func (r *Row) live(p *peer) {
	c := p.caller
	r.Connected, r.ConnectedAtMs, r.LastConnectedAtMs, r.PathEnv = true, p.since, p.since, c.Offer.PathEnv
	r.ClientID, r.ClientMode = c.Client.ID, c.Client.Mode
	r.About = About{
		DisplayName: cmp.Or(c.Client.DisplayName, r.DisplayName), Platform: c.Client.Platform, Version: c.Client.Version,
		DeviceFamily: c.Client.DeviceFamily, ModelIdentifier: c.Client.ModelIdentifier, RemoteIP: c.RemoteIP,
	}
}

// pending puts in a request that waits.
func (r *Row) pending(waiting *Request, approved bool) {
	if waiting == nil {
		return
	}
	r.ApprovalState = statePending
	if approved {
		r.ApprovalState = stateReapproval
	}
	r.PendingRequestID, r.PendingDeclaredCaps = waiting.RequestID, waiting.Caps
	r.PendingDeclaredCommands, r.PendingDeclaredPermissions = waiting.Commands, waiting.Permissions
}

// announced is a node whose device was not let in yet.
func announced(waiting *Request) Row {
	r := Row{NodeID: waiting.NodeID, About: waiting.About, Caps: []string{}, Commands: []string{}}
	r.pending(waiting, false)
	return r
}
