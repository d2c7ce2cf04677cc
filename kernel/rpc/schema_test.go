package rpc_test

import (
	"context"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Tree contains itself, directly and in a list.
type Tree struct {
	Left *Tree  `json:"left"`
	More []Tree `json:"more,omitempty" rpc:"max=2"`
}

type part struct {
	Total int `json:"total"`
	Name  int `json:"name"` // another field of this name wins
}

// Answer has a field of each kind.
type Answer struct {
	*part
	Name   string            `json:"name"`
	Age    uint32            `json:"age"`
	At     time.Time         `json:"at"`
	Raw    json.RawMessage   `json:"raw,omitempty"`
	Any    wit.JSON          `json:"any"`
	Bytes  []byte            `json:"bytes"`
	Maybe  *string           `json:"maybe" rpc:"enum=a|b"`
	Labels map[string]string `json:"labels" rpc:"max=3"`
	Error  *wit.Error        `json:"error,omitempty"`
	Inner  struct {
		Ratio float64 `json:"ratio" rpc:"max=1"`
	} `json:"inner,omitzero"`
	Modes []wire.Role `json:"modes" rpc:"max=4,enum=x|y"`
	Off   string      `json:"-"`
}

func TestSchemas(t *testing.T) {
	const tree = `{"type":"object","properties":{"left":{"anyOf":[{"$ref":"#/$defs/rpc_test.Tree"},{"type":"null"}]},` +
		`"more":{"type":"array","items":{"$ref":"#/$defs/rpc_test.Tree"},"maxItems":2}}`
	var s rpc.Schemas
	for _, tt := range []struct {
		name string
		of   *rpc.Schema
		want string
	}{
		{"recursion in params", s.Params(reflect.TypeFor[Tree]()), tree + `,"additionalProperties":false}`},
		{"every kind", s.Result(reflect.TypeFor[Answer]()), `{"type":"object","properties":{"total":{"type":"integer"},"name":{"type":"string"},"age":{"type":"integer","minimum":0},` +
			`"at":{},"raw":{},"any":{},"bytes":{"type":"string","contentEncoding":"base64"},"maybe":{"type":["string","null"],"enum":["a","b",null]},` +
			`"labels":{"type":"object","maxProperties":3,"additionalProperties":{"type":"string"}},"error":{"$ref":"#/$defs/wit.Error"},` +
			`"inner":{"type":"object","properties":{"ratio":{"type":"number","maximum":1}},"required":["ratio"]},` +
			`"modes":{"type":"array","items":{"type":"string","enum":["x","y"]},"maxItems":4}},"required":["name","age","at","any","bytes","maybe","labels","modes"]}`},
		{"a record leaves zero values out", s.Defs["wit.Error"], `{"type":"object","properties":{"code":{"type":"string"},"message":{"type":"string"},"retryable":{"type":"boolean"},"retryAfter":{"type":"integer"}}}`},
		{"no parameters", s.Params(reflect.TypeFor[rpc.None]()), `{"type":"object","additionalProperties":false}`},
		{"anything", s.Params(reflect.TypeFor[map[string]any]()), `{"type":"object","additionalProperties":{}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := json.Marshal(s.Target(tt.of))
			if err != nil || string(got) != tt.want {
				t.Errorf("got  %s %v\nwant %s", got, err, tt.want)
			}
		})
	}
	if ref := s.Result(reflect.TypeFor[Tree]()).Ref; ref != "#/$defs/rpc_test.Tree.result" || s.Defs["rpc_test.Tree.result"].Closed {
		t.Errorf("a type that is read and written has two definitions: %s", ref)
	}
}

// TestDecodeRecursion checks a type that contains itself at every depth.
func TestDecodeRecursion(t *testing.T) {
	_, err := rpc.NewDecoder[Tree]("m").Decode(json.RawMessage(`{"left":{"left":{"right":1}},"more":[{"more":[{},{},{}]}]}`))
	const want = "invalid m params: at /left/left: unexpected property 'right'; at /more/0/more: must NOT have more than 2 items"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestDescribe(t *testing.T) {
	two := rpc.NewTwoPhase("b", wire.ScopeWrite, func(_ context.Context, _ GreetParams, early func(int)) (any, error) { early(1); return nil, nil })
	hidden := rpc.New("c", wire.ScopeNone, greet)
	hidden.Hidden = true
	table, err := rpc.NewTable(hidden, two.OneOf(Greeting{}, ""), rpc.New("a", wire.ScopeRead, greet).Doc("Greets."))
	if err != nil {
		t.Fatal(err)
	}
	params, greeting := reflect.TypeFor[GreetParams](), reflect.TypeFor[Greeting]()
	want := []rpc.Description{
		{Name: "a", Scope: wire.ScopeRead, Summary: "Greets.", Params: params, Results: []reflect.Type{greeting}},
		{Name: "b", Scope: wire.ScopeWrite, Params: params, Early: reflect.TypeFor[int](), Results: []reflect.Type{greeting, reflect.TypeFor[string]()}},
	}
	if got := table.Describe(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}
