package kernel_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/protocol"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// TestHostileParameters says to every method, in every field of its parameters, what no client may: of another kind,
// outside the enumeration, below the least number, empty where a name belongs, a field that there is not, and an agent
// that there is not. The fields come from the method table, so that a new one is among them.
func TestHostileParameters(t *testing.T) {
	t.Parallel()
	for _, version := range []int{3, 4} {
		t.Run(fmt.Sprint("protocol ", version), func(t *testing.T) {
			t.Parallel()
			k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Channel("chat"), kerneltest.Echo("echo")),
				kerneltest.Config(t, `{"channels":{"chat":{"accounts":{"home":{"config":{"root":"http://127.0.0.1:1"}}}}}}`))
			conn, err := k.TryDial(client.Options{Token: kerneltest.Token, MinProtocol: version, MaxProtocol: version})
			if err != nil {
				t.Fatal(err)
			}
			l := kerneltest.Listen(t, conn)
			l.Ask("r1", "hello")
			var job struct{ ID string }
			l.MustCall("cron.add", sound()["cron.add"], &job)
			node, err := k.TryDial(client.Options{Token: kerneltest.Token, Identity: filepath.Join(t.TempDir(), "node"), Role: wire.RoleNode, MinProtocol: version, MaxProtocol: version})
			if err != nil {
				t.Fatal(err)
			}
			h := hostile{k.Document(), sound()}
			h.sound["cron.update"]["id"], h.sound["cron.get"]["id"] = job.ID, job.ID
			for _, method := range slices.Sorted(maps.Keys(h.document.Methods)) {
				if method == "connect" {
					continue
				}
				caller := l.Client
				if h.document.Methods[method].Scope == wire.ScopeNode {
					caller = node
				}
				for _, bad := range h.of(method) {
					err := caller.Call(t.Context(), method, bad.params, nil)
					if code := wit.CodeOf(err); code != wit.CodeInvalid && code != wit.CodeNotFound {
						t.Errorf("%s takes %s: %v", method, bad.what, err)
					}
				}
			}
			var list struct{ Sessions, Jobs []any }
			l.MustCall("sessions.list", object{"archived": "all"}, &list)
			l.MustCall("cron.list", object{"includeDisabled": true}, &list)
			if len(list.Sessions) != 1 || len(list.Jobs) != 1 {
				t.Errorf("what was refused has left something: %v", list)
			}
		})
	}
}

// TestParametersThatAreLeftOut: what a client written in Go does not set is not said, or it would be refused.
func TestParametersThatAreLeftOut(t *testing.T) {
	t.Parallel()
	h := hostile{kerneltest.Start(t).Document(), nil}
	for method, m := range h.document.Methods {
		params := h.target(m.Params)
		text, err := json.Marshal(reflect.Zero(params.Of).Interface())
		var said object
		if err != nil || json.Unmarshal(text, &said) != nil {
			t.Fatalf("%s: %s %v", method, text, err)
		}
		for _, p := range params.Properties {
			s := h.target(p.Schema)
			if slices.Contains(params.Required, p.Name) || nullable(p.Schema) {
				continue
			}
			if _, written := said[p.Name]; written && (s.MinLength != nil || s.Enum != nil || s.Minimum != nil && *s.Minimum > 0) {
				t.Errorf("%s writes %s, which cannot be empty, where it is not set", method, p.Name)
			}
		}
	}
}

