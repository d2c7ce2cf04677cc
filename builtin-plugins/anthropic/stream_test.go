package anthropic_test

import (
	stdjson "encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/anthropic"
	"github.com/carapace-gateway/carapace/builtin-plugins/anthropic/anthropictest"
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
	name := ""
	if e.Name != nil {
		name = *e.Name
	}
	if like == nil || e.Kind != wit.StreamEventKindData || name != like.Name {
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
		answer, err := anthropic.New().Chunk((&sdktest.Host{}).SDK(), &wit.ProviderChunk{State: state, Events: batch})
		if err != nil {
			t.Fatalf("%+v: %v", batch, err)
		}
		if sum.Stop != nil && answer.Stop != nil || sum.Error != nil && answer.Error != nil {
			t.Fatalf("it ends twice: %+v", batch)
		}
		sum.Deltas = append(sum.Deltas, answer.Deltas...)
		sum.CallDeltas = append(sum.CallDeltas, answer.CallDeltas...)
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
		if state = answer.State; len(state) > 300<<10 {
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
	}
	return calls
}

func head(status uint16, headers ...wit.Header) wit.StreamEvent {
	return wit.StreamEvent{Kind: wit.StreamEventKindHead, Status: status, Headers: headers}
}

func data(text string) wit.StreamEvent {
	return wit.StreamEvent{Kind: wit.StreamEventKindData, Data: text}
}

// named is an event with the name that it has at Anthropic.
func named(text string) wit.StreamEvent {
	var e struct{ Type string }
	_ = stdjson.Unmarshal([]byte(text), &e) // half an event has no name
	return wit.StreamEvent{Kind: wit.StreamEventKindData, Name: &e.Type, Data: text}
}

func begins(index int, block string) wit.StreamEvent {
	return named(fmt.Sprintf(`{"type":"content_block_start","index":%d,"content_block":%s}`, index, block))
}

func delta(index int, kind, field, text string) wit.StreamEvent {
	return named(fmt.Sprintf(`{"type":"content_block_delta","index":%d,"delta":{"type":%q,%q:"%s"}}`, index, kind, field, text))
}

func says1(text string) wit.StreamEvent { return delta(0, "text_delta", "text", text) }

func ends(index int) wit.StreamEvent {
	return named(fmt.Sprintf(`{"type":"content_block_stop","index":%d}`, index))
}

func stop(reason string) wit.StreamEvent {
	return named(`{"type":"message_delta","delta":{"stop_reason":"` + reason + `","stop_sequence":null},"usage":{"output_tokens":15}}`)
}

var (
	end      = wit.StreamEvent{Kind: wit.StreamEventKindEnd}
	finished = named(`{"type":"message_stop"}`)
	ping     = named(`{"type":"ping"}`)
	started  = named(`{"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":"m-1","content":[],"usage":{"input_tokens":20,"cache_read_input_tokens":10,"cache_creation_input_tokens":5,"output_tokens":1}}}`)
	text0    = begins(0, `{"type":"text","text":""}`)
)

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
	answer := read(t, head(200), started, ping,
		begins(0, `{"type":"thinking","thinking":"","signature":""}`), delta(0, "thinking_delta", "thinking", "h"), delta(0, "thinking_delta", "thinking", "m"),
		delta(0, "signature_delta", "signature", "c2ln"), ends(0),
		begins(1, `{"type":"redacted_thinking","data":"b2s="}`), ends(1),
		begins(2, `{"type":"text","text":""}`), delta(2, "text_delta", "text", "Hel"), ping, delta(2, "text_delta", "text", `lo \u00e9`), ends(2),
		begins(3, `{"type":"tool_use","id":"toolu_1","name":"calc","input":{}}`), delta(3, "input_json_delta", "partial_json", ""),
		delta(3, "input_json_delta", "partial_json", `{\"expression\":`), delta(3, "input_json_delta", "partial_json", ` \"1\"}`), ends(3),
		begins(4, `{"type":"tool_use","id":"toolu_2","name":"time","input":{}}`), ends(4),
		stop("tool_use"), finished, end)
	if got := said(answer, wit.DeltaKindText); got != "Hello é" {
		t.Errorf("said %q", got)
	}
	if got := said(answer, wit.DeltaKindThinking); got != "hm" {
		t.Errorf("thought %q", got)
	}
	if answer.Error != nil || *answer.Stop != wit.StopReasonToolCalls || *answer.Usage != (wit.Usage{Input: 20, Output: 15, CacheRead: 10, CacheWrite: 5, Model: "m-1"}) {
		t.Errorf("%+v %+v %v", answer.Usage, answer.Stop, answer.Error)
	}
	var calls []string
	for _, c := range answer.ToolCalls {
		calls = append(calls, c.ID+" "+c.Name+" "+string(c.Args))
	}
	if got := strings.Join(calls, "|"); got != `toolu_1 calc {"expression": "1"}|toolu_2 time ` {
		t.Errorf("calls %s", got)
	}
	if got, want := string(answer.Opaque), `{"order":[{"type":"thinking","thinking":"hm","signature":"c2ln"},{"type":"redacted_thinking","data":"b2s="},0,"call","call"]}`; got != want {
		t.Errorf("opaque %s", got)
	}
}

