package node

import (
	"context"
	"time"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// joined is told of every connection. One in the role of a node that has no device can be no node: nothing tells it from
// another.
func (s *Service) joined(ctx context.Context, c *rpc.Caller) (left func()) {
	if c.Role != wire.RoleNode || c.DeviceID == "" {
		return nil
	}
	p := &peer{
		id: c.DeviceID, caller: c, since: time.Now().UnixMilli(), declared: declared(c), gone: make(chan struct{}), sessions: map[string]bool{},
	}
	first := s.roster.add(p)
	if err := s.declare(ctx, p); err != nil {
		s.log.Error("a node's commands cannot be looked at", "node", p.id, "error", err)
	}
	if first {
		Presence.Publish(s.d.Bus, PresenceChange{p.id, true, p.since})
	}
	return func() { s.left(p) }
}

// left ends what the connection was asked for.
func (s *Service) left(p *peer) {
	last := s.roster.drop(p)
	s.invocations.lost(p)
	if last {
		Presence.Publish(s.d.Bus, PresenceChange{p.id, false, time.Now().UnixMilli()})
	}
}

// declare compares what a node declares with what was approved. What is new waits for the owner, unless the owner himself
// seems to sit here: a node of this machine that knows the gateway's secret. A setup code is an admin's word for what its node declares
// first.
func (s *Service) declare(ctx context.Context, p *peer) error {
	client := p.caller.Client
	r := Request{
		NodeID: p.id, Surface: p.declared, Ts: p.since,
		About: About{
			DisplayName: client.DisplayName, Platform: client.Platform, Version: client.Version, DeviceFamily: client.DeviceFamily,
			ModelIdentifier: client.ModelIdentifier, RemoteIP: p.caller.RemoteIP,
		},
	}
	var fresh, silent bool
	err := s.d.Store.Update(ctx, func(tx store.Tx) error {
		n, err := s.approved(tx, p.id)
		if err != nil {
			return err
		}
		if n != nil && n.Surface.covers(p.declared) {
			_, err := forget(tx, p.id)
			if err != nil {
				return err
			}
			n.About, n.LastConnectedAtMs = r.About, p.since
			return nodes.Put(tx, p.id, *n)
		}
		r.IsRepair = n != nil
		if silent = p.caller.Local && p.caller.Secret && !s.d.AskAlways || p.caller.Invited && n == nil; silent {
			r.Silent = true
			_, _, err := s.grant(tx, r)
			return err
		}
		r, fresh, err = s.leave(tx, r)
		return err
	})
	if err == nil && fresh {
		Requested.Publish(s.d.Bus, r)
	}
	return err
}

// follows names the nodes that hear of the session which an event is about.
func (s *Service) follows(e event.Event) []string {
	if e.Name != "chat" && e.Name != "agent" {
		return nil
	}
	if session := s.d.Agent.SessionOf(e.Payload); session != "" {
		return s.roster.following(session)
	}
	return nil
}