// sound are parameters that a method takes, where those that the table requires do not say enough.
func sound() map[string]object {
	job := object{"name": "n", "enabled": false, "sessionTarget": "main", "wakeMode": "now",
		"schedule": object{"kind": "every", "everyMs": 60000}, "payload": object{"kind": "systemEvent", "text": "t"}}
	main := object{"key": "main"}
	return map[string]object{
		"cron.add": job, "cron.update": {"patch": object{}}, "cron.get": {}, "send": {"message": "hi", "channel": "chat"},
		"message.action": {"channel": "chat", "params": object{"to": "ann", "message": "hi"}}, "poll": {"options": []any{"a", "b"}, "channel": "chat"},
		"sessions.resolve": main, "sessions.export": main, "sessions.abort": main, "cron.runs": {"scope": "all"},
		"sessions.preview": {"keys": []any{"main"}}, "sessions.load": main, "chat.startup": {"sessionKey": "main"}, "sessions.fork": main, "sessions.rename": {"key": "main", "label": "l"},
		"config.validate": {"raw": "{}"}, "exec.approval.request": {"command": "ls", "timeoutMs": 1},
		"plugin.approval.request": {"timeoutMs": 1}, "agents.update": {"agentId": "main"}, "agents.delete": {"agentId": "main"},
		"agents.files.list": {"agentId": "main"}, "agents.files.get": {"agentId": "main", "name": "SOUL.md"}, "agents.files.set": {"agentId": "main", "name": "SOUL.md"},
	}
}

// lenient are the fields that take an empty text, as the gateways do whose clients come here: it is as good as none, or
// is a text like any other.
var lenient = map[string]string{
	"sessions.export_user": "cursor",
	"agent": `to channel replyTo replyChannel accountId replyAccountId threadId sessionKey sessionId provider model thinking lane label
		extraSystemPrompt groupId groupChannel groupSpace spawnedBy cwd internalRuntimeHandoffId execApprovalFollowupExpectedSessionId
		voiceWakeTrigger`,
	"agent.identity.get": `sessionKey`,
	"agents.create":      `workspace model emoji avatar baseHash`,
	"agents.update":      `workspace emoji avatar theme baseHash`,
	"agents.delete":      `baseHash`,
	"agents.files.set":   `content`,
	"message.action":     `accountId sessionKey requesterAccountId requesterSenderId sessionId`,
	"poll":               `channel accountId threadId options[]`,
	"chat.history":       `inputRunIds[]`,
	"chat.startup":       `inputRunIds[]`,
	"chat.inject":        `label`,
	"chat.send": `thinking sessionId originatingChannel originatingTo originatingAccountId originatingThreadId replyToId
		systemProvenanceReceipt expectedLeafEntryId expectedSessionRoutingContract expectedPermissionMode`,
	"config.apply":            `sessionKey note deliveryContext.channel deliveryContext.to deliveryContext.accountId`,
	"config.patch":            `sessionKey note deliveryContext.channel deliveryContext.to deliveryContext.accountId replacePaths[]`,
	"system-event":            `deviceId instanceId host ip mode version platform deviceFamily modelIdentifier reason roles[] scopes[] tags[]`,
	"sessions.usage":          `utcOffset timeZone`,
	"usage.monthly":           `agentId`,
	"usage.cost":              `agentId agentScope utcOffset timeZone`,
	"tasks.cancel":            `reason`,
	"tts.convert":             `channel provider voice`,
	"tts.speak":               `provider voice`,
	"talk.mode":               `phase`,
	"talk.speak":              `voiceId modelId outputFormat normalize language`,
	"voicewake.set":           `triggers[]`,
	"tts.setVoice":            `voice`,
	"cron.add":                `description isolation.postToMainPrefix payload.to payload.model payload.thinking schedule.tz`,
	"cron.list":               `query`,
	"cron.runs":               `query`,
	"cron.update":             `patch.description patch.isolation.postToMainPrefix patch.payload.to patch.payload.model patch.payload.thinking`,
	"node.event":              `payloadJSON`,
	"node.invoke":             `sessionKey turnSourceChannel turnSourceTo turnSourceAccountId`,
	"node.invoke.result":      `error.code error.message`,
	"node.pair.reject":        `reason`,
	"plugins.search":          `query`,
	"send":                    `channel accountId sessionKey threadId replyToId mediaUrl mediaUrls[] buffer filename contentType`,
	"sessions.compact":        `instructions`,
	"sessions.create":         `label displayName model thinkingLevel category contextWindow message task permissionMode cwd execNode`,
	"sessions.send":           `message thinking`,
	"wizard.start":            `workspace`,
	"wizard.next":             `answer.stepId`,
	"sessions.steer":          `message thinking`,
	"sessions.import":         `label messages[].text messages[].toolCalls[].id messages[].toolCalls[].name messages[].toolCallId messages[].tool messages[].provider messages[].model`,
	"sessions.export":         `cursor sessionId`,
	"sessions.list":           `search creatorId ownerId involvingProfileId`,
	"sessions.patch":          `expectedLifecycleRevision expectedPermissionMode`,
	"sessions.patchMany":      `targets[].expectedLifecycleRevision`,
	"sessions.preview":        `keys[]`,
	"sessions.resolve":        `shortId slugHint spawnedBy`,
	"sessions.subscribe":      `search creatorId ownerId involvingProfileId`,
	"exec.approval.request":   `approvalReviewerDeviceIds[] commandArgv[] systemRunPlan.argv[]`,
	"plugin.approval.request": `approvalReviewerDeviceIds[]`,
}

