package node

import (
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// methods are the owner's, and last those that only nodes call.
func (s *Service) methods() []rpc.Method {
	return []rpc.Method{
		rpc.New("node.list", wire.ScopeRead, s.list).Doc("Lists the nodes: what they may be asked for, and which are connected."),
		rpc.New("environments.list", wire.ScopeRead, s.environments).Doc("Lists the machines where something can be done: the gateway's own, and the nodes."),
		rpc.New("node.describe", wire.ScopeRead, s.describe).Fails(wire.NotFound).Doc("Describes one node."),
		rpc.New("node.rename", wire.ScopePairing, s.rename).Audited().Fails(wire.NotFound).
			Doc("Gives a node a name of the owner's."),
		rpc.New("node.invoke", wire.ScopeWrite, s.Invoke).Fails(wire.NotConnected, wire.NodeTimeout, wire.NotFound, wire.Conflict, wire.TooLarge).Emits("node.invoke.request", "node.invoke.cancel").
			Doc("Asks a node for a command and waits for its answer; the same idempotencyKey is one invocation."),
		rpc.New("node.pair.request", wire.ScopePairing, s.request).Audited().Emits("node.pair.requested").
			Doc("Announces a node, which waits for approval then."),
		rpc.New("node.pair.list", wire.ScopePairing, s.pairs).Doc("Lists the nodes that wait for approval and those that are approved, the newest first."),
		rpc.New("node.pair.approve", wire.ScopePairing, s.approve).Audited().Fails(wire.NotFound).Emits("node.pair.resolved").
			Doc("Lets a node be asked for what it declares, and lets its device in; commands need the scopes of those who may ask for them."),
		rpc.New("node.pair.reject", wire.ScopePairing, s.reject).Audited().Fails(wire.NotFound).Emits("node.pair.resolved").
			Doc("Turns a waiting node away."),
		rpc.New("node.pair.remove", wire.ScopePairing, s.remove).Audited().Fails(wire.NotFound).Emits("node.pair.resolved").
			Doc("Forgets a node and ends its connections."),
		rpc.New("node.pair.verify", wire.ScopePairing, s.verify).Doc("Says whether a node may connect with a token."),
		rpc.New("node.invoke.result", wire.ScopeNode, s.result).Doc("Answers a node.invoke.request."),
		rpc.New("node.event", wire.ScopeNode, s.event).Fails(wire.TooLarge).Emits("node.event").
			Doc("Takes what a node has to say: voice.transcript, agent.request, chat.subscribe and unsubscribe, exec.started, finished and denied."),
	}
}
