package node

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// RequestParams are a node that somebody else announces. One whose device is not let in yet needs its key.
type RequestParams struct {
	NodeID string `json:"nodeId" rpc:"required,min=1,max=128"`
	// PublicKey is the raw Ed25519 key in base64url, or PEM.
	PublicKey string `json:"publicKey,omitempty" rpc:"min=1,max=512"`
	About
	Caps        []string        `json:"caps,omitempty" rpc:"max=256"`
	Commands    []string        `json:"commands,omitempty" rpc:"max=512"`
	Permissions map[string]bool `json:"permissions,omitempty" rpc:"max=512"`
	Silent      bool            `json:"silent,omitempty"`
}

// RequestResult is the request that waits now.
type RequestResult struct {
	Status  string  `json:"status" rpc:"enum=pending"`
	Request Request `json:"request"`
	// Created is false where the same was asked before.
	Created bool `json:"created"`
}

// request announces a node. Errors: CodeInvalid without a key for a device that is not let in; CodeUnavailable when too
// many wait; the store's.
func (s *Service) request(ctx context.Context, in RequestParams) (RequestResult, error) {
	out := RequestResult{Status: "pending"}
	err := s.d.Store.Update(ctx, func(tx store.Tx) error {
		_, known, err := s.d.Devices.Find(tx, in.NodeID)
		if err != nil {
			return err
		}
		if !known && in.PublicKey == "" {
			return wit.NewError(wit.CodeInvalid, "the node's device is not paired: pass its publicKey, or start the node, which asks by itself")
		}
		if known {
			in.PublicKey = ""
		}
		n, err := s.approved(tx, in.NodeID)
		if err != nil {
			return err
		}
		out.Request, out.Created, err = s.leave(tx, Request{
			NodeID: in.NodeID, PublicKey: in.PublicKey, About: in.About, Surface: surface(in.Caps, in.Commands, in.Permissions),
			IsRepair: n != nil, Ts: time.Now().UnixMilli(),
		})
		return err
	})
	if err == nil && out.Created {
		Requested.Publish(s.d.Bus, out.Request)
	}
	return out, err
}

// PendingRow is a request as an owner sees it.
type PendingRow struct {
	Request
	// RequiredApproveScopes are what an approver needs.
	RequiredApproveScopes []wire.Scope `json:"requiredApproveScopes"`
}

// PairList is who waits and who is approved.
type PairList struct {
	Pending []PendingRow `json:"pending"`
	Paired  []Node       `json:"paired"`
}

// pairs lists the newest first, as owners look for what they have just started.
func (s *Service) pairs(ctx context.Context, _ rpc.None) (PairList, error) {
	out := PairList{Pending: []PendingRow{}, Paired: []Node{}}
	err := s.d.Store.View(ctx, func(tx store.Tx) error {
		for row, err := range requests.Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			if s.waits(row.Value) {
				out.Pending = append(out.Pending, PendingRow{row.Value, approveScopes(row.Value.Surface)})
			}
		}
		for row, err := range nodes.Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			n, err := s.approved(tx, row.Key)
			if err != nil {
				return err
			}
			if n != nil {
				n.DisplayName = cmp.Or(n.Name, n.DisplayName)
				out.Paired = append(out.Paired, *n)
			}
		}
		return nil
	})
	slices.SortStableFunc(out.Pending, func(x, y PendingRow) int { return cmp.Compare(y.Ts, x.Ts) })
	slices.SortStableFunc(out.Paired, func(x, y Node) int { return cmp.Compare(y.ApprovedAtMs, x.ApprovedAtMs) })
	return out, err
}

// RequestRef names a request.
type RequestRef struct {
	RequestID string `json:"requestId" rpc:"required,min=1,max=128"`
}

// ApprovedNode is a node and, for admins, the token that it may connect with.
type ApprovedNode struct {
	Node
	Token string `json:"token,omitempty"`
}

// Approved is the node that may be asked now.
type Approved struct {
	RequestID string       `json:"requestId"`
	Node      ApprovedNode `json:"node"`
}

// approve grants what was asked, at most what the approver may ask nodes for himself.
func (s *Service) approve(ctx context.Context, in RequestRef) (Approved, error) {
	out := Approved{RequestID: in.RequestID}
	err := s.d.Store.Update(ctx, func(tx store.Tx) error {
		r, err := s.pending(tx, in.RequestID)
		if err != nil {
			return err
		}
		for _, scope := range approveScopes(r.Surface) {
			if err := rpc.Require(ctx, scope, "node.pair.approve"); err != nil {
				return err
			}
		}
		n, token, err := s.grant(tx, r)
		if err != nil {
			return err
		}
		out.Node = ApprovedNode{Node: n}
		if rpc.Require(ctx, wire.ScopeAdmin, "node.pair.approve") == nil {
			out.Node.Token = token
		}
		return nil
	})
	if err == nil {
		s.resolved(Resolution{in.RequestID, out.Node.NodeID, "approved", time.Now().UnixMilli()})
	}
	return out, err
}

