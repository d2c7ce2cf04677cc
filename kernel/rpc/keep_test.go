package rpc_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// TestKeptAnswers: an answer is made once for each question, until what it is made of changes.
func TestKeptAnswers(t *testing.T) {
	type params struct {
		Text string `json:"text"`
		Live bool   `json:"live"`
	}
	made, basis, failure, size := 0, 1, error(nil), 0
	table, err := rpc.NewTable(rpc.NewKept("say", wire.ScopeRead,
		func(_ context.Context, p params) (string, error) {
			made++
			return fmt.Sprint(p.Text, made) + strings.Repeat("x", size), failure
		},
		func(_ context.Context, p params) (any, bool) { return basis, !p.Live }))
	if err != nil {
		t.Fatal(err)
	}
	ask := func(protocol int, params, want string) {
		t.Helper()
		caller := &rpc.Caller{Protocol: protocol, Role: wire.RoleOperator, Scopes: []wire.Scope{wire.ScopeRead}}
		out, err := table.Call(t.Context(), caller, "say", json.RawMessage(params), nil)
		if err != nil {
			out = err.Error()
		}
		if b, _ := json.Marshal(out); string(b) != `"`+want+`"` {
			t.Errorf("protocol %d, %s: %.60s, want %s", protocol, params, b, want)
		}
	}
	ask(3, `{"text":"a"}`, "a1")
	ask(3, `{"text":"a"}`, "a1")
	ask(3, `{"text":"b"}`, "b2")
	ask(4, `{"text":"a"}`, "a3") // other clients read other words
	ask(3, `{"text":"a"}`, "a1")
	basis = 2
	ask(3, `{"text":"a"}`, "a4")
	ask(3, `{"text":"a"}`, "a4")
	ask(3, `{"text":"a","live":true}`, "a5")
	ask(3, `{"text":"a","live":true}`, "a6")
	failure = errors.New("broken")
	ask(3, `{"text":"a"}`, "a4") // what is kept does not fail
	ask(3, `{"text":"c"}`, "broken")
	failure = nil
	ask(3, `{"text":"c"}`, "c8") // and no failure is kept
	for n := range 1000 {        // others make it leave
		ask(3, fmt.Sprintf(`{"text":"%d-"}`, n), fmt.Sprintf("%d-%d", n, n+9))
	}
	ask(3, `{"text":"a"}`, "a1009")
	size = 2 << 20 // one that is too long is made each time
	big := strings.Repeat("x", size)
	ask(3, `{"text":"big"}`, "big1010"+big)
	ask(3, `{"text":"big"}`, "big1011"+big)
	size = 0
	ask(3, `{"text":"a"}`, "a1009")
	ask(3, `{"text":1}`, "invalid say params: at /text: must be string")
}