// open are the fields of any kind: nothing is done with them, or a thread's id, which may be a number.
var open = strings.Fields(`chat.send:fastMode message.action:reply message.action:toolContext exec.approval.request:turnSourceThreadId plugin.approval.request:turnSourceThreadId config.apply:deliveryContext.threadId config.patch:deliveryContext.threadId cron.add:delivery.threadId cron.update:patch.delivery.threadId
	sessions.import:messages[].toolCalls[].args node.event:payload node.invoke:params node.invoke:turnSourceThreadId node.invoke.result:payload node.invoke.result:payloadJSON`)

// hostile makes parameters that are to be refused.
type hostile struct {
	document *protocol.Document
	sound    map[string]object
}

// bad is one of them.
type bad struct {
	what   string
	params json.RawMessage
}

func (h hostile) of(method string) (list []bad) {
	base := h.sample(h.document.Methods[method].Params)
	maps.Copy(base, h.sound[method])
	h.each(h.document.Methods[method].Params, nil, func(at []string, s *rpc.Schema) {
		for _, v := range append(values(at[len(at)-1], h.target(s), nullable(s)), beyond(h.target(s))...) {
			blank := v == `""` && slices.Contains(strings.Fields(lenient[method]), strings.Join(at, "."))
			if !blank && !slices.Contains(open, method+":"+strings.Join(at, ".")) {
				list = append(list, bad{fmt.Sprintf("%s of %.40s", strings.Join(at, "."), v), h.with(base, h.document.Methods[method].Params, at, json.RawMessage(v))})
			}
		}
	})
	return list
}

// values are what a place refuses.
func values(name string, s *rpc.Schema, null bool) []string {
	switch kind(s) {
	case "boolean":
		return []string{`"yes"`, `1`}
	case "integer":
		return []string{`-1`, `1.5`, `"7"`, `true`}
	case "number":
		return []string{`-1`, `"7"`}
	case "array":
		return []string{`"x"`, `{}`}
	case "object":
		return []string{`"x"`, `[]`}
	case "":
		if name == "unheard-of" {
			return []string{`1`}
		}
		return append(names(name), `7`, `{"unheard-of":1}`)
	}
	if s.Enum != nil {
		return []string{`""`, `"unheard-of"`, `7`}
	}
	list := append(names(name), `""`, `7`)
	if !null {
		list = append(list, `null`)
	}
	return list
}

// beyond are values on the other side of each bound of a place.
func beyond(s *rpc.Schema) (list []string) {
	for _, b := range []struct {
		bound *float64
		step  float64
		write func(n int) string
	}{
		{s.Minimum, -1, strconv.Itoa}, {s.Maximum, 1, strconv.Itoa},
		{s.MinLength, -1, quoted}, {s.MaxLength, 1, quoted},
		{s.MinItems, -1, items}, {s.MaxItems, 1, items},
	} {
		if b.bound != nil && *b.bound < 1<<18 {
			list = append(list, b.write(int(*b.bound+b.step)))
		}
	}
	return list
}

