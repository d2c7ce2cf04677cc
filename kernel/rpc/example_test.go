package rpc_test

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// GreetParams are what a client sends.
type GreetParams struct {
	Name string `json:"name" rpc:"required,min=1,max=64"`
	Tone string `json:"tone,omitempty" rpc:"enum=warm|cool"`
}

// Greeting is what it gets.
type Greeting struct {
	Text string  `json:"text"`
	Tone *string `json:"tone,omitempty"`
}

func greet(_ context.Context, p GreetParams) (Greeting, error) {
	return Greeting{Text: "hello, " + p.Name}, nil
}

// A row of the table checks parameters before the handler sees them.
func ExampleNew() {
	table, err := rpc.NewTable(rpc.New("greet", wire.ScopeRead, greet).Doc("Greets somebody."))
	if err != nil {
		panic(err)
	}
	reader := &rpc.Caller{Role: wire.RoleOperator, Scopes: []wire.Scope{wire.ScopeRead}}
	for _, params := range []string{`{"name":"Ann"}`, `{"name":"","tone":"loud","volume":11}`} {
		result, err := table.Call(context.Background(), reader, "greet", json.RawMessage(params), nil)
		fmt.Println(result, err)
	}
	// Output:
	// {hello, Ann <nil>} <nil>
	// <nil> invalid greet params: at /name: must NOT have fewer than 1 characters; at /tone: must be one of warm, cool; at root: unexpected property 'volume'
}

// What the table promises is data, and its types make a JSON Schema.
func ExampleTable_Describe() {
	table, err := rpc.NewTable(rpc.New("greet", wire.ScopeRead, greet).Doc("Greets somebody."))
	if err != nil {
		panic(err)
	}
	var types rpc.Schemas
	for _, m := range table.Describe() {
		fmt.Println(m.Name, m.Scope, m.Summary)
		for _, s := range []*rpc.Schema{types.Params(m.Params), types.Result(m.Results[0])} {
			b, _ := json.Marshal(types.Target(s))
			fmt.Printf("%s: %s\n", s.Ref, b)
		}
	}
	// Output:
	// greet operator.read Greets somebody.
	// #/$defs/rpc_test.GreetParams: {"type":"object","properties":{"name":{"type":"string","minLength":1,"maxLength":64},"tone":{"type":"string","enum":["warm","cool"]}},"required":["name"],"additionalProperties":false}
	// #/$defs/rpc_test.Greeting: {"type":"object","properties":{"text":{"type":"string"},"tone":{"type":"string"}},"required":["text"]}
}
