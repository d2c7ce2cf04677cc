package conformance

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/carapace-gateway/carapace/wit"
	"github.com/carapace-gateway/carapace/wit/contract"
)

// maxLife is how many events an account lives through, or a response has.
const maxLife = 120

// states finds out what states the plugin has to begin with.
func (t *tester) states() {
	i := t.instance(false)
	defer i.close()
	first := func(export string, answer contract.Record) bool {
		f := &t.contract.Exports[slices.IndexFunc(t.contract.Exports, func(f contract.Function) bool { return f.Name == export })]
		if !slices.Contains(t.has, export) || !t.manifest.Declares(export) {
			return false
		}
		inputs := t.inputs(f, usual) // that of the start, of an account
		out := i.call(export, inputs[0].text, t.deadline(f))
		return out.err == nil && wit.Unmarshal(out.out, answer) == nil
	}
	var a wit.ChannelAnswer
	if first("channel_event", &a) && a.State != nil {
		t.samples.accountState = a.State
	}
	var p wit.ProviderPlan
	if first("provider_request", &p) && p.State != nil {
		t.samples.streamState = p.State
	}
}

// accountLife has a channel's account live: it is started, and what its answers ask for happens, well and badly, each event with the
// state that the last answer left.
func (t *tester) accountLife(i *instance, f *contract.Function) {
	l := &account{t: t, state: wit.JSON("null"), seen: map[string]bool{}, next: []map[string]any{{"kind": wit.EventKindStart}}}
	var found []string
	for n := 0; n < maxLife && len(l.next) > 0 && len(found) < most && !t.hung(); n++ {
		event := l.next[0]
		l.next = l.next[1:]
		event["account"], event["config"], event["state"], event["now"] = "main", json.RawMessage(t.samples.config), json.RawMessage(l.state), moment+int64(n)*1000
		in := input{fmt.Sprintf("event %d", n+1), encode(event, false)}
		out := i.call(f.Name, in.text, t.deadline(f))
		if problem := t.problem(f, out); problem != "" {
			found = append(found, in.about(problem))
		}
		if out.ended() {
			i.renew()
		}
		var a wit.ChannelAnswer
		if out.err == nil && wit.Unmarshal(out.out, &a) == nil {
			l.happen(&a)
		}
	}
	t.check("lives through what its answers ask for", f.Name, Failed,
		"take the state and each response as they come: a server may answer anything, and a connection may say anything and end at any time", found...)
}

// account is what an account's life has come to.
type account struct {
	t     *tester
	state wit.JSON
	next  []map[string]any
	seen  map[string]bool // ids of requests: each is answered in all ways, and later in two of them
	bad   int             // responses that were answered
}

// happen is what follows an answer: what it asks for is done, in turn well and otherwise.
func (l *account) happen(a *wit.ChannelAnswer) {
	if a.State != nil {
		l.state = a.State
	}
	if len(l.next) > maxLife {
		return // there is enough to go on with
	}
	add := func(event map[string]any) { l.next = append(l.next, event) }
	for _, r := range a.Requests {
		times := 2
		if !l.seen[r.ID] {
			l.seen[r.ID], times = true, len(responses())+1
		}
		for range times {
			add(map[string]any{"kind": wit.EventKindResponse, "response": l.response(r.ID)})
		}
	}
	for _, c := range a.Open {
		on := func(kind wit.EventKind, field string, value any) {
			add(map[string]any{"kind": kind, "connection": c.Connection, field: value})
		}
		on(wit.EventKindOpened, "opened", map[string]any{"secured": c.Transport != wit.TransportTCP})
		for _, text := range []string{"hello", "{}", `{"op":10,"d":{"heartbeat_interval":1000},"type":"hello"}`, "[]", "", "null", oddText} {
			on(wit.EventKindMessage, "message", map[string]any{"connection": c.Connection, "text": text})
		}
		on(wit.EventKindMessage, "message", map[string]any{"connection": c.Connection, "bytes": []byte{0x20, 0x02, 0x00, 0xff}})
		on(wit.EventKindClosed, "closed", map[string]any{"code": 1006, "reason": "it broke", "reopensAfter": 1000})
	}
	for _, timer := range a.Timers {
		add(map[string]any{"kind": wit.EventKindTimer, "timer": timer.ID})
	}
}

// response answers a request: each time with the next of what servers answer, or with none at all.
func (l *account) response(id string) map[string]any {
	all := responses()
	n := l.bad % (len(all) + 1)
	l.bad++
	if n == len(all) {
		return map[string]any{"id": id, "error": map[string]any{"code": wit.CodeUnavailable, "message": "nobody answers", "retryable": true}}
	}
	response := *all[n]
	response.ID = id
	var fields map[string]any
	_ = json.Unmarshal(wit.Marshal(&response), &fields) // it was just written
	return fields
}

// streams are the responses that a model's server may send, piece by piece.
func streams() [][]wit.StreamEvent {
	head := func(status uint16) wit.StreamEvent {
		return wit.StreamEvent{Kind: wit.StreamEventKindHead, Status: status}
	}
	data := func(text string) wit.StreamEvent {
		return wit.StreamEvent{Kind: wit.StreamEventKindData, Data: text}
	}
	end := wit.StreamEvent{Kind: wit.StreamEventKindEnd}
	cut := wit.StreamEvent{Kind: wit.StreamEventKindEnd, Error: wit.NewError(wit.CodeUnavailable, "the connection broke")}
	return [][]wit.StreamEvent{
		{head(200), end}, {head(200), cut}, {head(200), data(""), end}, {head(200), data("[DONE]"), end}, {head(200), data("{}"), data("[]"), data("null"), end},
		{head(200), data(`{"choices":[]}`), data(`{"choices":[{}]}`), data(`{"error":{"message":"overloaded"}}`), end}, {head(200), data(`{"cut":`), cut},
		{head(401), data(`{"error":{"message":"no"}}`), end}, {head(429), data("<html>"), end}, {head(500), end}, {head(200), data(oddText), end}, {end}, {cut},
	}
}

// streamLife hands a provider the responses to a chat, each piece with the state that the one before left.
func (t *tester) streamLife(i *instance, f *contract.Function) {
	var found []string
	request := &t.contract.Exports[slices.IndexFunc(t.contract.Exports, func(f contract.Function) bool { return f.Name == "provider_request" })]
	for _, chat := range t.typical(request) {
		var plan wit.ProviderPlan
		out := i.call(request.Name, chat.text, t.deadline(request))
		if out.err != nil || wit.Unmarshal(out.out, &plan) != nil || plan.Request == nil {
			continue
		}
		for _, events := range streams() {
			if problem := t.stream(i, f, plan.State, events); problem != "" && len(found) < most {
				found = append(found, problem)
			}
		}
	}
	t.check("reads whatever a server sends", f.Name, Failed, "look at the status first, and expect data of any form: tell by an error what cannot be read", found...)
}

// stream is one response.
func (t *tester) stream(i *instance, f *contract.Function, state wit.JSON, events []wit.StreamEvent) string {
	for _, e := range events {
		in := input{string(e.Kind), wit.Marshal(&wit.ProviderChunk{State: state, Events: []wit.StreamEvent{e}})}
		out := i.call(f.Name, in.text, t.deadline(f))
		if out.ended() {
			i.renew()
		}
		if problem := t.problem(f, out); problem != "" {
			return in.about(problem)
		}
		var a wit.ProviderAnswer
		if out.err != nil || wit.Unmarshal(out.out, &a) != nil {
			return ""
		}
		if a.State != nil {
			state = a.State
		}
	}
	return ""
}
