// Package rpc is the table of what clients may call: name, scope, parameters, handler.
//
// A service owns its rows and lists them in its methods.go; the scope is an argument of New, so a
// method without one does not compile. Dispatch finds the row, checks the scope, decodes the
// parameters (closed objects: an unknown field is an error that names it) and calls the handler.
// Handlers of one connection run concurrently; a Table does not change after NewTable.
//
// The types of parameters and results are the contract with clients: Table.Describe lists them, and
// Schemas makes JSON Schemas of them, with the same compiler that Decoder checks parameters with.
package rpc

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"

	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Caller is the connection (or HTTP request) that calls. It does not change during a call.
type Caller struct {
	ConnID   string
	Client   wire.Client
	Role     wire.Role
	Scopes   []wire.Scope
	DeviceID string
	RemoteIP string
	// Local is a connection from this machine that came through no proxy.
	Local    bool
	Protocol int
	Caps     []string
	// Secret is set for who knows the gateway's own secret, or needs none; not for who came by a device's token.
	Secret bool
	// Invited is set for who came by a setup code: an admin's word that this device is to be let in.
	Invited bool
	// Offer is a node's.
	Offer wire.Offer
}

// Method is a row of the table.
type Method struct {
	Name  string
	Scope wire.Scope
	// Scope4 is what protocol 4 asks for instead; empty is the same.
	Scope4 wire.Scope
	// Hidden methods work but are not listed in hello-ok.
	Hidden bool
	// Summary says in one sentence what a client gets of it.
	Summary string
	// Noted methods change what is somebody's business: who called them is kept (see Table.Noting).
	Noted bool
	// Errors are those that the handler answers beside the ones of every method (see wire.CommonErrors), as wire.Error.Reason
	// names them.
	Errors []string
	// Events are what calls bring about that a client may wait for, by name.
	Events []string
	types  types
	call   func(ctx context.Context, params json.RawMessage, accept func(any)) (any, error)
	rest   func() // forgets answers that are kept; nil where none are
}

// Doc gives the row its summary.
func (m Method) Doc(summary string) Method {
	m.Summary = summary
	return m
}

// Audited makes each call of the row one that is noted.
func (m Method) Audited() Method {
	m.Noted = true
	return m
}

// Fails declares the row's Errors. Tests refuse what is answered and not declared.
func (m Method) Fails(reasons ...string) Method {
	m.Errors = slices.Concat(m.Errors, reasons)
	return m
}

// Emits declares the row's Events.
func (m Method) Emits(events ...string) Method {
	m.Events = slices.Concat(m.Events, events)
	return m
}

// In4 gives the row another scope in protocol 4.
func (m Method) In4(scope wire.Scope) Method {
	m.Scope4 = scope
	return m
}

// scope is what a caller needs.
func (m Method) scope(c *Caller) wire.Scope {
	if m.Scope4 != "" && c.Protocol >= wire.Protocol4 {
		return m.Scope4
	}
	return m.Scope
}

// New makes a row. I is the parameters' struct (see Decoder for its tags), O what the client gets.
func New[I, O any](name string, scope wire.Scope, fn func(context.Context, I) (O, error)) Method {
	return newRow[I, O](name, scope, func(ctx context.Context, _ json.RawMessage, in I) (any, error) { return fn(ctx, in) })
}

// newRow is New of a handler that also gets the parameters as they were written.
func newRow[I, O any](name string, scope wire.Scope, fn func(ctx context.Context, raw json.RawMessage, in I) (any, error)) Method {
	params := NewDecoder[I](name)
	call := func(ctx context.Context, raw json.RawMessage, _ func(any)) (any, error) {
		in, err := params.Decode(raw)
		if err != nil {
			return nil, err
		}
		return fn(ctx, raw, in)
	}
	return Method{Name: name, Scope: scope, call: call, types: types{params: reflect.TypeFor[I](), results: []reflect.Type{reflect.TypeFor[O]()}}}
}

// NewTwoPhase makes a row whose handler may answer early, with an E, by accept and once more when it is
// done.
func NewTwoPhase[I, E, O any](name string, scope wire.Scope, fn func(ctx context.Context, in I, accept func(E)) (O, error)) Method {
	params := NewDecoder[I](name)
	call := func(ctx context.Context, raw json.RawMessage, accept func(any)) (any, error) {
		in, err := params.Decode(raw)
		if err != nil {
			return nil, err
		}
		return fn(ctx, in, func(early E) { accept(early) })
	}
	return Method{Name: name, Scope: scope, call: call,
		types: types{reflect.TypeFor[I](), reflect.TypeFor[E](), []reflect.Type{reflect.TypeFor[O]()}}}
}

// None is the parameters of a method that takes none.
type None struct{}

