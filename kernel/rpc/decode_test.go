package rpc_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

type base struct {
	AgentID string `json:"agentId,omitempty" rpc:"max=8"`
}

type inner struct {
	ID   string `json:"id" rpc:"required,min=1"`
	Kind string `json:"kind,omitempty" rpc:"enum=a|b"`
}

type params struct {
	base
	Key     string          `json:"sessionKey" rpc:"required,min=1,max=16"`
	Limit   int             `json:"limit,omitempty" rpc:"min=1,max=1000"`
	Big     uint8           `json:"big,omitempty"`
	Ratio   float64         `json:"ratio,omitempty" rpc:"max=1"`
	Deliver *bool           `json:"deliver,omitempty"`
	Client  inner           `json:"client,omitempty"`
	List    []inner         `json:"list,omitempty" rpc:"max=2"`
	Modes   []string        `json:"modes,omitempty" rpc:"enum=x|y"`
	Map     map[string]bool `json:"map,omitempty" rpc:"max=2"`
	Raw     json.RawMessage `json:"raw,omitempty"`
	Any     any             `json:"any,omitempty"`
	Hash    string          `json:"hash,omitempty" rpc:"len=4"`
	Bytes   []byte          `json:"bytes,omitempty"`
	//lint:ignore U1000 what is not exported is no parameter
	hidden  int
	Skipped int `json:"-"`
}

func TestDecodeComplains(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"nothing", ``, "must have required property 'sessionKey'"},
		{"null", `null`, "must have required property 'sessionKey'"},
		{"empty", `{}`, "must have required property 'sessionKey'"},
		{"no object", `[]`, "must be object"},
		{"no JSON", `{"sessionKey":`, "must be JSON"},
		{"unknown", `{"sessionKey":"k","foo":1}`, "at root: unexpected property 'foo'"},
		{"other case", `{"SessionKey":"k"}`, "at root: unexpected property 'SessionKey'; must have required property 'sessionKey'"},
		{"hidden", `{"sessionKey":"k","hidden":1,"Skipped":2}`, "at root: unexpected property 'hidden'; at root: unexpected property 'Skipped'"},
		{"type", `{"sessionKey":7}`, "at /sessionKey: must be string"},
		{"null field", `{"sessionKey":null}`, "at /sessionKey: must be string"},
		{"too short", `{"sessionKey":""}`, "at /sessionKey: must NOT have fewer than 1 characters"},
		{"too long", `{"sessionKey":"` + strings.Repeat("é", 17) + `"}`, "at /sessionKey: must NOT have more than 16 characters"},
		{"embedded", `{"sessionKey":"k","agentId":"123456789"}`, "at /agentId: must NOT have more than 8 characters"},
		{"low", `{"sessionKey":"k","limit":0}`, "at /limit: must be >= 1"},
		{"high", `{"sessionKey":"k","limit":1001}`, "at /limit: must be <= 1000"},
		{"fraction", `{"sessionKey":"k","limit":1.5}`, "at /limit: must be integer"},
		{"exponent", `{"sessionKey":"k","limit":1e2}`, "at /limit: must be integer"},
		{"string number", `{"sessionKey":"k","limit":"5"}`, "at /limit: must be integer"},
		{"huge", `{"sessionKey":"k","limit":99999999999999999999}`, "at /limit: must be integer"},
		{"negative unsigned", `{"sessionKey":"k","big":-1}`, "at /big: must be >= 0"},
		{"overflow", `{"sessionKey":"k","big":300}`, "at /big: must be uint8"},
		{"nested required", `{"sessionKey":"k","client":{}}`, "at /client: must have required property 'id'"},
		{"nested unknown", `{"sessionKey":"k","client":{"id":"1","x":[{"y":"}"}]}}`, "at /client: unexpected property 'x'"},
		{"nested enum", `{"sessionKey":"k","client":{"id":"1","kind":"c"}}`, "at /client/kind: must be one of a, b"},
		{"item", `{"sessionKey":"k","list":[{"id":"1"},{"id":2}]}`, "at /list/1/id: must be string"},
		{"too many", `{"sessionKey":"k","list":[{"id":"1"},{"id":"1"},{"id":"1"}]}`, "at /list: must NOT have more than 2 items"},
		{"enum items", `{"sessionKey":"k","modes":["x","z"]}`, "at /modes/1: must be one of x, y"},
		{"map value", `{"sessionKey":"k","map":{"a b":1}}`, "at /map/a b: must be boolean"},
		{"map size", `{"sessionKey":"k","map":{"a":true,"b":true,"c":false}}`, "at /map: must NOT have more than 2 properties"},
		{"length", `{"sessionKey":"k","hash":"abc"}`, "at /hash: must NOT have fewer than 4 characters"},
		{"several", `{"limit":"x","foo":{"a":[]},"ratio":2}`, "at /limit: must be integer; at root: unexpected property 'foo'; at /ratio: must be <= 1; must have required property 'sessionKey'"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := rpc.NewDecoder[params]("chat.history").Decode(json.RawMessage(tt.in))
			if wit.CodeOf(err) != wit.CodeInvalid || err.Error() != "invalid chat.history params: "+tt.want {
				t.Errorf("got  %v\nwant invalid chat.history params: %s", err, tt.want)
			}
		})
	}
}