func TestHowAnAnswerEnds(t *testing.T) {
	for name, c := range map[string]struct {
		events []wit.StreamEvent
		want   wit.StopReason
	}{
		"end":               {[]wit.StreamEvent{text0, says1("x"), ends(0), stop("end_turn"), finished}, wit.StopReasonEnd},
		"length":            {[]wit.StreamEvent{text0, says1("x"), ends(0), stop("max_tokens"), finished}, wit.StopReasonLength},
		"full":              {[]wit.StreamEvent{text0, says1("x"), stop("model_context_window_exceeded")}, wit.StopReasonLength},
		"refusal":           {[]wit.StreamEvent{text0, says1("x"), ends(0), stop("refusal"), finished}, wit.StopReasonRefused},
		"pause":             {[]wit.StreamEvent{text0, says1("x"), ends(0), stop("pause_turn"), finished}, wit.StopReasonEnd},
		"sequence":          {[]wit.StreamEvent{text0, says1("x"), ends(0), stop("stop_sequence"), finished}, wit.StopReasonEnd},
		"no stop":           {[]wit.StreamEvent{text0, says1("x"), ends(0), stop("end_turn"), end}, wit.StopReasonEnd},
		"no reason":         {[]wit.StreamEvent{text0, says1("x"), ends(0), finished}, wit.StopReasonEnd},
		"[DONE]":            {[]wit.StreamEvent{text0, says1("x"), ends(0), stop("end_turn"), data("[DONE]")}, wit.StopReasonEnd},
		"stays open":        {[]wit.StreamEvent{text0, says1("x"), ends(0), stop("end_turn")}, wit.StopReasonEnd},
		"broke off late":    {[]wit.StreamEvent{text0, says1("x"), stop("end_turn"), {Kind: wit.StreamEventKindEnd, Error: wit.NewError(wit.CodeUnavailable, "reset")}}, wit.StopReasonEnd},
		"no beginnings":     {[]wit.StreamEvent{says1("x"), stop("end_turn"), finished}, wit.StopReasonEnd},
		"no names":          {[]wit.StreamEvent{data(says1("x").Data), data(says1("y").Data), data(stop("end_turn").Data)}, wit.StopReasonEnd},
		"text in the start": {[]wit.StreamEvent{begins(0, `{"type":"text","text":"x"}`), stop("end_turn")}, wit.StopReasonEnd},
		"keep-alives":       {[]wit.StreamEvent{data(""), ping, data("null"), data(`"ping"`), says1("x"), data(" "), named(`{"type":"content_block_new"}`), stop("end_turn")}, wit.StopReasonEnd},
		"not streamed":      {[]wit.StreamEvent{data(`{"type":"message","content":[{"type":"text","text":"x"}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":2}}`), end}, wit.StopReasonEnd},
		"not streamed, calls": {[]wit.StreamEvent{data(`{"type":"message","content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"x"},` +
			`{"type":"tool_use","id":"a","name":"f","input":{"a":1}}],"stop_reason":"tool_use"}`), end}, wit.StopReasonToolCalls},
	} {
		answer := read(t, append([]wit.StreamEvent{head(200)}, c.events...)...)
		if answer.Error != nil || answer.Stop == nil || *answer.Stop != c.want {
			t.Errorf("%s: %v, %v, want %s", name, answer.Stop, answer.Error, c.want)
		}
		if !strings.HasPrefix(said(answer, wit.DeltaKindText), "x") {
			t.Errorf("%s: said %q", name, said(answer, wit.DeltaKindText))
		}
	}
}

