package wire

import "slices"

// Role is what a connection is: an operator's client, or a node that offers commands.
type Role string

const (
	RoleOperator Role = "operator"
	RoleNode     Role = "node"
)

// Scope is what an operator's connection may do. Admin satisfies every other scope and write
// satisfies read; the rest imply nothing.
type Scope string

const (
	// ScopeNone is for what every connection may call or see, whatever its scopes.
	ScopeNone      Scope = "none"
	ScopeRead      Scope = "operator.read"
	ScopeWrite     Scope = "operator.write"
	ScopeAdmin     Scope = "operator.admin"
	ScopeApprovals Scope = "operator.approvals"
	ScopePairing   Scope = "operator.pairing"
	// ScopeQuestions, ScopeTalk and ScopeTalkSecrets are protocol 4's.
	ScopeQuestions   Scope = "operator.questions"
	ScopeTalk        Scope = "operator.talk"
	ScopeTalkSecrets Scope = "operator.talk.secrets"
	// ScopeNode is for what only nodes call or see.
	ScopeNode Scope = "node"
)

// Known reports whether s is a scope that an operator can have.
func (s Scope) Known() bool {
	switch s {
	case ScopeRead, ScopeWrite, ScopeAdmin, ScopeApprovals, ScopePairing, ScopeQuestions, ScopeTalk, ScopeTalkSecrets:
		return true
	}
	return false
}

// Allows reports whether a connection with this role and these scopes has what want asks for.
func Allows(role Role, granted []Scope, want Scope) bool {
	switch {
	case want == ScopeNone:
		return true
	case want == ScopeNode || role != RoleOperator:
		return want == ScopeNode && role == RoleNode
	case want == "":
		return false
	case slices.Contains(granted, ScopeAdmin) || slices.Contains(granted, want):
		return true
	default:
		return want == ScopeRead && slices.Contains(granted, ScopeWrite)
	}
}
