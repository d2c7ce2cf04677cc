package docs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
)

// TestProtocolExamples plays the client's frames of protocol.md to a gateway and looks for the gateway's
// among what comes back. All of them are checked against protocol.schema.json, which has to refuse the
// one that the gateway refuses.
func TestProtocolExamples(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile("(?ms)^```json (client|gateway)\n(.*?)^```$").FindAllStringSubmatch(string(b), -1)
	if len(examples) < 8 || 2*len(examples) != strings.Count(string(b), "\n```") {
		t.Fatalf("%d of the page's blocks are examples that are played", len(examples))
	}
	p := &player{t: t, schema: protocolSchema(t), ws: dialRaw(t)}
	for _, e := range examples {
		if e[1] == "gateway" {
			p.expect(e[2])
			continue
		}
		frame := strings.Replace(e[2], "the gateway's token", kerneltest.Token, 1)
		if refused := strings.Contains(frame, "colour"); (p.schema.Validate(decode(t, frame)) != nil) != refused {
			t.Errorf("the schema does not judge this frame as the gateway does: %s", frame)
		}
		if err := p.ws.Write(t.Context(), websocket.MessageText, []byte(frame)); err != nil {
			t.Fatal(err)
		}
	}
}

func protocolSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	b, err := os.ReadFile("protocol.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema:///protocol", decode(t, string(b))); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema:///protocol")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func decode(t *testing.T, text string) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader([]byte(text)))
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

func dialRaw(t *testing.T) *websocket.Conn {
	t.Helper()
	k := kerneltest.Start(t)
	ws, _, err := websocket.Dial(t.Context(), "ws://127.0.0.1/ws", &websocket.DialOptions{HTTPClient: k.HTTP()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.CloseNow() })
	return ws
}

// player holds one end of a connection.
type player struct {
	t        *testing.T
	schema   *jsonschema.Schema
	ws       *websocket.Conn
	received []map[string]any
}

// expect waits for a frame that has all of an example.
func (p *player) expect(example string) {
	p.t.Helper()
	want := decode(p.t, example).(map[string]any)
	for {
		for i, got := range p.received {
			if got["type"] == want["type"] && got["id"] == want["id"] && got["event"] == want["event"] {
				p.received = slices.Delete(p.received, i, i+1)
				if where := differs(want, got, ""); where != "" {
					text, _ := json.Marshal(got)
					p.t.Errorf("at %s, the page shows\n%s\nand the gateway sent\n%s", where, example, text)
				}
				return
			}
		}
		ctx, cancel := context.WithTimeout(p.t.Context(), kerneltest.Patience)
		_, b, err := p.ws.Read(ctx)
		cancel()
		if err != nil {
			p.t.Fatalf("no frame came like %s: %v", example, err)
		}
		frame := decode(p.t, string(b))
		if err := p.schema.Validate(frame); err != nil {
			p.t.Errorf("%v: %s", err, b)
		}
		p.received = append(p.received, frame.(map[string]any))
	}
}

// moving are numbers that are others each time: what else happened meanwhile counts in seq.
var moving = []string{"ts", "seq", "uptimeMs", "durationMs", "presence", "health"}

// differs returns where got lacks something of want, "" for nowhere. A text with … stands for any.
func differs(want, got any, where string) string {
	if reflect.TypeOf(want) != reflect.TypeOf(got) {
		return where
	}
	switch w := want.(type) {
	case map[string]any:
		for k, v := range w {
			if at := differs(v, got.(map[string]any)[k], where+"/"+k); at != "" {
				return at
			}
		}
	case []any:
		for _, v := range w {
			if !slices.ContainsFunc(got.([]any), func(g any) bool { return differs(v, g, "/") == "" }) {
				return where
			}
		}
	case string:
		if !strings.Contains(w, "…") && w != got {
			return where
		}
	default:
		if name := where[strings.LastIndex(where, "/")+1:]; !slices.Contains(moving, name) && !reflect.DeepEqual(want, got) {
			return where
		}
	}
	return ""
}