// TestRefusals: a refusal that says why is told in its words, unless the model has said something itself.
func TestRefusals(t *testing.T) {
	why := named(`{"type":"message_delta","delta":{"stop_reason":"refusal","stop_details":{"type":"refusal","category":"bio","explanation":"This is about pathogens."}},"usage":{"output_tokens":0}}`)
	if answer := read(t, head(200), why, finished); said(answer, wit.DeltaKindText) != "This is about pathogens." || *answer.Stop != wit.StopReasonRefused {
		t.Errorf("%+v", answer)
	}
	if answer := read(t, head(200), text0, says1("I be"), why, finished); said(answer, wit.DeltaKindText) != "I be" || *answer.Stop != wit.StopReasonRefused {
		t.Errorf("%+v", answer)
	}
}

// TestCutOff: where a stream ends before the model has finished, the gateway says what that means.
func TestCutOff(t *testing.T) {
	broken := wit.StreamEvent{Kind: wit.StreamEventKindEnd, Error: wit.NewError(wit.CodeTimeout, "timed out")}
	for name, events := range map[string][]wit.StreamEvent{
		"nothing": {head(200), end}, "text": {head(200), started, says1("x"), end}, "connection": {head(200), says1("x"), broken}, "no head": {broken},
		"half an event": {head(200), says1("x"), data(`{"type":"content_blo`), end},
		"half a call":   {head(200), begins(0, `{"type":"tool_use","id":"a","name":"f","input":{}}`), delta(0, "input_json_delta", "partial_json", `{\"a`), end},
	} {
		if answer := read(t, events...); answer.Error != nil || answer.Stop != nil {
			t.Errorf("%s: %v, %v", name, answer.Stop, answer.Error)
		}
	}
}

// TestCalls: in pieces that alternate, whole, too many, long, and with half a character between two events.
func TestCalls(t *testing.T) {
	tool := func(index int, id, name, input string) wit.StreamEvent {
		return begins(index, `{"type":"tool_use","id":"`+id+`","name":"`+name+`","input":`+input+`}`)
	}
	piece := func(index int, text string) wit.StreamEvent {
		return delta(index, "input_json_delta", "partial_json", text)
	}
	for name, c := range map[string]struct {
		events []wit.StreamEvent
		want   string
	}{
		"alternating":      {[]wit.StreamEvent{tool(0, "a", "f", "{}"), tool(1, "b", "g", "{}"), piece(0, `{\"x\"`), piece(1, `{}`), piece(0, `:1}`)}, `a f {"x":1}|b g {}`},
		"whole":            {[]wit.StreamEvent{tool(0, "a", "f", `{"x":1}`), ends(0), tool(1, "b", "g", `{"y":2}`), piece(1, `{\"y\":2}`)}, `a f {"x":1}|b g {"y":2}`},
		"one index":        {[]wit.StreamEvent{tool(0, "a", "f", "{}"), piece(0, `{\"x\":1}`), ends(0), tool(0, "b", "f", "{}"), piece(0, `{\"x\":2}`), ends(0)}, `a f {"x":1}|b f {"x":2}`},
		"half a character": {[]wit.StreamEvent{tool(0, "a", "f", "{}"), piece(0, `{\"x\":\"\ud83d`), piece(0, `\ude00\"}`)}, `a f {"x":"😀"}`},
		"half is all":      {[]wit.StreamEvent{tool(0, "a", "f", "{}"), piece(0, `{\"x\":\"\ud83d`)}, "a f {\"x\":\"\uFFFD"},
		"of nothing":       {[]wit.StreamEvent{piece(3, `{}`)}, ``},
		"no index":         {[]wit.StreamEvent{data(`{"type":"content_block_start","content_block":{"type":"tool_use","id":"a","name":"f"}}`), data(`{"type":"content_block_delta","delta":{"type":"input_json_delta","partial_json":"{}"}}`)}, `a f {}`},
		"of the server":    {[]wit.StreamEvent{begins(0, `{"type":"server_tool_use","id":"s","name":"web_search","input":{}}`), piece(0, `{}`), ends(0), tool(1, "a", "f", "{}")}, `a f `},
	} {
		answer := read(t, append(append([]wit.StreamEvent{head(200), started}, c.events...), stop("tool_use"), finished)...)
		var got []string
		for _, call := range answer.ToolCalls {
			got = append(got, call.ID+" "+call.Name+" "+string(call.Args))
		}
		if s := strings.Join(got, "|"); s != c.want || answer.Error != nil {
			t.Errorf("%s: %s, want %s (%v)", name, s, c.want, answer.Error)
		}
	}
	events := []wit.StreamEvent{head(200)}
	for i := range 33 {
		events = append(events, tool(i, fmt.Sprint("a", i), "f", "{}"), ends(i))
	}
	if answer := read(t, events...); wit.CodeOf(answer.Error) != wit.CodeTooLarge {
		t.Errorf("%v, want too_large", answer.Error)
	}
	events = []wit.StreamEvent{head(200), tool(0, "a", "f", "{}"), piece(0, `{\"text\":\"`)}
	for range 100 {
		events = append(events, piece(0, strings.Repeat("x", 10_000)))
	}
	if answer := read(t, append(events, piece(0, `\"}`), stop("tool_use"))...); answer.Error != nil || len(answer.ToolCalls[0].Args) != 1_000_011 {
		t.Errorf("%v", answer.Error)
	}
}

