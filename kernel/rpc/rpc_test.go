package rpc_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

func table(t *testing.T) *rpc.Table {
	t.Helper()
	echo := func(_ context.Context, in inner) (inner, error) { return in, nil }
	hidden := rpc.New("hidden", wire.ScopeNone, echo)
	hidden.Hidden = true
	tab, err := rpc.NewTable(
		rpc.New("read", wire.ScopeRead, echo), rpc.New("node", wire.ScopeNode, echo), hidden,
		rpc.NewTwoPhase("two", wire.ScopeWrite, func(ctx context.Context, in inner, accept func(any)) (string, error) {
			accept("early")
			return rpc.CallerOf(ctx).ConnID, nil
		}),
	)
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

func TestTableCall(t *testing.T) {
	tab := table(t)
	reader := &rpc.Caller{ConnID: "c", Role: wire.RoleOperator, Scopes: []wire.Scope{wire.ScopeRead}}
	writer := &rpc.Caller{ConnID: "c", Role: wire.RoleOperator, Scopes: []wire.Scope{wire.ScopeWrite}}
	node := &rpc.Caller{ConnID: "c", Role: wire.RoleNode}
	tests := []struct {
		name   string
		caller *rpc.Caller
		method string
		code   wit.Code
		text   string
	}{
		{"allowed", reader, "read", "", ""},
		{"write implies read", writer, "read", "", ""},
		{"unknown", reader, "nope", wit.CodeInvalid, "unknown method: nope"},
		{"scope", reader, "two", wit.CodeForbidden, "missing scope: operator.write"},
		{"operator on a node's", reader, "node", wit.CodeForbidden, "unauthorized role: operator"},
		{"node on an operator's", node, "read", wit.CodeForbidden, "unauthorized role: node"},
		{"node", node, "node", "", ""},
		{"hidden", node, "hidden", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tab.Call(t.Context(), tt.caller, tt.method, json.RawMessage(`{"id":"1"}`), nil)
			if wit.CodeOf(err) != tt.code || err != nil && err.Error() != tt.text {
				t.Errorf("err = %v (%s)", err, wit.CodeOf(err))
			}
		})
	}
}

func TestTableTwoPhase(t *testing.T) {
	var early []any
	got, err := table(t).Call(t.Context(), &rpc.Caller{ConnID: "c", Role: wire.RoleOperator, Scopes: []wire.Scope{wire.ScopeAdmin}}, "two",
		json.RawMessage(`{"id":"1"}`), func(v any) { early = append(early, v) })
	if err != nil || got != "c" || !slices.Equal(early, []any{"early"}) {
		t.Errorf("got %v, %v, early %v", got, err, early)
	}
}

func TestTableNamesAndTwins(t *testing.T) {
	if got := table(t).Names(); !slices.Equal(got, []string{"node", "read", "two"}) {
		t.Errorf("Names = %v", got)
	}
	row := rpc.New("a", wire.ScopeRead, func(context.Context, rpc.None) (any, error) { return nil, nil })
	if _, err := rpc.NewTable(row, row); wit.CodeOf(err) != wit.CodeConflict {
		t.Errorf("twins: %v", err)
	}
}

func TestDetails(t *testing.T) {
	err := rpc.WithDetails(wit.NewError(wit.CodeNotFound, "gone"), 7)
	if rpc.DetailsOf(err) != 7 || wit.CodeOf(err) != wit.CodeNotFound || err.Error() != "gone" {
		t.Errorf("got %v, %v", rpc.DetailsOf(err), err)
	}
	if rpc.DetailsOf(errors.New("x")) != nil {
		t.Error("details of nothing")
	}
}

// TestNoting: each call of a row that is Audited is told when it has ended, whatever came of it, and no other.
func TestNoting(t *testing.T) {
	var told []string
	row := func(name string, fn func(context.Context, rpc.None) (string, error)) rpc.Method {
		return rpc.New(name, wire.ScopeAdmin, fn)
	}
	ok := func(context.Context, rpc.None) (string, error) { return "done", nil }
	plain, err := rpc.NewTable(row("reads", ok), row("changes", ok).Audited(),
		row("fails", func(context.Context, rpc.None) (string, error) { return "", wit.NewError(wit.CodeConflict, "no") }).Audited(),
		row("breaks", func(context.Context, rpc.None) (string, error) { panic("broken") }).Audited())
	if err != nil {
		t.Fatal(err)
	}
	table := plain.Noting(func(n rpc.Note) {
		told = append(told, fmt.Sprintf("%s by %s of %s: %s", n.Method, n.Caller.DeviceID, n.Params, wit.CodeOf(n.Err)))
	})
	call := func(t *rpc.Table, method, params string, scope wire.Scope) {
		defer func() { _ = recover() }()
		_, _ = t.Call(context.Background(), &rpc.Caller{Role: wire.RoleOperator, Scopes: []wire.Scope{scope}, DeviceID: "d"}, method, json.RawMessage(params), nil)
	}
	for _, method := range []string{"reads", "changes", "fails", "breaks", "unknown"} {
		call(table, method, "{}", wire.ScopeAdmin)
		call(plain, method, "{}", wire.ScopeAdmin)
	}
	call(table, "changes", `{"x":1}`, wire.ScopeAdmin)
	call(table, "changes", "{}", wire.ScopeRead)
	call(table, "reads", "{}", wire.ScopeWrite)
	want := []string{"changes by d of {}: ", "fails by d of {}: conflict", "breaks by d of {}: internal", `changes by d of {"x":1}: invalid`, "changes by d of {}: forbidden"}
	if !slices.Equal(told, want) {
		t.Errorf("%q", told)
	}
}
