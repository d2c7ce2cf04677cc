package kernel_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/protocol"
	"github.com/carapace-gateway/carapace/kernel/rpc"
)

// TestProtocol3Check takes true answers and events of each kind that protocol 3's schemas describe, and breaks them: a field that
// is required disappears, or one has a value of another kind. The check refuses each.
func TestProtocol3Check(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Echo("echo")))
	c := protocol3(t, k)
	c.Ask("r1", "hello")
	c.MustCall("cron.add", object{"name": "daily", "schedule": object{"kind": "every", "everyMs": 3600_000}, "sessionTarget": "main",
		"payload": object{"kind": "systemEvent", "text": "good morning"}}, nil)
	const free = "agentId available deltaText input message sessionKey supportsTools" // in one of the definitions
	check, broken := k.Protocol3(), 0
	breaks := func(method string, frame, place object, required []string) {
		for name := range maps.Clone(place) {
			was := place[name]
			accepted := 0
			for _, wrong := range []any{object{}, []any{1}} { // one of which is of another kind
				if place[name] = wrong; check.Received(encoded(frame), method) == nil {
					accepted++
				}
			}
			if accepted == 2 && !strings.Contains(free, name) {
				t.Errorf("%s: %s may be anything", method, name)
			}
			delete(place, name)
			if err := check.Received(encoded(frame), method); err == nil && slices.Contains(required, name) {
				t.Errorf("%s: %s is not missed", method, name)
			}
			place[name], broken = was, broken+1
		}
		if err := check.Received(encoded(frame), method); err != nil {
			t.Errorf("%s as it was: %v", method, err)
		}
	}
	for method, is := range map[string]struct{ list, required string }{
		"agents.list": {"", "defaultId mainKey scope agents"},
		"models.list": {"models", "id name provider"},
		"cron.list":   {"jobs", "id name enabled createdAtMs updatedAtMs schedule sessionTarget wakeMode payload state"},
		"logs.tail":   {"", "file cursor size lines"},
	} {
		var payload object
		c.MustCall(method, nil, &payload)
		place := payload
		if is.list != "" {
			place = payload[is.list].([]any)[0].(object)
		}
		breaks(method, object{"type": "res", "id": "1", "ok": true, "payload": payload}, place, strings.Fields(is.required))
	}
	for name, required := range map[string]string{"chat": "runId sessionKey seq state", "agent": "runId seq stream ts data"} {
		var payload object
		if err := json.Unmarshal(c.Event(name, func(json.RawMessage) bool { return true }).Payload, &payload); err != nil {
			t.Fatal(err)
		}
		breaks("", object{"type": "event", "event": name, "payload": payload}, payload, strings.Fields(required))
	}
	if broken < 40 {
		t.Errorf("only %d fields were broken", broken)
	}
}

// TestProtocol3Params: what a client of protocol 3 may send is taken: no method lacks a field, asks for one that was not required,
// or wants another kind of value.
func TestProtocol3Params(t *testing.T) {
	t.Parallel()
	type form struct {
		Properties map[string]struct{ Type string }
		Required   []string
		AnyOf      []form // of alternatives the first is looked at: they name a job by id, or by jobId
	}
	var old struct{ Definitions map[string]form }
	text, err := os.ReadFile("kerneltest/testdata/protocol3.schema.json")
	if err != nil || json.Unmarshal(text, &old) != nil {
		t.Fatal(err)
	}
	d, compared := kerneltest.Start(t).Document(), 0
	for method, m := range d.Methods {
		name := ""
		for word := range strings.FieldsFuncSeq(method, func(r rune) bool { return r == '.' || r == '-' }) {
			name += strings.ToUpper(word[:1]) + word[1:]
		}
		was, there := old.Definitions[name+"Params"]
		if !there {
			continue
		}
		if len(was.AnyOf) > 0 {
			was = was.AnyOf[0]
		}
		compared++
		now := d.Types.Target(m.Params)
		for _, field := range now.Required {
			if !slices.Contains(was.Required, field) {
				t.Errorf("%s asks for %s", method, field)
			}
		}
		for field, v := range was.Properties {
			i := slices.IndexFunc(now.Properties, func(p rpc.Property) bool { return p.Name == field })
			if i < 0 {
				t.Errorf("%s has no %s", method, field)
			} else if kinds := string(encoded(d.Types.Target(now.Properties[i].Schema).Type)); v.Type != "" && kinds != "null" && !strings.Contains(kinds, `"`+v.Type+`"`) {
				t.Errorf("%s wants %s to be %s, and it was %s", method, field, kinds, v.Type)
			}
		}
	}
	if compared < 60 {
		t.Errorf("only %d methods were compared", compared)
	}
}

// TestUndeclaredErrors are refused by the check of frames: only what every method may answer passes, and what the row declares.
func TestUndeclaredErrors(t *testing.T) {
	t.Parallel()
	none := reflect.TypeFor[rpc.None]()
	check, err := kerneltest.NewContract(protocol.New([]rpc.Description{{Name: "find", Params: none, Results: []reflect.Type{none}, Errors: []string{"NOT_FOUND"}}}, []event.Row{{Name: "news", Payload: none}}))
	if err != nil {
		t.Fatal(err)
	}
	for body, fits := range map[string]bool{
		`"code":"INVALID_REQUEST"`:                                true,
		`"code":"UNAVAILABLE","details":{"code":"INTERNAL"}`:      true,
		`"code":"INVALID_REQUEST","details":{"code":"NOT_FOUND"}`: true,
		`"code":"INVALID_REQUEST","details":{"code":"CONFLICT"}`:  false,
		`"code":"AGENT_TIMEOUT"`:                                  false,
	} {
		frame := fmt.Sprintf(`{"type":"res","id":"1","ok":false,"error":{"message":"no",%s}}`, body)
		if err := check.Received([]byte(frame), "find"); (err == nil) != fits {
			t.Errorf("%s: %v", body, err)
		}
	}
}