// TestHalves: half a character of a text or of thinking waits for the other one.
func TestHalves(t *testing.T) {
	for _, text := range []string{`\ud83d`, `a\ud83d`} {
		answer := read(t, head(200), text0, says1("x"), says1(text), says1(`\ude00`), says1("y"), stop("end_turn"))
		if got, want := said(answer, wit.DeltaKindText), "x"+strings.TrimSuffix(text, `\ud83d`)+"😀y"; got != want {
			t.Errorf("%s: %q", text, got)
		}
	}
	answer := read(t, head(200), delta(0, "thinking_delta", "thinking", `\ud83d`), delta(0, "thinking_delta", "thinking", `\ude00`), begins(1, `{"type":"text","text":""}`), delta(1, "text_delta", "text", `\ud83d`), stop("end_turn"))
	if said(answer, wit.DeltaKindThinking) != "😀" || said(answer, wit.DeltaKindText) != "\uFFFD" || !strings.Contains(string(answer.Opaque), `"thinking":"😀"`) {
		t.Errorf("%+v %s", answer.Deltas, answer.Opaque)
	}
}

// TestTheAnswerOfATool: the arguments of the tool that gives the answer are it, beside calls of others.
func TestTheAnswerOfATool(t *testing.T) {
	p := plan(t, &wit.Chat{Model: "claude-haiku-4-5-20251001", Format: &wit.AnswerFormat{Schema: wit.JSON(`{"type":"object"}`)}, Turns: []wit.ChatTurn{says(wit.RoleUser, "hi")}})
	answer := readFrom(t, p.State, head(200), begins(0, `{"type":"tool_use","id":"a","name":"answer","input":{}}`), delta(0, "input_json_delta", "partial_json", `{\"n\":`),
		delta(0, "input_json_delta", "partial_json", `1}`), ends(0), stop("tool_use"), finished)
	if said(answer, wit.DeltaKindText) != `{"n":1}` || len(answer.ToolCalls) != 0 || *answer.Stop != wit.StopReasonEnd {
		t.Errorf("%+v", answer)
	}
}

