package auth

import (
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Attempt is one connect request with what the transport knows about its sender.
type Attempt struct {
	Params wire.ConnectParams
	// Protocol is the negotiated number.
	Protocol int
	// Nonce is the challenge that this connection was sent.
	Nonce  string
	ConnID string
	Peer
	// Origin is a browser's, already checked; it only shows in pairing requests.
	Origin string
}

// Grant is what a connection may do.
type Grant struct {
	Caller *rpc.Caller
	Hello  wire.HelloAuth
}

// Login is one that was refused, or that has let a device in.
type Login struct {
	// Method is connect, or http for a request.
	Method string
	// Caller is who he says he is. A device that has proved nothing is not named.
	Caller *rpc.Caller
	// Via is how a device was let in; empty where that is not so.
	Via Via
	// Err is why it was refused.
	Err error
}

// ask is the role and the scopes that a client wants, defaults filled in.
type ask struct {
	role   wire.Role
	scopes []wire.Scope
	// signed are the scopes as the client may have signed them.
	signed [][]string
}

// maxScope bounds a scope's name.
const maxScope = 64

// asked reads an attempt. Errors: CodeInvalid for an unknown role and for what cannot be the name of a scope.
func asked(t Attempt) (ask, error) {
	p := t.Params
	k := ask{role: wire.Role(p.Role), scopes: []wire.Scope{}, signed: [][]string{p.Scopes}}
	if k.role == "" {
		k.role = wire.RoleOperator
	}
	if k.role != wire.RoleOperator && k.role != wire.RoleNode {
		return ask{}, wit.NewError(wit.CodeInvalid, "invalid role")
	}
	for _, s := range p.Scopes {
		if !plainScope(s) {
			return ask{}, wit.NewError(wit.CodeInvalid, "invalid connect params: at /scopes: must be names of scopes")
		}
		k.scopes = append(k.scopes, wire.Scope(s))
	}
	// Without scopes, protocol 3 means all of them and protocol 4 none.
	if len(p.Scopes) == 0 && k.role == wire.RoleOperator && t.Protocol < wire.Protocol4 {
		k.scopes = []wire.Scope{wire.ScopeAdmin}
		k.signed = append(k.signed, []string{string(wire.ScopeAdmin)})
	}
	return k, nil
}

// plainScope refuses what would make the signed string ambiguous.
func plainScope(s string) bool {
	if s == "" || len(s) > maxScope {
		return false
	}
	for _, c := range s {
		if c != '.' && c != '-' && c != '_' && c != '*' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}

// presented reports whether a secret was sent: only then is a failure a guess, which the limiter counts.
func presented(p wire.ConnectParams) bool {
	return p.Auth != nil && (p.Auth.Token != "" || p.Auth.Password != "" || p.Auth.DeviceToken != "" || p.Auth.BootstrapToken != "")
}
