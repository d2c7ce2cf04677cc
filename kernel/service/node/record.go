package node

import (
	"time"

	"github.com/google/uuid"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// The spaces in the store: approved nodes by node, requests by request id.
const (
	nodes    store.Table[Node]    = "node.nodes"
	requests store.Table[Request] = "node.requests"
)

// Bounds of what peers can make the gateway keep.
const (
	maxRequests = 64
	// RequestTTL is how long the request of a node that is not connected waits for the owner.
	RequestTTL = 24 * time.Hour
)

// About is how a node describes itself.
type About struct {
	DisplayName     string `json:"displayName,omitempty" rpc:"min=1,max=256"`
	Platform        string `json:"platform,omitempty" rpc:"min=1,max=128"`
	Version         string `json:"version,omitempty" rpc:"min=1,max=128"`
	CoreVersion     string `json:"coreVersion,omitempty" rpc:"min=1,max=128"`
	UIVersion       string `json:"uiVersion,omitempty" rpc:"min=1,max=128"`
	DeviceFamily    string `json:"deviceFamily,omitempty" rpc:"min=1,max=128"`
	ModelIdentifier string `json:"modelIdentifier,omitempty" rpc:"min=1,max=128"`
	RemoteIP        string `json:"remoteIp,omitempty" rpc:"min=1,max=128"`
}

// Node is a node and what the owner has approved of it. Times are Unix milliseconds.
type Node struct {
	NodeID string `json:"nodeId"`
	About
	Surface
	// Name is what the owner calls it.
	Name         string `json:"name,omitempty"`
	CreatedAtMs  int64  `json:"createdAtMs"`
	ApprovedAtMs int64  `json:"approvedAtMs"`
	// LastConnectedAtMs is when it came last.
	LastConnectedAtMs int64 `json:"lastConnectedAtMs,omitempty"`
	// DeviceSince is when its device was let in: what was approved of one that was forgotten does not hold for the next.
	DeviceSince int64 `json:"deviceSince"`
}

// Request is a node that waits for the owner's word. Ts is Unix milliseconds.
type Request struct {
	RequestID string `json:"requestId"`
	NodeID    string `json:"nodeId"`
	// PublicKey is that of a device which is not let in yet.
	PublicKey string `json:"publicKey,omitempty"`
	About
	Surface
	Silent bool `json:"silent,omitempty"`
	// IsRepair says that the node is approved already and declares more.
	IsRepair bool  `json:"isRepair,omitempty"`
	Ts       int64 `json:"ts"`
}

// waits reports whether a request is still to be decided.
func (s *Service) waits(r Request) bool {
	return time.Since(time.UnixMilli(r.Ts)) <= RequestTTL || s.roster.get(r.NodeID) != nil
}

// approved returns what the owner has approved of a node; nil is nothing. Errors: the store's.
func (s *Service) approved(tx store.Tx, id string) (*Node, error) {
	n, err := nodes.Get(tx, id)
	if wit.CodeOf(err) == wit.CodeNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d, ok, err := s.d.Devices.Find(tx, id)
	if err != nil || !ok || d.CreatedAtMs != n.DeviceSince {
		return nil, err
	}
	return &n, nil
}

// pending returns a request that still waits. Errors: CodeNotFound; the store's.
func (s *Service) pending(tx store.Tx, id string) (Request, error) {
	r, err := requests.Get(tx, id)
	if wit.CodeOf(err) == wit.CodeNotFound || err == nil && !s.waits(r) {
		return Request{}, wit.NewError(wit.CodeNotFound, "unknown requestId")
	}
	return r, err
}

// pendingOf returns the request of a node, nil for none. Errors: the store's.
func (s *Service) pendingOf(tx store.Tx, node string) (*Request, error) {
	for row, err := range requests.Scan(tx, store.Range{}) {
		if err != nil {
			return nil, err
		}
		if row.Value.NodeID == node && s.waits(row.Value) {
			return &row.Value, nil
		}
	}
	return nil, nil
}

// leave keeps a request for the owner. The same ask of the same node stays one request; another one replaces it under a
// new id, so that what the owner has read is what he approves. Errors: CodeUnavailable when too many wait; the store's.
func (s *Service) leave(tx store.Tx, r Request) (kept Request, fresh bool, err error) {
	waiting, over := 0, []string{}
	for row, err := range requests.Scan(tx, store.Range{}) {
		if err != nil {
			return r, false, err
		}
		old := row.Value
		switch {
		case old.NodeID == r.NodeID && s.waits(old) && old.Surface.equal(r.Surface) && old.PublicKey == r.PublicKey:
			return old, false, nil
		case old.NodeID == r.NodeID || !s.waits(old):
			over = append(over, row.Key)
		default:
			waiting++
		}
	}
	if waiting >= maxRequests {
		return r, false, wit.NewError(wit.CodeUnavailable, "too many nodes wait for approval: approve or reject some: `carapace nodes pending` lists them")
	}
	for _, key := range over {
		if err := requests.Delete(tx, key); err != nil {
			return r, false, err
		}
	}
	r.RequestID = uuid.NewString()
	return r, true, requests.Put(tx, r.RequestID, r)
}

// forget drops what a node still had waiting, and returns its id, "" for nothing.
func forget(tx store.Tx, node string) (id string, err error) {
	var over []string
	for row, err := range requests.Scan(tx, store.Range{}) {
		if err != nil {
			return "", err
		}
		if row.Value.NodeID == node {
			over = append(over, row.Key)
		}
	}
	for _, id = range over {
		if err := requests.Delete(tx, id); err != nil {
			return "", err
		}
	}
	return id, nil
}

// prune drops the nodes whose devices were forgotten.
func (s *Service) prune(tx store.Tx) error {
	var over []string
	for row, err := range nodes.Scan(tx, store.Range{}) {
		if err != nil {
			return err
		}
		if d, ok, err := s.d.Devices.Find(tx, row.Key); err != nil {
			return err
		} else if !ok || d.CreatedAtMs != row.Value.DeviceSince {
			over = append(over, row.Key)
		}
	}
	for _, id := range over {
		if err := nodes.Delete(tx, id); err != nil {
			return err
		}
	}
	return nil
}