// TestEventsThatAreAlike: what events come to does not depend on which of them arrived together, whatever makes two of
// them look alike. read compares.
func TestEventsThatAreAlike(t *testing.T) {
	var events []wit.StreamEvent
	for _, text := range []string{
		says1("a").Data, says1(`b\n\u00e9\"`).Data, says1(`\ud83d`).Data, says1(`\ude00`).Data, says1("").Data,
		`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":null}}`,
		`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":7}}`,
		`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"d","text":"e"}}`,
		`{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"f"}}`,
		`{"type":"content_block_delta","delta":{"text":"g","type":"text_delta"},"index":0}`,
		`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"h`,
		`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":i}}`,
		` {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text": "j" }} `,
		delta(0, "thinking_delta", "thinking", "k").Data, delta(0, "signature_delta", "signature", "s").Data,
		text0.Data, begins(1, `{"type":"text","text":"l"}`).Data, begins(1, `{"type":"tool_use","id":"i","name":"f","input":{}}`).Data,
		delta(1, "input_json_delta", "partial_json", "m").Data, ends(0).Data, ends(1).Data, stop("end_turn").Data, finished.Data, ping.Data, "", "ping",
		`{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`,
	} {
		events = append(events, named(text), data(text))
	}
	events = append(events, end)
	for _, first := range events {
		for _, second := range events {
			for _, third := range []wit.StreamEvent{events[0], second} {
				read(t, head(200), first, second, third, stop("end_turn"), end)
			}
		}
	}
}

// TestMostOfAStreamIsAlike: the gateway reads all but the first event of a text itself.
func TestMostOfAStreamIsAlike(t *testing.T) {
	answer, err := anthropic.New().Chunk((&sdktest.Host{}).SDK(), &wit.ProviderChunk{Events: []wit.StreamEvent{head(200), started, text0, says1("x")}})
	if err != nil {
		t.Fatal(err)
	}
	next := says1("word")
	if d, ok := alike(answer.Like, &next); !ok || d.Text != "word" || d.Kind != wit.DeltaKindText {
		t.Errorf("%+v", answer.Like)
	}
}