// quoted is a text of n characters, and items a list of so many.
func quoted(n int) string { return `"` + strings.Repeat("x", n) + `"` }
func items(n int) string  { return "[" + strings.TrimSuffix(strings.Repeat(`"x",`, n), ",") + "]" }

// names are agents that there are not, where a field names one.
func names(name string) []string {
	switch name {
	case "agentId":
		return []string{`"nobody"`, `" "`}
	case "sessionKey", "key", "keys":
		return []string{`"agent:nobody:main"`, `"agent:"`}
	}
	return nil
}

// nullable reports whether null is one of the values of a place.
func nullable(s *rpc.Schema) bool {
	_, several := s.Type.([]string)
	return several || len(s.AnyOf) > 0
}

func kind(s *rpc.Schema) string {
	switch t := s.Type.(type) {
	case string:
		return t
	case []string:
		return t[0]
	}
	return ""
}

// target is what a schema means, null left out.
func (h hostile) target(s *rpc.Schema) *rpc.Schema {
	if len(s.AnyOf) > 0 {
		s = s.AnyOf[0]
	}
	return h.document.Types.Target(s)
}

// each calls found for every place in the parameters, and for one that there is not in every object.
func (h hostile) each(s *rpc.Schema, at []string, found func(at []string, s *rpc.Schema)) {
	s = h.target(s)
	switch kind(s) {
	case "object":
		for _, p := range s.Properties {
			here := append(slices.Clone(at), p.Name)
			found(here, p.Schema)
			h.each(p.Schema, here, found)
		}
		if s.Closed {
			found(append(slices.Clone(at), "unheard-of"), &rpc.Schema{})
		}
	case "array":
		here := append(slices.Clone(at), "[]")
		if len(at) > 0 {
			here = append(slices.Clone(at[:len(at)-1]), at[len(at)-1]+"[]")
		}
		found(here, s.Items)
		h.each(s.Items, here, found)
	}
}

// sample are the parameters that a schema requires.
func (h hostile) sample(s *rpc.Schema) object {
	out := object{}
	for _, p := range h.target(s).Properties {
		if slices.Contains(h.target(s).Required, p.Name) {
			out[p.Name] = h.example(p.Name, h.target(p.Schema))
		}
	}
	return out
}

func (h hostile) example(name string, s *rpc.Schema) any {
	switch kind(s) {
	case "boolean":
		return true
	case "integer", "number":
		return 1
	case "array":
		return []any{h.example(name, h.target(s.Items))}
	case "object":
		return h.sample(s)
	}
	switch {
	case s.Enum != nil:
		return s.Enum[0]
	case name == "sessionKey" || name == "key":
		return "main"
	}
	return "x"
}

// with are the parameters with a value at a place, and what its surroundings require.
func (h hostile) with(base object, s *rpc.Schema, at []string, value json.RawMessage) json.RawMessage {
	var params object
	text, _ := json.Marshal(base)
	_ = json.Unmarshal(text, &params)
	h.set(params, s, at, value)
	text, _ = json.Marshal(params)
	return text
}

func (h hostile) set(in object, s *rpc.Schema, at []string, value json.RawMessage) {
	s = h.target(s)
	name, item := strings.CutSuffix(at[0], "[]")
	if len(at) == 1 {
		if in[name] = any(value); item {
			in[name] = []any{value}
		}
		return
	}
	i := slices.IndexFunc(s.Properties, func(p rpc.Property) bool { return p.Name == name })
	below := h.target(s.Properties[i].Schema)
	if item {
		below = h.target(below.Items)
	}
	inner, _ := in[name].(object)
	if inner == nil {
		inner = h.sample(below)
	}
	if h.set(inner, below, at[1:], value); item {
		in[name] = []any{inner}
	} else {
		in[name] = inner
	}
}