// Table finds methods by name.
type Table struct {
	rows map[string]Method
	note func(Note)
}

// Note is a call of a row that is Audited, when it has ended.
type Note struct {
	Method string
	Caller *Caller
	// Params are as the caller wrote them: they may be anything, and have secrets.
	Params json.RawMessage
	// Err is what came of it, nil where it was done.
	Err error
}

// Noting returns the table with a function that is told of each call that is noted, also of one that was refused, before its
// answer is. It must return at once and is called concurrently.
func (t *Table) Noting(note func(Note)) *Table { return &Table{t.rows, note} }

// NewTable returns a table of these rows, or CodeConflict naming a method that is there twice.
func NewTable(rows ...Method) (*Table, error) {
	t := &Table{rows: make(map[string]Method, len(rows))}
	for _, m := range rows {
		if _, twice := t.rows[m.Name]; twice {
			return nil, wit.Errorf(wit.CodeConflict, "method %s is a duplicate in the table", m.Name)
		}
		t.rows[m.Name] = m
	}
	return t, nil
}

// Rest forgets the answers that are kept.
func (t *Table) Rest() {
	for _, m := range t.rows {
		if m.rest != nil {
			m.rest()
		}
	}
}

// Names lists the methods that are not hidden, sorted.
func (t *Table) Names() []string {
	var names []string
	for name, m := range t.rows {
		if !m.Hidden {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Call runs a method for a caller. accept is called at most once, before Call returns, with an early
// answer; it may be nil.
//
// Errors: CodeInvalid for an unknown method or wrong parameters, CodeForbidden for a scope that the
// caller lacks, else the handler's own.
func (t *Table) Call(ctx context.Context, caller *Caller, name string, params json.RawMessage, accept func(any)) (out any, err error) {
	m, ok := t.rows[name]
	if !ok {
		return nil, WithDetails(wit.Errorf(wit.CodeInvalid, "unknown method: %s", name), map[string]any{"method": name})
	}
	if m.Noted && t.note != nil {
		err = wit.Errorf(wit.CodeInternal, "panic in %s", name) // unless it is replaced
		defer func() { t.note(Note{name, caller, params, err}) }()
	}
	if err := authorize(caller, m); err != nil {
		return nil, err
	}
	if accept == nil {
		accept = func(any) {}
	}
	if CallerOf(ctx) != caller { // a connection's context has it already
		ctx = WithCaller(ctx, caller)
	}
	return m.call(ctx, params, accept)
}

func authorize(c *Caller, m Method) error {
	scope := m.scope(c)
	if wire.Allows(c.Role, c.Scopes, scope) {
		return nil
	}
	if scope == wire.ScopeNode || c.Role != wire.RoleOperator {
		return wit.Errorf(wit.CodeForbidden, "unauthorized role: %s", c.Role)
	}
	return missing(scope, m.Name)
}

func missing(scope wire.Scope, method string) error {
	return WithDetails(wit.Errorf(wit.CodeForbidden, "missing scope: %s", scope),
		map[string]any{"code": wire.MissingScope, "missingScope": scope, "requiredScopes": []wire.Scope{scope}, "method": method})
}

// Require is for a handler some of whose parameters need more than its row's scope. Errors: CodeForbidden when the
// caller lacks it. Outside a call everything is allowed.
func Require(ctx context.Context, scope wire.Scope, method string) error {
	if c := CallerOf(ctx); c != nil && !wire.Allows(c.Role, c.Scopes, scope) {
		return missing(scope, method)
	}
	return nil
}

// Serves reports whether there is a method for the callers of a role.
func (t *Table) Serves(role wire.Role) bool {
	for _, m := range t.rows {
		if (m.Scope == wire.ScopeNode || m.Scope4 == wire.ScopeNode) == (role == wire.RoleNode) {
			return true
		}
	}
	return false
}

type callerKey struct{}

// WithCaller returns a context that carries the caller.
func WithCaller(ctx context.Context, c *Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerOf returns who calls, or nil outside a call.
func CallerOf(ctx context.Context) *Caller {
	c, _ := ctx.Value(callerKey{}).(*Caller)
	return c
}

type yieldKey struct{}

// WithYield returns a context in which Yield calls next, which may be called more than once, concurrently, and after the call
// has ended.
func WithYield(ctx context.Context, next func()) context.Context {
	return context.WithValue(ctx, yieldKey{}, next)
}

// Yield lets the next request of the connection begin, which otherwise waits a while for this one. A handler calls it where
// what it does has its place before all that comes later, in the store say, and it only waits for others from there on. It
// returns at once, and does nothing outside a call.
func Yield(ctx context.Context) {
	if next, ok := ctx.Value(yieldKey{}).(func()); ok {
		next()
	}
}