func TestFailures(t *testing.T) {
	problem := func(kind, message string) string {
		return `{"type":"error","error":{"type":"` + kind + `","message":"` + message + `"},"request_id":"req_1"}`
	}
	after := func(name, value string) wit.Header { return wit.Header{Name: name, Value: value} }
	for name, c := range map[string]struct {
		events []wit.StreamEvent
		want   wit.Code
		retry  int64
	}{
		"bad key":         {[]wit.StreamEvent{head(401), data(problem("authentication_error", "invalid x-api-key"))}, wit.CodeUnauthorized, 0},
		"no permission":   {[]wit.StreamEvent{head(403), data(problem("permission_error", "not for you"))}, wit.CodeForbidden, 0},
		"no credit":       {[]wit.StreamEvent{head(400), data(problem("invalid_request_error", "Your credit balance is too low"))}, wit.CodeForbidden, 0},
		"billing":         {[]wit.StreamEvent{head(402), data(problem("billing_error", "pay"))}, wit.CodeForbidden, 0},
		"no model":        {[]wit.StreamEvent{head(404), data(problem("not_found_error", "model: x"))}, wit.CodeNotFound, 0},
		"too long":        {[]wit.StreamEvent{head(400), data(problem("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"))}, wit.CodeTooLarge, 0},
		"too long, both":  {[]wit.StreamEvent{head(400), data(problem("invalid_request_error", "input length and max_tokens exceed context limit: 190000 + 32000 > 200000"))}, wit.CodeTooLarge, 0},
		"too large":       {[]wit.StreamEvent{head(413), data(problem("request_too_large", "32 MB"))}, wit.CodeTooLarge, 0},
		"bad request":     {[]wit.StreamEvent{head(400), data(problem("invalid_request_error", "bad"))}, wit.CodeInvalid, 0},
		"slow down":       {[]wit.StreamEvent{head(429, after("Retry-After", "2")), data(problem("rate_limit_error", "slow"))}, wit.CodeRateLimited, 2000},
		"slow, by limits": {[]wit.StreamEvent{head(429, after("Date", "Wed, 21 Oct 2026 07:28:00 GMT"), after("anthropic-ratelimit-requests-remaining", "5"), after("anthropic-ratelimit-requests-reset", "2026-10-21T07:28:01Z"), after("anthropic-ratelimit-input-tokens-remaining", "0"), after("anthropic-ratelimit-input-tokens-reset", "2026-10-21T07:28:09Z")), data(problem("rate_limit_error", "slow"))}, wit.CodeRateLimited, 9000},
		"for good":        {[]wit.StreamEvent{head(429, after("x-should-retry", "false"), after("retry-after", "9")), data(problem("rate_limit_error", "spend limit"))}, wit.CodeRateLimited, 0},
		"broken":          {[]wit.StreamEvent{head(500), data(problem("api_error", "Internal server error"))}, wit.CodeUnavailable, 0},
		"slow server":     {[]wit.StreamEvent{head(504), data(problem("timeout_error", "Request timed out"))}, wit.CodeTimeout, 0},
		"overloaded":      {[]wit.StreamEvent{head(529), data(problem("overloaded_error", "Overloaded"))}, wit.CodeUnavailable, 0},
		"in the stream":   {[]wit.StreamEvent{head(200), started, says1("x"), named(problem("overloaded_error", "Overloaded"))}, wit.CodeUnavailable, 0},
		"limit inside":    {[]wit.StreamEvent{head(200), named(problem("rate_limit_error", "slow, try again in 3s"))}, wit.CodeRateLimited, 3000},
		"only named":      {[]wit.StreamEvent{head(200), {Kind: wit.StreamEventKindData, Name: new("error"), Data: `{"message":"it broke"}`}}, wit.CodeUnavailable, 0},
		"no type":         {[]wit.StreamEvent{head(200), data(`{"error":{"message":"it broke"}}`)}, wit.CodeUnavailable, 0},
		"text error":      {[]wit.StreamEvent{head(400), data(`{"error":"it broke"}`)}, wit.CodeInvalid, 0},
		"detail":          {[]wit.StreamEvent{head(422), data(`{"detail":"field required"}`)}, wit.CodeInvalid, 0},
		"page":            {[]wit.StreamEvent{head(502), data("<html><title>Bad Gateway</title></html>")}, wit.CodeUnavailable, 0},
		"silent":          {[]wit.StreamEvent{head(503), end}, wit.CodeUnavailable, 0},
		"garbage":         {[]wit.StreamEvent{head(200), data("<html>hello</html>"), end}, wit.CodeUnavailable, 0},
		"a list":          {[]wit.StreamEvent{head(200), data("[1]"), end}, wit.CodeUnavailable, 0},
	} {
		answer := read(t, c.events...)
		if wit.CodeOf(answer.Error) != c.want || answer.Stop != nil {
			t.Errorf("%s: %v (stop %v), want %s", name, answer.Error, answer.Stop, c.want)
			continue
		}
		retry := int64(0)
		if answer.Error.RetryAfter != nil {
			retry = *answer.Error.RetryAfter
		}
		if retry != c.retry || name == "for good" && answer.Error.Retryable {
			t.Errorf("%s: again after %d ms, want %d: %+v", name, retry, c.retry, answer.Error)
		}
		if text := answer.Error.Message; !strings.HasPrefix(text, "anthropic: ") || strings.Contains(text, "x-api-key") || len(text) > 500 {
			t.Errorf("%s: %q", name, text)
		}
	}
}

func FuzzChunk(f *testing.F) {
	f.Add(says1("x").Data, `{"open":[{"kind":"text","half":"\\ud83d"}],"texts":1}`)
	f.Add(`{"type":"error","error":{"message":"x"}}`, `{"status":429}`)
	f.Add(begins(0, `{"type":"tool_use","id":"a","name":"f","input":{"a":1}}`).Data, `{"order":[1,"call",{}],"size":9}`)
	f.Add(finished.Data, `{"open":[{"kind":"thinking","text":"x"}]}`)
	f.Fuzz(func(t *testing.T, data, state string) {
		answer, err := anthropic.New().Chunk((&sdktest.Host{}).SDK(), &wit.ProviderChunk{
			State: wit.JSON(state), Events: []wit.StreamEvent{{Kind: wit.StreamEventKindData, Data: data}},
		})
		if err == nil && !stdjson.Valid(wit.Marshal(answer)) {
			t.Errorf("the answer is %s", wit.Marshal(answer))
		}
	})
}

