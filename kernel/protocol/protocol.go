// Package protocol is what the gateway promises its clients, as data: the methods with their parameters and
// results, the events with their payloads, and the frames that carry them; and all of it as one JSON Schema.
//
// Nothing is declared here. The method table and the lists of events say what there is, the types say of
// what it consists (see rpc.Decoder for their tags), and docs/protocol.md and docs/protocol.schema.json are
// generated from that. The package keeps no state and is safe for concurrent use.
package protocol

import (
	"cmp"
	"reflect"
	"slices"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// Contract is what there is to call and to hear.
type Contract struct {
	// Methods are sorted by name; connect, which opens a connection, is among them.
	Methods []rpc.Description
	// Events are sorted by name, each there once.
	Events []event.Row
}

// New makes a contract of a table's methods and of the rows of all events.
func New(methods []rpc.Description, events []event.Row) Contract {
	connect := rpc.Description{
		Name: "connect", Scope: wire.ScopeNone, Summary: "Opens the connection: who the client is and what it asks for.",
		Params: reflect.TypeFor[wire.ConnectParams](), Results: []reflect.Type{reflect.TypeFor[wire.HelloOK]()},
		Errors: connectErrors(), Events: []string{"health", "presence", "node.presence", "device.pair.requested", "device.pair.resolved"},
	}
	c := Contract{Methods: append([]rpc.Description{connect}, methods...)}
	slices.SortFunc(c.Methods, func(a, b rpc.Description) int { return cmp.Compare(a.Name, b.Name) })
	for _, row := range events {
		i := slices.IndexFunc(c.Events, func(e event.Row) bool { return e.Name == row.Name })
		switch {
		case i < 0:
			c.Events = append(c.Events, row)
		case c.Events[i].Payload == nil:
			c.Events[i].Payload = row.Payload
		}
	}
	slices.SortFunc(c.Events, func(a, b event.Row) int { return cmp.Compare(a.Name, b.Name) })
	return c
}

// connectErrors are the reasons with which connect is refused beside the common ones.
func connectErrors() []string {
	return []string{
		"PROTOCOL_MISMATCH", wire.Unauthorized, wire.NotPaired, "PAIRING_REQUIRED", "DEVICE_IDENTITY_REQUIRED", "CONTROL_UI_DEVICE_IDENTITY_REQUIRED",
		"DEVICE_AUTH_DEVICE_ID_MISMATCH", "DEVICE_AUTH_NONCE_MISMATCH", "DEVICE_AUTH_NONCE_REQUIRED", "DEVICE_AUTH_PUBLIC_KEY_INVALID",
		"DEVICE_AUTH_SIGNATURE_EXPIRED", "DEVICE_AUTH_SIGNATURE_INVALID", "AUTH_TOKEN_MISSING", "AUTH_TOKEN_MISMATCH", "AUTH_PASSWORD_MISSING",
		"AUTH_PASSWORD_MISMATCH", "AUTH_BOOTSTRAP_TOKEN_INVALID", "AUTH_RATE_LIMITED",
	}
}

// Method is a method whose types are schemas.
type Method struct {
	Summary string     `json:"summary,omitempty"`
	Scope   wire.Scope `json:"scope"`
	// Scope4 is protocol 4's, empty where it is the same.
	Scope4 wire.Scope `json:"scope4,omitempty"`
	// Audited: audit.list tells who has called it.
	Audited bool `json:"audited,omitempty"`
	// Errors are those that it answers beside the ones of every method, as wire.Error.Reason names them.
	Errors []string `json:"errors,omitempty"`
	// Events are what a call brings about that a client may wait for.
	Events []string    `json:"events,omitempty"`
	Params *rpc.Schema `json:"params"`
	// Early is the first of two results, nil where there is one.
	Early  *rpc.Schema `json:"early,omitempty"`
	Result *rpc.Schema `json:"result"`
}

// Event is an event whose payload is a schema.
type Event struct {
	Scope wire.Scope `json:"scope"`
	// MayMiss: a client that reads too slowly misses it; others are never dropped.
	MayMiss bool        `json:"mayMiss,omitempty"`
	Payload *rpc.Schema `json:"payload"`
}

// Document is the contract as schemas. Their descriptions are empty until somebody fills them in.
type Document struct {
	Types   rpc.Schemas
	Methods map[string]*Method
	Events  map[string]*Event
	// Request, Response and News are the three frames.
	Request, Response, News *rpc.Schema
}

// Document describes the contract. It panics for a type that has no form in JSON, or for two types of one
// name, which are mistakes in the program.
func (c Contract) Document() *Document {
	d := &Document{Methods: map[string]*Method{}, Events: map[string]*Event{}}
	d.Request = d.Types.Result(reflect.TypeFor[wire.RequestFrame]())
	d.Response = d.Types.Result(reflect.TypeFor[wire.ResponseFrame]())
	d.News = d.Types.Result(reflect.TypeFor[wire.EventFrame]())
	for _, m := range c.Methods {
		out := &Method{Summary: m.Summary, Scope: m.Scope, Scope4: m.Scope4, Audited: m.Noted, Errors: m.Errors, Events: m.Events,
			Params: d.Types.Params(m.Params), Result: d.oneOf(m.Results)}
		if m.Early != nil {
			out.Early = d.Types.Result(m.Early)
		}
		d.Methods[m.Name] = out
	}
	for _, e := range c.Events {
		d.Events[e.Name] = &Event{Scope: e.Scope, MayMiss: e.DropIfSlow, Payload: d.oneOf([]reflect.Type{e.Payload})}
	}
	return d
}

func (d *Document) oneOf(types []reflect.Type) *rpc.Schema {
	var list []*rpc.Schema
	for _, t := range types {
		if t != nil {
			list = append(list, d.Types.Result(t))
		}
	}
	switch len(list) {
	case 0:
		return &rpc.Schema{}
	case 1:
		return list[0]
	}
	return &rpc.Schema{AnyOf: list}
}
