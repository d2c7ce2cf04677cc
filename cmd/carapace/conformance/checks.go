package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/wit"
	"github.com/carapace-gateway/carapace/wit/contract"
)

// most is how many problems a check names.
const most = 3

// export tests one function.
func (t *tester) export(f *contract.Function) {
	t.late = 0
	if f.Capability == "service" {
		t.service(f)
		return
	}
	i := t.instance(false)
	defer func() { i.close() }()
	for _, st := range styles {
		if !t.style(i, f, st) {
			return // it does not end, or ends each time: nothing more is learnt
		}
	}
	inputs := t.typical(f)
	if f.Pure {
		t.again(i, f, inputs)
	}
	switch f.Name {
	case "channel_event":
		t.twice(i, f)
		t.accountLife(i, f)
	case "provider_chunk":
		t.streamLife(i, f)
	}
	if l := t.manifest.Limits; l == nil || l.Instances == nil || *l.Instances != wit.InstancesSingle {
		t.keeps(i, f, inputs)
	}
	if !t.hung() {
		t.cancelled(f, inputs)
		t.errors(i, f, inputs)
	}
}

// typical are inputs that a function does something with: those of its transcripts, then those that are made.
func (t *tester) typical(f *contract.Function) (list []input) {
	for _, line := range t.lines(f.Name) {
		list = append(list, input{"transcript", line.Input})
	}
	list = append(list[:min(len(list), 12)], t.inputs(f, usual)...)
	return append(list, t.inputs(f, complete)...)
}

// style calls a function with all inputs of a style. It is false where that is not worth going on after.
func (t *tester) style(i *instance, f *contract.Function, st style) bool {
	inputs := t.inputs(f, st)
	name := "answers " + st.name
	if len(inputs) == 0 {
		state, found := Skipped, "no input of this kind fits"
		if st.name == usual.name {
			state, found = Warning, "no arguments could be made that fit the schema: only the transcripts test it"
		}
		t.check(name, f.Name, state, "give the schema examples, or write a transcript into testdata", found)
		return true
	}
	var found []string
	for _, in := range inputs {
		out := i.call(f.Name, in.text, t.deadline(f))
		problem := t.problem(f, out)
		if problem == "" && f.Name == "hook_handle" {
			problem = beyondHook(wit.HookName(in.of), out.out)
		}
		if problem != "" {
			found = append(found, in.about(problem))
		}
		if out.ended() {
			i.renew()
		}
		if wit.CodeOf(out.err) == wit.CodeTimeout && out.err != nil || len(found) == most {
			break
		}
	}
	t.check(name, f.Name, Failed, "answer each input with what the contract says, or with an error that has a code and a message: `carapace plugins call` and the test of the plugin show more", found...)
	whole := st.name == usual.name && len(found) == len(inputs) // then the same is found everywhere
	return len(found) < most && !t.hung() && !whole
}

// beyondHook says what a hook decides that it may not: the gateway takes nothing of it.
func beyondHook(name wit.HookName, out []byte) string {
	var d wit.HookDecision
	var fields map[string]json.RawMessage
	if wit.Unmarshal(out, &d) != nil {
		return ""
	}
	if d.Cancel && !name.Cancels() {
		return "it cancels, which this hook may not"
	}
	_ = json.Unmarshal(d.Modify, &fields) // it is an object, or not there
	for field := range fields {
		if !slices.Contains(name.Modifies(), field) {
			return "it modifies " + clip(field, 40) + ", which this hook may not"
		}
	}
	return ""
}

// same says that two outcomes are the same answer.
func same(a, b outcome) bool {
	if a.err != nil || b.err != nil {
		return a.err != nil && b.err != nil && wit.CodeOf(a.err) == wit.CodeOf(b.err)
	}
	return sameJSON(a.out, b.out)
}

func sameJSON(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}

// again: a pure function answers the same to the same, for after a crash it is asked once more.
func (t *tester) again(i *instance, f *contract.Function, inputs []input) {
	var found []string
	for _, in := range inputs {
		if t.hung() {
			break
		}
		first, second := i.call(f.Name, in.text, t.deadline(f)), i.call(f.Name, in.text, t.deadline(f))
		if first.ended() || second.ended() {
			i.renew()
			continue
		}
		if !same(first, second) && len(found) < most {
			found = append(found, in.about("it answers "+clip(answer(first), 100)+" and then "+clip(answer(second), 100)))
		}
	}
	t.check("answers the same when it is asked again", f.Name, Failed,
		"take what the answer depends on from the input: not a clock, a random number or what is in memory", found...)
}

