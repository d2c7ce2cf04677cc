package auth

import (
	"encoding/base64"
	"slices"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Nodes are the devices that were let in as nodes, for the service that knows what nodes can do. Its methods take part
// in the caller's transaction.
type Nodes struct {
	pairing *pairing
	bus     *event.Bus
}

// Nodes returns the devices that were let in as nodes.
func (a *Auth) Nodes() *Nodes { return &Nodes{a.pairing, a.pairing.bus} }

// Find returns a device that was let in as a node; false is none. Errors: the store's.
func (n *Nodes) Find(tx store.Tx, id string) (Device, bool, error) {
	p, err := find(tx, id)
	if err != nil || p == nil || !slices.Contains(p.Roles, wire.RoleNode) {
		return Device{}, false, err
	}
	return p.Device, true, nil
}

// List returns all of them, by id. Errors: the store's.
func (n *Nodes) List(tx store.Tx) (list []Device, err error) {
	for row, err := range devices.Scan(tx, store.Range{}) {
		if err != nil {
			return nil, err
		}
		if slices.Contains(row.Value.Roles, wire.RoleNode) {
			list = append(list, row.Value.Device)
		}
	}
	return list, nil
}

// Admit lets a device in as a node, unless it is, and returns its token. d needs an id and the key that belongs to it.
// Errors: CodeInvalid for another key; CodeUnavailable when too many are paired; the store's.
func (n *Nodes) Admit(tx store.Tx, d Device) (token string, err error) {
	key, err := publicKey(d.PublicKey)
	if err != nil {
		return "", err
	}
	if wire.DeviceID(key) != d.DeviceID {
		return "", wit.NewError(wit.CodeInvalid, "the node's id is not that of its key: it is the hex SHA-256 of the raw public key")
	}
	known, err := find(tx, d.DeviceID)
	if err != nil {
		return "", err
	}
	via := ViaOwner
	if known != nil {
		via = known.ApprovedVia
	}
	_, got, err := n.pairing.approve(tx, Request{
		DeviceID: d.DeviceID, PublicKey: base64.RawURLEncoding.EncodeToString(key), DisplayName: d.DisplayName, Platform: d.Platform,
		DeviceFamily: d.DeviceFamily, ClientID: d.ClientID, ClientMode: d.ClientMode, Role: wire.RoleNode, RemoteIP: d.RemoteIP,
	}, via)
	return got.plain, err
}

// Holds reports whether a token is one that a node may connect with. Errors: the store's.
func (n *Nodes) Holds(tx store.Tx, id, token string) (bool, error) {
	p, err := find(tx, id)
	if err != nil || p == nil || !slices.Contains(p.Roles, wire.RoleNode) {
		return false, err
	}
	t := p.live(token, n.pairing.now())
	return t != nil && t.Role == wire.RoleNode, nil
}

// Remove takes the role of a node and its tokens from a device, and forgets one that has no other role. After the
// commit, Removed ends its connections. Errors: the store's.
func (n *Nodes) Remove(tx store.Tx, id string) error {
	p, err := find(tx, id)
	if err != nil || p == nil {
		return err
	}
	if err := endSetups(tx, id, n.pairing.now()); err != nil {
		return err
	}
	p.Roles = slices.DeleteFunc(p.Roles, func(r wire.Role) bool { return r == wire.RoleNode })
	p.Tokens = slices.DeleteFunc(p.Tokens, func(t token) bool { return t.Role == wire.RoleNode })
	if len(p.Roles) == 0 {
		if err := forget(tx, id); err != nil {
			return err
		}
		return devices.Delete(tx, id)
	}
	p.Role = p.Roles[len(p.Roles)-1]
	return devices.Put(tx, id, *p)
}

// Removed ends the connections of what was a node.
func (n *Nodes) Removed(id string) {
	Revoked.Publish(n.bus, Revocation{DeviceID: id, Role: wire.RoleNode})
}