// grant approves what a node asks for, beside what it has, and lets its device in. Errors: as Devices.Admit's.
func (s *Service) grant(tx store.Tx, r Request) (n Node, token string, err error) {
	if err := s.prune(tx); err != nil {
		return n, "", err
	}
	d, known, err := s.d.Devices.Find(tx, r.NodeID)
	if err != nil {
		return n, "", err
	}
	if !known {
		d = Device{ID: r.NodeID, PublicKey: r.PublicKey, DisplayName: r.DisplayName, Platform: r.Platform, DeviceFamily: r.DeviceFamily, From: r.RemoteIP}
	}
	if token, err = s.d.Devices.Admit(tx, d); err != nil {
		return n, "", err
	}
	if d, _, err = s.d.Devices.Find(tx, r.NodeID); err != nil {
		return n, "", err
	}
	now := time.Now().UnixMilli()
	old, err := s.approved(tx, r.NodeID)
	if err != nil {
		return n, "", err
	}
	if n = (Node{NodeID: r.NodeID, CreatedAtMs: now, DeviceSince: d.CreatedAtMs}); old != nil {
		n = *old
	}
	n.About, n.Surface, n.ApprovedAtMs = r.About, n.Surface.plus(r.Surface), now
	if p := s.roster.get(r.NodeID); p != nil {
		n.LastConnectedAtMs = p.since
	}
	if _, err := forget(tx, r.NodeID); err != nil {
		return n, "", err
	}
	return n, token, nodes.Put(tx, n.NodeID, n)
}

// resolved tells of the end of a request, the node too.
func (s *Service) resolved(r Resolution) {
	Resolved.Publish(s.d.Bus, r)
	if conns := s.roster.conns(r.NodeID); len(conns) > 0 {
		resolvedNode.Publish(s.d.Bus, r, conns...)
	}
}

// Rejected is the node that was turned away.
type Rejected struct {
	RequestID string `json:"requestId"`
	NodeID    string `json:"nodeId"`
}

// RejectParams name a request; Reason is for the log.
type RejectParams struct {
	RequestID string `json:"requestId" rpc:"required,min=1,max=128"`
	Reason    string `json:"reason,omitempty" rpc:"max=512"`
}

// reject removes a request. The node asks again when it connects the next time.
func (s *Service) reject(ctx context.Context, in RejectParams) (Rejected, error) {
	out := Rejected{RequestID: in.RequestID}
	err := s.d.Store.Update(ctx, func(tx store.Tx) error {
		r, err := s.pending(tx, in.RequestID)
		if err != nil {
			return err
		}
		out.NodeID = r.NodeID
		return requests.Delete(tx, in.RequestID)
	})
	if err == nil {
		s.log.Info("a node was turned away", "node", out.NodeID, "reason", in.Reason)
		s.resolved(Resolution{in.RequestID, out.NodeID, "rejected", time.Now().UnixMilli()})
	}
	return out, err
}

// VerifyParams are a token that is looked at.
type VerifyParams struct {
	NodeID string `json:"nodeId" rpc:"required,min=1,max=128"`
	Token  string `json:"token" rpc:"required,min=1,max=4096"`
}

// Verified says whether the node may connect with the token.
type Verified struct {
	OK   bool  `json:"ok"`
	Node *Node `json:"node,omitempty"`
}

func (s *Service) verify(ctx context.Context, in VerifyParams) (out Verified, err error) {
	err = s.d.Store.View(ctx, func(tx store.Tx) error {
		if out.OK, err = s.d.Devices.Holds(tx, in.NodeID, in.Token); err != nil || !out.OK {
			return err
		}
		out.Node, err = s.approved(tx, in.NodeID)
		return err
	})
	return out, err
}

// Ref names a node.
type Ref struct {
	NodeID string `json:"nodeId" rpc:"required,min=1,max=128"`
}

// remove forgets a node, what it has waiting, and its device's right to connect as one, and ends its connections.
func (s *Service) remove(ctx context.Context, in Ref) (Ref, error) {
	var request string
	err := s.d.Store.Update(ctx, func(tx store.Tx) error {
		_, known, err := s.d.Devices.Find(tx, in.NodeID)
		if err != nil {
			return err
		}
		if request, err = forget(tx, in.NodeID); err != nil {
			return err
		}
		if !known && request == "" {
			return unknown()
		}
		if err := s.d.Devices.Remove(tx, in.NodeID); err != nil {
			return err
		}
		return nodes.Delete(tx, in.NodeID)
	})
	if err != nil {
		return Ref{}, err
	}
	s.resolved(Resolution{request, in.NodeID, "removed", time.Now().UnixMilli()})
	s.d.Devices.Removed(in.NodeID)
	return in, nil
}

func unknown() error {
	return wit.NewError(wit.CodeNotFound, "unknown nodeId: `carapace nodes list` shows those that there are")
}

// RenameParams give a node a name.
type RenameParams struct {
	NodeID      string `json:"nodeId" rpc:"required,min=1,max=128"`
	DisplayName string `json:"displayName" rpc:"required,min=1,max=256"`
}

// Renamed is the node under its name.
type Renamed struct {
	NodeID      string `json:"nodeId"`
	DisplayName string `json:"displayName"`
}

// rename keeps the owner's name for a node, whatever it calls itself.
func (s *Service) rename(ctx context.Context, in RenameParams) (Renamed, error) {
	err := s.d.Store.Update(ctx, func(tx store.Tx) error {
		n, err := s.approved(tx, in.NodeID)
		if err != nil {
			return err
		}
		if n == nil {
			return wit.NewError(wit.CodeNotFound, "unknown nodeId: only nodes that are approved have a name: `carapace nodes list` shows them")
		}
		n.Name = in.DisplayName
		return nodes.Put(tx, in.NodeID, *n)
	})
	return Renamed(in), err
}