func answer(o outcome) string {
	if o.err != nil {
		return o.err.Error()
	}
	return string(o.out)
}

// twice: an event that comes again, after its answer was committed, brings no message anew.
func (t *tester) twice(i *instance, f *contract.Function) {
	var found []string
	tried := 0
	for _, line := range t.lines(f.Name) {
		var event map[string]json.RawMessage
		var first, second wit.ChannelAnswer
		if json.Unmarshal(line.Input, &event) != nil {
			continue
		}
		one := i.call(f.Name, line.Input, t.deadline(f))
		if one.err != nil || wit.Unmarshal(one.out, &first) != nil || len(first.Messages) == 0 {
			continue
		}
		if first.State != nil {
			event["state"] = json.RawMessage(first.State)
		}
		tried++
		again, _ := json.Marshal(event) // it was JSON
		two := i.call(f.Name, again, t.deadline(f))
		if two.err != nil || wit.Unmarshal(two.out, &second) != nil {
			continue
		}
		for _, m := range second.Messages {
			known := slices.ContainsFunc(first.Messages, func(o wit.Message) bool { return o.ID == m.ID })
			if !known && len(found) < most {
				found = append(found, input{"", line.Input}.about(fmt.Sprintf("the same message has another id, %q", m.ID)))
			}
		}
	}
	if tried == 0 {
		return
	}
	t.check("brings a message in once, however often its event comes", f.Name, Failed, "take the id of a message from the platform, which says the same one each time", found...)
}

// keeps: a function answers from a new instance what it answers from one that has served others.
func (t *tester) keeps(used *instance, f *contract.Function, inputs []input) {
	var found []string
	for _, in := range inputs[:min(len(inputs), 20)] {
		if t.hung() {
			break
		}
		later := used.call(f.Name, in.text, t.deadline(f))
		if later.ended() {
			used.renew()
			continue
		}
		fresh := t.fresh(f, in)
		if same(fresh, later) || !t.steady(f, in, fresh) {
			continue
		}
		if found = append(found, in.about("a new instance answers "+clip(answer(fresh), 100)+", and one that was called before "+clip(answer(later), 100))); len(found) == most {
			break
		}
	}
	t.check("keeps nothing in memory that matters", f.Name, Failed,
		"keep what must outlive a call in the state of the answer or in kv, or say \"instances\": \"single\" in limits: instances come and go, and serve all accounts", found...)
}

// fresh is the answer of a new instance.
func (t *tester) fresh(f *contract.Function, in input) outcome {
	i := t.instance(false)
	defer i.close()
	return i.call(f.Name, in.text, t.deadline(f))
}

// steady says that new instances answer alike: one that throws dice does not.
func (t *tester) steady(f *contract.Function, in input, first outcome) bool {
	for range 10 {
		if !same(first, t.fresh(f, in)) {
			return false
		}
	}
	return true
}

// cancelled: a call that is given up while it waits for the gateway ends at once, and those that come after it are answered as before.
func (t *tester) cancelled(f *contract.Function, inputs []input) {
	const patience = 2 * time.Second
	var found []string
	i := t.instance(true)
	defer func() { i.close() }()
	for _, in := range inputs[:min(len(inputs), 4)] {
		before := i.call(f.Name, in.text, t.deadline(f))
		for n := range min(len(before.asked), 4) + 1 {
			took := i.giveUp(f.Name, in.text, n)
			if took > patience {
				found = append(found, in.about("it goes on for "+took.Round(time.Millisecond).String()+" after it was given up"))
			}
			i.renew()
			after := i.call(f.Name, in.text, t.deadline(f))
			problem := t.problem(f, after)
			if problem == "" && before.err == nil && after.err != nil {
				problem = "it fails: " + after.err.Error()
			}
			if problem != "" && len(found) < most {
				found = append(found, in.about("after a call that was given up, "+problem))
			}
		}
	}
	if len(inputs) > 0 {
		t.check("bears a call that is given up", f.Name, Failed, "leave nothing half done that a later call trips over: a call may end at anything that it asks for", found...)
	}
}

// giveUp makes a call that is given up when it asks for something the nth time, and says how long it goes on
// then.
func (i *instance) giveUp(export string, in []byte, n int) time.Duration {
	ctx, cancel := context.WithCancel(i.t.ctx)
	defer cancel()
	var at time.Time
	i.gateway.stop = func(asked int) bool {
		if asked != n {
			return false
		}
		at = time.Now()
		cancel()
		return true
	}
	i.callIn(ctx, export, in)
	i.gateway.stop = nil
	if at.IsZero() {
		return 0
	}
	return time.Since(at)
}

