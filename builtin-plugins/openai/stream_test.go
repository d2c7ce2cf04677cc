package openai_test

import (
	stdjson "encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/openai"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// read runs what arrives of a stream through the provider as the gateway does, one event a call, the same but for those
// that the provider lets be read, and all of them in one, which has to come to the same, and adds up the answers.
func read(t *testing.T, events ...wit.StreamEvent) *wit.ProviderAnswer {
	t.Helper()
	return readFrom(t, nil, events...)
}

// readFrom begins with the state of a plan.
func readFrom(t *testing.T, first wit.JSON, events ...wit.StreamEvent) *wit.ProviderAnswer {
	t.Helper()
	alone := readBy(t, 1, false, first, events)
	want := string(wit.Marshal(alone))
	if got := string(wit.Marshal(readBy(t, len(events), false, first, events))); got != want {
		t.Errorf("one by one %s, together %s", want, got)
	}
	if got := string(wit.Marshal(readBy(t, 1, true, first, events))); got != want {
		t.Errorf("one by one %s, without those that are alike %s", want, got)
	}
	return alone
}

// joined puts deltas that follow each other and are of one kind together.
func joined(deltas []wit.Delta) []wit.Delta {
	var out []wit.Delta
	for _, d := range deltas {
		if n := len(out); n > 0 && out[n-1].Kind == d.Kind {
			out[n-1].Text += d.Text
		} else {
			out = append(out, d)
		}
	}
	return out
}

// alike reads an event as the gateway does that looks as the provider has said.
func alike(like *wit.EventPattern, e *wit.StreamEvent) (d wit.Delta, ok bool) {
	if like == nil || e.Kind != wit.StreamEventKindData || e.Name != nil {
		return d, false
	}
	text, begins := strings.CutPrefix(e.Data, like.Before)
	text, ends := strings.CutSuffix(text, like.After)
	d.Kind = like.Kind
	ok = begins && ends && !strings.Contains(text, `\u`) && strings.HasPrefix(text, `"`) && stdjson.Unmarshal([]byte(text), &d.Text) == nil
	return d, ok && (like.Unless == "" || !strings.Contains(d.Text, like.Unless))
}

func readBy(t *testing.T, size int, without bool, state wit.JSON, events []wit.StreamEvent) *wit.ProviderAnswer {
	t.Helper()
	sum := &wit.ProviderAnswer{}
	var like *wit.EventPattern
	defer func() { sum.Deltas = joined(sum.Deltas) }()
	for batch := range slices.Chunk(events, size) {
		if d, ok := alike(like, &batch[0]); ok && without {
			if d.Text != "" {
				sum.Deltas = append(sum.Deltas, d)
			}
			continue
		}
		answer, err := openai.New().Chunk((&sdktest.Host{}).SDK(), &wit.ProviderChunk{State: state, Events: batch})
		if err != nil {
			t.Fatalf("%+v: %v", batch, err)
		}
		if sum.Stop != nil && answer.Stop != nil || sum.Error != nil && answer.Error != nil {
			t.Errorf("the answer ends twice")
		}
		sum.Deltas = append(sum.Deltas, answer.Deltas...)
		sum.CallDeltas = append(sum.CallDeltas, answer.CallDeltas...)
		sum.Files = append(sum.Files, answer.Files...)
		if answer.Opaque != nil {
			sum.Opaque = answer.Opaque
		}
		if answer.Usage != nil {
			sum.Usage = answer.Usage
		}
		if answer.Stop != nil {
			sum.Stop = answer.Stop
		}
		if answer.Error != nil {
			sum.Error = answer.Error
		}
		like = answer.Like
		most := 80 << 10
		if strings.HasPrefix(string(answer.State), `{"api"`) {
			most = 220 << 10 // it has encrypted reasoning
		}
		if state = answer.State; len(state) > most {
			t.Fatalf("the state is %d bytes", len(state))
		}
	}
	sum.ToolCalls, sum.CallDeltas = whole(sum.CallDeltas), nil
	return sum
}

// whole puts the calls together, as the gateway does.
func whole(pieces []wit.CallDelta) []wit.ToolCall {
	var calls []wit.ToolCall
	for _, d := range pieces {
		for int(d.Call) >= len(calls) {
			calls = append(calls, wit.ToolCall{})
		}
		c := &calls[d.Call]
		c.ID, c.Name, c.Args = c.ID+d.ID, c.Name+d.Name, append(c.Args, d.Args...)
		if d.Opaque != nil {
			c.Opaque = d.Opaque
		}
	}
	return calls
}

func head(status uint16, headers ...wit.Header) wit.StreamEvent {
	return wit.StreamEvent{Kind: wit.StreamEventKindHead, Status: status, Headers: headers}
}

func data(text string) wit.StreamEvent {
	return wit.StreamEvent{Kind: wit.StreamEventKindData, Data: text}
}

var end = wit.StreamEvent{Kind: wit.StreamEventKindEnd}

func said(answer *wit.ProviderAnswer, kind wit.DeltaKind) string {
	var b strings.Builder
	for _, delta := range answer.Deltas {
		if delta.Kind == kind {
			b.WriteString(delta.Text)
		}
	}
	return b.String()
}

func TestStream(t *testing.T) {
	answer := read(t, head(200),
		data(`{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}`),
		data(`{"choices":[{"index":0,"delta":{"reasoning_content":"hm"}}]}`),
		data(`{"choices":[{"index":0,"delta":{"content":"Hel"}}]}`),
		data(`{"choices":[{"index":0,"delta":{"content":"lo \u00e9"},"finish_reason":null}]}`),
		data(`{"choices":[{"index":1,"delta":{"content":"other"}}]}`),
		data(`{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`),
		data(`{"choices":[],"model":"m-1","usage":{"prompt_tokens":30,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":10}}}`),
		data(`{"choices":[]}`),
		data(`[DONE]`), end)
	if got := said(answer, wit.DeltaKindText); got != "Hello é" {
		t.Errorf("said %q", got)
	}
	if got := said(answer, wit.DeltaKindThinking); got != "hm" {
		t.Errorf("thought %q", got)
	}
	if answer.Error != nil || *answer.Stop != wit.StopReasonEnd || *answer.Usage != (wit.Usage{Input: 20, Output: 5, CacheRead: 10, Model: "m-1"}) {
		t.Errorf("%+v %+v %v", answer.Usage, answer.Stop, answer.Error)
	}
}

func TestHowAnAnswerEnds(t *testing.T) {
	delta := data(`{"choices":[{"delta":{"content":"x"}}]}`)
	reason := func(r string) wit.StreamEvent {
		return data(`{"choices":[{"delta":{},"finish_reason":"` + r + `"}]}`)
	}
	for name, c := range map[string]struct {
		chunks []wit.StreamEvent
		want   wit.StopReason
	}{
		"length":         {[]wit.StreamEvent{delta, reason("length"), data("[DONE]")}, wit.StopReasonLength},
		"filter":         {[]wit.StreamEvent{delta, reason("content_filter"), data("[DONE]")}, wit.StopReasonRefused},
		"refusal":        {[]wit.StreamEvent{data(`{"choices":[{"delta":{"refusal":"no"}}]}`), reason("stop"), data("[DONE]")}, wit.StopReasonRefused},
		"without [DONE]": {[]wit.StreamEvent{delta, reason("stop"), end}, wit.StopReasonEnd},
		"without reason": {[]wit.StreamEvent{delta, data("[DONE]"), end}, wit.StopReasonEnd},
		"blanks":         {[]wit.StreamEvent{delta, reason("stop"), data(" [DONE] ")}, wit.StopReasonEnd},
		"broke off late": {[]wit.StreamEvent{delta, reason("stop"), {Kind: wit.StreamEventKindEnd, Error: wit.NewError(wit.CodeUnavailable, "reset")}}, wit.StopReasonEnd},
		"stays open":     {[]wit.StreamEvent{delta, reason("stop")}, wit.StopReasonEnd},
		"each piece":     {[]wit.StreamEvent{data(`{"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]}`), delta, data("[DONE]")}, wit.StopReasonEnd},
		"keep-alives":    {[]wit.StreamEvent{data(""), data("  "), data(`"ping"`), data("null"), delta, data(""), reason("stop")}, wit.StopReasonEnd},
		"too many":       {[]wit.StreamEvent{delta, reason("max_tokens"), data("[DONE]")}, wit.StopReasonLength},
		"repeated":       {[]wit.StreamEvent{delta, data(`{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}]}`), data("[DONE]")}, wit.StopReasonEnd},
		"no refusal":     {[]wit.StreamEvent{data(`{"choices":[{"delta":{"content":"x","refusal":""}}]}`), reason("stop"), data("[DONE]")}, wit.StopReasonEnd},
		"named":          {[]wit.StreamEvent{{Kind: wit.StreamEventKindData, Name: new("message"), Data: delta.Data}, reason("stop"), data("[DONE]")}, wit.StopReasonEnd},
		"not streamed":   {[]wit.StreamEvent{data(`{"choices":[{"message":{"content":"whole"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}`), end}, wit.StopReasonEnd},
	} {
		answer := read(t, append([]wit.StreamEvent{head(200)}, c.chunks...)...)
		if answer.Error != nil || answer.Stop == nil || *answer.Stop != c.want {
			t.Errorf("%s: %v, %v, want %s", name, answer.Stop, answer.Error, c.want)
		}
		if len(answer.Deltas) == 0 {
			t.Errorf("%s: nothing was said", name)
		}
	}
}

func FuzzChunk(f *testing.F) {
	f.Add(`{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a"}]}}]}`, `{"calls":[{"args":"x"}]}`)
	f.Add(`{"error":{"message":"x"}}`, `{"status":429}`)
	f.Add(`[DONE]`, `{}`)
	f.Fuzz(func(t *testing.T, data, state string) {
		answer, err := openai.New().Chunk((&sdktest.Host{}).SDK(), &wit.ProviderChunk{
			State: wit.JSON(state), Events: []wit.StreamEvent{{Kind: wit.StreamEventKindData, Data: data}},
		})
		if err == nil && !stdjson.Valid(wit.Marshal(answer)) {
			t.Errorf("the answer is %s", wit.Marshal(answer))
		}
	})
}
