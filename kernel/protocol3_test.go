package kernel_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
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