// failures are what things that are asked for may fail with.
func failures() []*wit.Error {
	wait := int64(1000)
	return []*wit.Error{
		{Code: wit.CodeUnavailable, Message: "not now", Retryable: true}, {Code: wit.CodeRateLimited, Message: "slower", Retryable: true, RetryAfter: &wait},
		{Code: wit.CodeForbidden, Message: "not permitted"}, {Code: wit.CodeUnauthorized, Message: "not set"}, {Code: wit.CodeNotFound, Message: "not there"},
		{Code: wit.CodeTooLarge, Message: "too large"}, {Code: wit.CodeTimeout, Message: "too late"}, {Code: wit.CodeInternal, Message: "internal error"},
	}
}

// responses are what servers answer on bad days.
func responses() []*wit.HTTPResponse {
	text := func(status uint16, body string) *wit.HTTPResponse {
		return &wit.HTTPResponse{Status: status, Text: &body}
	}
	return []*wit.HTTPResponse{
		text(500, "<html>Internal Server Error</html>"), text(429, `{"error":"slow down"}`), text(401, `{"error":{"message":"no"}}`), text(404, ""), text(302, ""),
		text(200, ""), text(200, "null"), text(200, "[]"), text(200, `"text"`), text(200, `{"ok":true,"result":[{}],"data":[null],"id":7}`), text(200, "{\"cut\": \"off"),
		{Status: 200, Bytes: []byte{0xff, 0xfe, 0}}, {Status: 200, Media: new("m1")}, {Status: 204},
	}
}

// errors: whatever is asked for may fail, and servers answer what they like.
func (t *tester) errors(i *instance, f *contract.Function, inputs []input) {
	var found []string
	tried, known := 0, map[string]bool{}
	attempt := func(in input, what string, failure *wit.Error) {
		tried++
		out := i.call(f.Name, in.text, t.deadline(f))
		passedOn := failure != nil && out.err != nil && wit.CodeOf(out.err) == failure.Code && strings.Contains(out.err.Error(), failure.Message)
		if problem := t.problem(f, out); problem != "" && !passedOn && len(found) < most {
			found = append(found, in.about(what+": "+problem))
		}
		if out.ended() {
			i.renew()
		}
	}
	for _, in := range inputs {
		for _, a := range i.call(f.Name, in.text, t.deadline(f)).asked {
			if known[in.of+a.name] {
				continue
			}
			known[in.of+a.name] = true
			for _, failure := range failures() {
				i.gateway.script = func(_ int, name string, _ []byte) ([]byte, error, bool) { return nil, failure, name == a.name }
				attempt(in, a.name+" fails with "+string(failure.Code), failure)
			}
			i.gateway.script = nil
			if a.name != "http_request" {
				continue
			}
			for _, response := range responses() {
				i.gateway.response = response
				attempt(in, fmt.Sprintf("a server answers %d %s", response.Status, clip(string(wit.Marshal(response)), 60)), nil)
			}
			i.gateway.response = nil
		}
	}
	if tried > 0 {
		t.check("bears what fails that it asks for", f.Name, Failed, "look at the error of each call of the gateway, and at a response's status and form before its fields", found...)
	}
}

// service tests a service once, with its first function: it is started, asked, ticks and is stopped, in an instance of its own.
func (t *tester) service(f *contract.Function) {
	if f.Name != "service_start" {
		return
	}
	var found []string
	i := t.instance(true)
	defer func() { i.close() }()
	for _, st := range []style{usual, unknown} {
		for _, name := range []string{"service_start", "service_health", "service_tick", "service_tick", "service_health", "service_stop"} {
			n := slices.IndexFunc(t.contract.Exports, func(f contract.Function) bool { return f.Name == name })
			if f := &t.contract.Exports[n]; slices.Contains(t.has, name) {
				for _, in := range t.inputs(f, st) {
					if problem := t.problem(f, i.call(name, in.text, t.deadline(f))); problem != "" && len(found) < most {
						found = append(found, name+": "+in.about(problem))
					}
				}
			}
		}
		i.renew()
	}
	t.check("starts, ticks, says how it is, and stops", "service", Failed, "answer each of the service's functions with what the contract says, or with an error", found...)
}