// TestThinkingGoesBack through the API, which checks its signature: with calls, in its place among texts, also when it is
// long; and not when the model is not to think.
func TestThinkingGoesBack(t *testing.T) {
	blocks := map[string][]anthropictest.Block{
		"before a call":  {anthropictest.Thinking("hm"), anthropictest.Call("toolu_1", "calc", "{}")},
		"among texts":    {anthropictest.Thinking("hm \"é\"\n"), anthropictest.Text("I begin. "), anthropictest.Thinking("well"), anthropictest.Text("So ↑ "), anthropictest.Text("now."), anthropictest.Call("toolu_1", "calc", "{}"), anthropictest.Call("toolu_2", "calc", "{}")},
		"hidden":         {anthropictest.Redacted("b2s="), anthropictest.Text("x"), anthropictest.Call("toolu_1", "calc", "{}")},
		"without a text": {anthropictest.Thinking(""), anthropictest.Call("toolu_1", "calc", "{}")},
		"before a text":  {anthropictest.Thinking("hm"), anthropictest.Text("done")},
		"long":           {anthropictest.Thinking(strings.Repeat("hm ", 30_000)), anthropictest.Call("toolu_1", "calc", "{}")},
		"too long":       {anthropictest.Thinking(strings.Repeat("hm ", 60_000)), anthropictest.Call("toolu_1", "calc", "{}")},
	}
	for _, model := range []string{"claude-opus-5-5", "claude-haiku-4-5-20251001"} {
		for name, list := range blocks {
			s := anthropictest.New("sk-test")
			host := &sdktest.Host{Credentials: key, HTTP: s}
			s.Play(anthropictest.Answer{Blocks: list, Piece: 500}, anthropictest.Answer{Blocks: []anthropictest.Block{anthropictest.Text("done")}}, anthropictest.Answer{Blocks: []anthropictest.Block{anthropictest.Text("done")}})
			chat := &wit.Chat{Model: model, Thinking: "high", System: "s", Tools: []wit.ToolSpec{{Name: "calc"}}, Turns: []wit.ChatTurn{says(wit.RoleUser, "go")}}
			response, err := host.Do(unchecked(t, chat).Request)
			if err != nil || response.Status != 200 {
				t.Fatalf("%s, %s: %v %s", model, name, err, s.Requests()[0].Refused)
			}
			answer := read(t, eventsOf(*response.Text)...)
			turn := says(wit.RoleAssistant, said(answer, wit.DeltaKindText))
			turn.ToolCalls, turn.Opaque = answer.ToolCalls, answer.Opaque
			chat.Turns = append(chat.Turns, turn)
			for _, call := range answer.ToolCalls {
				chat.Turns = append(chat.Turns, result(call.ID, "2"))
			}
			chat.Turns = append(chat.Turns, says(wit.RoleUser, "and?"))
			p := unchecked(t, chat)
			if response, err := host.Do(p.Request); err != nil || response.Status != 200 {
				t.Errorf("%s, %s: %v %s", model, name, err, s.Requests()[1].Refused)
			}
			var kinds []string
			if list := unmarked(string(body(t, p).Get("messages").Raw())); name == "among texts" {
				for _, part := range strings.Split(list, `{"type":"`)[2:8] {
					kind, _, _ := strings.Cut(part, `"`)
					kinds = append(kinds, kind)
				}
				if got := strings.Join(kinds, " "); got != "thinking text thinking text text tool_use" {
					t.Errorf("%s: the order is %s", model, got)
				}
			}
			if back := strings.Contains(string(p.Request.JSON), `"type":"thinking"`) || strings.Contains(string(p.Request.JSON), `redacted`); back != (name != "too long") {
				t.Errorf("%s, %s: thinking goes back: %v", model, name, back)
			}
			if model == "claude-haiku-4-5-20251001" {
				chat.Thinking = "off"
				if p := unchecked(t, chat); strings.Contains(string(p.Request.JSON), "thinking") {
					t.Errorf("%s: thinking goes back though it is off", name)
				}
			}
		}
	}
}