func TestDecodeAccepts(t *testing.T) {
	in := ` { "sessionKey" : "a\u0022b" , "limit":1000,"big":255,"ratio":-1e3,"deliver":null,"agentId":"x","client":{"id":"1","kind":"a"},
		"list":[ {"id":"1"} , {"id":"2"} ],"modes":[],"map":{"a":true},"raw":null,"any":{"deep":[1,"}"]},"hash":"abcd","bytes":"AQI="}`
	got, err := rpc.NewDecoder[params]("m").Decode(json.RawMessage(in))
	if err != nil {
		t.Fatal(err)
	}
	if got.Key != `a"b` || got.AgentID != "x" || got.Limit != 1000 || got.Deliver != nil || len(got.List) != 2 || got.List[1].ID != "2" || string(got.Raw) != "null" || len(got.Bytes) != 2 {
		t.Errorf("got %+v", got)
	}
}

// TestDecodeNothing: an empty object, however it is written or left out, is that of a type that needs nothing.
func TestDecodeNothing(t *testing.T) {
	type some struct {
		A int `json:"a,omitempty"`
	}
	type full struct {
		A map[string]int `json:"a" rpc:"required"`
	}
	for _, params := range []string{"", "null", "{}", " { } "} {
		if got, err := rpc.NewDecoder[some]("m").Decode(json.RawMessage(params)); got != (some{}) || err != nil {
			t.Errorf("%q: %+v, %v", params, got, err)
		}
		if got, err := rpc.NewDecoder[map[string]any]("m").Decode(json.RawMessage(params)); len(got) != 0 || err != nil {
			t.Errorf("%q: %+v, %v", params, got, err)
		}
		if _, err := rpc.NewDecoder[full]("m").Decode(json.RawMessage(params)); err == nil {
			t.Errorf("%q: what is required is not missed", params)
		}
	}
}

func TestDecodeBoundsItsComplaints(t *testing.T) {
	many := `{"` + strings.Repeat("y", 10000) + `":1`
	for i := range 1000 {
		many += `,"x` + strings.Repeat("z", i%50) + `":1`
	}
	_, err := rpc.NewDecoder[rpc.None]("m").Decode(json.RawMessage(many + "}"))
	if n := len(err.Error()); n > 2000 {
		t.Errorf("a peer can cause an error of %d bytes", n)
	}
}

func TestDecoderRefusesWrongTags(t *testing.T) {
	for name, make := range map[string]func(){
		"unknown rule": func() {
			rpc.NewDecoder[struct {
				A string `json:"a" rpc:"requird"`
			}]("m")
		},
		"no number": func() {
			rpc.NewDecoder[struct {
				A string `json:"a" rpc:"min=x"`
			}]("m")
		},
		"channel": func() { rpc.NewDecoder[struct{ A chan int }]("m") },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("accepted")
				}
			}()
			make()
		})
	}
}

// FuzzDecode checks that the walker accepts nothing that encoding/json refuses, and does not panic.
// BenchmarkDecode reads the parameters of a connect, and an object in which nothing stands.
func BenchmarkDecode(b *testing.B) {
	for name, params := range map[string]string{
		"connect": `{"minProtocol":3,"maxProtocol":4,"client":{"id":"cli","version":"1","platform":"linux","mode":"cli"},"role":"operator","auth":{"token":"t"}}`,
		"nothing": `{}`,
	} {
		b.Run(name, func(b *testing.B) {
			connect, none := rpc.NewDecoder[wire.ConnectParams]("connect"), rpc.NewDecoder[rpc.None]("health")
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if name == "connect" {
					_, err = connect.Decode(json.RawMessage(params))
				} else {
					_, err = none.Decode(json.RawMessage(params))
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"sessionKey":"k","list":[{"id":"1"}],"map":{"a":true}}`))
	f.Add([]byte(`{"sessionKey":"\ud800","raw":[[[]]],"any":-0.5e-7}`))
	f.Add([]byte(" [ 1 , 2 ] "))
	d := rpc.NewDecoder[params]("m")
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := d.Decode(b)
		if err != nil {
			return
		}
		if got.Key == "" || got.Limit < 0 || len(got.List) > 2 {
			t.Fatalf("accepted %q as %+v", b, got)
		}
	})
}
