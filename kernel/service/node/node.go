// Package node has devices do what they offer: phones, desktops and headless hosts that connect in the role of a node,
// say which commands they know, and are asked to carry them out.
//
// Owns: what the owner has approved of each node, the requests that wait for him, which nodes are connected, and the
// invocations under way. It refuses to let devices in (auth does) and to know what a command means.
//
// Guarantees. A command reaches a node only if the node declares it, the owner has approved it, the node's platform or
// the config file allows it, the config file does not deny it, and the node's own system permits it. A node that declares
// more than was approved makes a request and keeps what it had. An invocation is asked once: the same key again gets the
// same answer, also while the first is under way. It ends with the node's answer, at its timeout, or when the node's
// connection does; when nobody waits for it any more the node is told. What nodes send is bounded, and is acted on only
// once they are approved. Approvals survive restarts; invocations and their keys do not.
//
// Everything is safe for concurrent use.
package node

import (
	"context"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/store"
)

// Device is a device that was let in as a node. Times are Unix milliseconds.
type Device struct {
	// ID is the hex SHA-256 of its raw public key.
	ID, PublicKey                                                   string
	DisplayName, Platform, DeviceFamily, ClientID, ClientMode, From string
	// CreatedAtMs tells a device that was forgotten and let in anew from the one before.
	CreatedAtMs, ApprovedAtMs int64
}

// Devices lets devices in as nodes. What has a tx takes part in that transaction. Errors are the store's, and:
type Devices interface {
	// Find returns a node's device; false is none.
	Find(tx store.Tx, id string) (Device, bool, error)
	List(tx store.Tx) ([]Device, error)
	// Admit lets a device in, unless it is, and returns the token that it may connect with. CodeInvalid for a key that is not the id's.
	Admit(tx store.Tx, d Device) (token string, err error)
	// Holds reports whether a node may connect with a token.
	Holds(tx store.Tx, id, token string) (bool, error)
	// Remove undoes Admit. Removed is called after the commit, and ends the node's connections.
	Remove(tx store.Tx, id string) error
	Removed(id string)
}

// Turn is what a node says to the agent.
type Turn struct {
	// ID makes the same turn twice one.
	ID, Node, Session, Text, Thinking string
	Timeout                           time.Duration
	// Deliver sends the answer to To on Channel.
	Deliver     bool
	Channel, To string
}

// Agent hears what nodes have to say.
type Agent interface {
	// Ask starts a turn and does not wait for its end. Errors: CodeInvalid and CodeNotFound for a session or a
	// destination that there is not; CodeUnavailable when too much waits.
	Ask(ctx context.Context, t Turn) error
	// Note tells a session something that its agent reads in its next turn. Errors: as Ask's.
	Note(ctx context.Context, session, text string) error
	// Session returns the key of a session as a client writes it. Errors: CodeInvalid, CodeNotFound.
	Session(name string) (key string, err error)
	// SessionOf returns the key of the session that an event's payload is about, "" for none. It returns at once.
	SessionOf(payload any) string
}

// Rules are the owner's, beside what platforms allow.
type Rules struct{ Allow, Deny []string }

// Deps is what the service stands on.
type Deps struct {
	Store   store.Store
	Bus     *event.Bus
	Devices Devices
	Agent   Agent
	Rules   func() Rules
	// AskAlways makes nodes of this machine wait for the owner's approval too.
	AskAlways bool
	Log       hclog.Logger
}

// Service has nodes do what they offer.
type Service struct {
	d           Deps
	log         hclog.Logger
	roster      *roster
	invocations *invocations
}

// New returns the service.
func New(d Deps) *Service {
	return &Service{d: d, log: d.Log.Named("node"), roster: newRoster(), invocations: newInvocations()}
}

// Service implements the kernel's list.
func (s *Service) Service() service.Service {
	return service.Service{
		Name: "node", Methods: s.methods(), Events: Events(), Joined: s.joined, Follows: s.follows,
		Queues: func(context.Context) (map[string]int, error) {
			return map[string]int{"node invocations": s.invocations.count()}, nil
		},
	}
}
