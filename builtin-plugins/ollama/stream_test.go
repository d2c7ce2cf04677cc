package ollama_test

import (
	stdjson "encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/ollama"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// read runs what arrives of a stream through the provider as the gateway does, one line a call, the same but for those
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

// alike reads a line as the gateway does that looks as the provider has said.
func alike(like *wit.EventPattern, e *wit.StreamEvent) (d wit.Delta, ok bool) {
	if like == nil || e.Kind != wit.StreamEventKindData || e.Name != nil {
		return d, false
	}
	rest, begins := strings.CutPrefix(e.Data, like.Before)
	moment, rest, timed := strings.Cut(rest, like.Between)
	text, ends := strings.CutSuffix(rest, like.After)
	d.Kind = like.Kind
	ok = begins && timed && ends && !strings.Contains(moment, `\`) && strings.Count(moment, `"`) == 2 && !strings.Contains(text, `\u`) &&
		strings.HasPrefix(text, `"`) && stdjson.Unmarshal([]byte(text), &d.Text) == nil
	return d, ok
}

func readBy(t *testing.T, size int, without bool, state wit.JSON, events []wit.StreamEvent) *wit.ProviderAnswer {
	t.Helper()
	sum := &wit.ProviderAnswer{}
	var like *wit.EventPattern
	var calls []wit.ToolCall
	add := func(deltas ...wit.Delta) {
		for _, d := range deltas {
			if n := len(sum.Deltas); n > 0 && sum.Deltas[n-1].Kind == d.Kind {
				sum.Deltas[n-1].Text += d.Text
			} else if d.Text != "" {
				sum.Deltas = append(sum.Deltas, d)
			}
		}
	}
	for batch := range slices.Chunk(events, size) {
		if d, ok := alike(like, &batch[0]); ok && without {
			add(d)
			continue
		}
		answer, err := ollama.New().Chunk((&sdktest.Host{}).SDK(), &wit.ProviderChunk{State: state, Events: batch})
		if err != nil {
			t.Fatalf("%+v: %v", batch, err)
		}
		if sum.Stop != nil && answer.Stop != nil || sum.Error != nil && answer.Error != nil {
			t.Fatalf("it ends twice: %+v", batch)
		}
		add(answer.Deltas...)
		for _, d := range answer.CallDeltas {
			if int(d.Call) != len(calls) {
				t.Errorf("call %d after %d", d.Call, len(calls))
			}
			calls = append(calls, wit.ToolCall{ID: d.ID, Name: d.Name, Args: wit.JSON(d.Args)})
		}
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
		like, state = answer.Like, answer.State
	}
	sum.ToolCalls = calls
	return sum
}

func head(status uint16, headers ...wit.Header) wit.StreamEvent {
	return wit.StreamEvent{Kind: wit.StreamEventKindHead, Status: status, Headers: headers}
}

func data(text string) wit.StreamEvent {
	return wit.StreamEvent{Kind: wit.StreamEventKindData, Data: text}
}

var moment int

// line is one with a piece of a message, at another moment than the one before.
func line(fields string) wit.StreamEvent {
	moment++
	return data(`{"model":"m","created_at":"2026-01-01T00:00:00.` + strconv.Itoa(moment) + `Z","message":{"role":"assistant",` + fields + `},"done":false}`)
}

func word(text string) wit.StreamEvent { return line(`"content":"` + text + `"`) }

func done(reason string) wit.StreamEvent {
	return data(`{"model":"m","created_at":"2026-01-01T00:00:09Z","message":{"role":"assistant","content":""},"done":true,"done_reason":"` + reason + `","prompt_eval_count":26,"eval_count":9}`)
}

var end = wit.StreamEvent{Kind: wit.StreamEventKindEnd}

func said(answer *wit.ProviderAnswer, kind wit.DeltaKind) (text string) {
	for _, d := range answer.Deltas {
		if d.Kind == kind {
			text += d.Text
		}
	}
	return text
}

func TestStream(t *testing.T) {
	p := plan(t, &wit.Chat{Model: "m", Tools: []wit.ToolSpec{{Name: "a.b"}}})
	other := strings.Split(strings.SplitAfter(string(p.State), `{"names":{"`)[1], `"`)[0]
	answer := readFrom(t, p.State, head(200), line(`"content":"","thinking":"h"`), line(`"content":"","thinking":"m"`), word("Hel"), word("lo"), word(` \u00e9`), word("!"),
		line(`"content":"","tool_calls":[{"id":"call_1","function":{"index":0,"name":"calc","arguments":{"expression": "1"}}},{"function":{"name":"`+other+`","arguments":{}}}]`),
		line(`"content":"","tool_calls":[{"function":{"name":"f","arguments":"{\"x\":1}"}}]`), done("stop"), end)
	if said(answer, wit.DeltaKindText) != "Hello é!" || said(answer, wit.DeltaKindThinking) != "hm" {
		t.Errorf("%+v", answer.Deltas)
	}
	var calls []string
	for _, c := range answer.ToolCalls {
		calls = append(calls, c.ID+" "+c.Name+" "+string(c.Args))
	}
	if got := strings.Join(calls, "|"); got != `call_1 calc {"expression": "1"}| a.b {}| f {"x":1}` {
		t.Errorf("calls %s", got)
	}
	if *answer.Stop != wit.StopReasonToolCalls || *answer.Usage != (wit.Usage{Input: 26, Output: 9}) || string(answer.Opaque) != `{"thinking":true}` || answer.Error != nil {
		t.Errorf("%+v", answer)
	}
}

// TestThinkingInTags: at the beginning of a text it is thinking, split over any lines; further on the model speaks of tags.
func TestThinkingInTags(t *testing.T) {
	for name, c := range map[string]struct{ lines, thought, said string }{
		"split": {"<thi|nk>h|m</th|ink>\\n\\n|It is 391|.", "hm", "It is 391."}, "at once": {"<think>hm</think>It is", "hm", "It is"},
		"as a word": {"I say <think>| twice</think>", "", "I say <think> twice</think>"}, "no tag": {"<|b>", "", "<b>"}, "not closed": {"<think>|hm", "hm", ""},
	} {
		events := []wit.StreamEvent{head(200)}
		for text := range strings.SplitSeq(c.lines, "|") {
			events = append(events, word(text))
		}
		answer := read(t, append(events, done("stop"))...)
		if said(answer, wit.DeltaKindThinking) != c.thought || said(answer, wit.DeltaKindText) != c.said {
			t.Errorf("%s: %+v", name, answer.Deltas)
		}
	}
}

func TestHowAnAnswerEnds(t *testing.T) {
	for name, c := range map[string]struct {
		events []wit.StreamEvent
		want   wit.StopReason
	}{
		"stop":         {[]wit.StreamEvent{word("x"), done("stop"), end}, wit.StopReasonEnd},
		"length":       {[]wit.StreamEvent{word("x"), done("length")}, wit.StopReasonLength},
		"no reason":    {[]wit.StreamEvent{word("x"), data(`{"done":true}`)}, wit.StopReasonEnd},
		"late":         {[]wit.StreamEvent{word("x"), done("stop"), word("y")}, wit.StopReasonEnd},
		"blank lines":  {[]wit.StreamEvent{data(""), word("x"), data("  "), done("stop")}, wit.StopReasonEnd},
		"events":       {[]wit.StreamEvent{data("data: " + word("x").Data), data("data: " + done("stop").Data)}, wit.StopReasonEnd},
		"no time":      {[]wit.StreamEvent{data(`{"message":{"content":"x"}}`), data(`{"message":{"content":""},"done":true}`)}, wit.StopReasonEnd},
		"not streamed": {[]wit.StreamEvent{data(`{"message":{"role":"assistant","content":"x","thinking":"hm"},"done":true,"done_reason":"stop"}`), end}, wit.StopReasonEnd},
	} {
		answer := read(t, append([]wit.StreamEvent{head(200)}, c.events...)...)
		if answer.Error != nil || answer.Stop == nil || *answer.Stop != c.want || said(answer, wit.DeltaKindText) != "x" {
			t.Errorf("%s: %+v", name, answer)
		}
	}
	broken := wit.StreamEvent{Kind: wit.StreamEventKindEnd, Error: wit.NewError(wit.CodeTimeout, "timed out")}
	for name, events := range map[string][]wit.StreamEvent{
		"nothing": {head(200), end}, "text": {head(200), word("x"), end}, "connection": {head(200), word("x"), broken}, "half a line": {head(200), word("x"), data(`{"mess`), end},
	} {
		if answer := read(t, events...); answer.Error != nil || answer.Stop != nil {
			t.Errorf("cut off, %s: %+v", name, answer)
		}
	}
}

// TestLinesThatAreAlike: what lines come to does not depend on which of them arrived together.
func TestLinesThatAreAlike(t *testing.T) {
	var events []wit.StreamEvent
	for _, fields := range []string{
		`"content":"a"`, `"content":"b\n\u00e9\""`, `"content":"\ud83d"`, `"content":"\ude00"`, `"content":""`, `"content":null`, `"content":7`, `"content":"c","thinking":"d"`,
		`"content":"e","content":"f"`, `"thinking":"g"`, `"content":"","tool_calls":[{"function":{"name":"f"}}]`, `"content": "h" `, `"content":"i","images":null`, `"content":"<think>"`, `"content":"</think>"`, `"content":"<thi"`,
	} {
		events = append(events, line(fields))
	}
	for _, text := range []string{
		done("stop").Data, "", "ping", `{"error":"it broke"}`, `{"model":"m","created_at":"2026","message":{"role":"assistant","content":"j`, `{"message":{"content":"k"},"created_at":"2026"}`,
		`{"model":"m","created_at":7,"message":{"role":"assistant","content":"l"},"done":false}`, `{"model":"m","created_at":"\"","message":{"role":"assistant","content":"m"},"done":false}`,
		`{"model":"m","created_at":"2026-01-01T00:00:00.1Z","message":{"role":"assistant","content":"n"},"done":false,"created_at":"x"}`,
		`{"model":"m","created_at":"2026-01-01T00:00:00.1Z","message":{"role":"assistant","content":"o"},"done":true}`,
	} {
		events = append(events, data(text))
	}
	events = append(events, end)
	for _, first := range events {
		for _, second := range events {
			for _, third := range []wit.StreamEvent{word("z"), second} {
				read(t, head(200), first, second, third, done("stop"), end)
			}
		}
	}
}

// TestMostOfAStreamIsAlike: the gateway reads all but the first line of a text itself, whatever the time.
func TestMostOfAStreamIsAlike(t *testing.T) {
	answer, err := ollama.New().Chunk((&sdktest.Host{}).SDK(), &wit.ProviderChunk{Events: []wit.StreamEvent{head(200), word("x")}})
	if err != nil {
		t.Fatal(err)
	}
	next := word("word")
	if d, ok := alike(answer.Like, &next); !ok || d.Text != "word" {
		t.Errorf("%+v", answer.Like)
	}
}

func TestFailures(t *testing.T) {
	for name, c := range map[string]struct {
		events []wit.StreamEvent
		want   wit.Code
		again  bool
		says   string
	}{
		"no model":       {[]wit.StreamEvent{head(404), data(`{"error":"model \"qwen3:8b\" not found, try pulling it first"}`)}, wit.CodeNotFound, false, "`carapace models pull ollama/qwen3:8b`"},
		"no model, new":  {[]wit.StreamEvent{head(404), data(`{"error":"model 'hf.co/x/y:Q4' not found"}`)}, wit.CodeNotFound, false, "`carapace models pull ollama/hf.co/x/y:Q4`"},
		"a trick":        {[]wit.StreamEvent{head(404), data("{\"error\":\"model \\\"`rm -rf`\\\" not found\"}")}, wit.CodeNotFound, false, "`carapace models pull ollama/NAME`"},
		"no address":     {[]wit.StreamEvent{head(404), data(`404 page not found`)}, wit.CodeNotFound, false, "check baseUrl"},
		"no tools":       {[]wit.StreamEvent{head(400), data(`{"error":"registry.ollama.ai/library/gemma3:4b does not support tools"}`)}, wit.CodeInvalid, false, "cannot call tools"},
		"no thinking":    {[]wit.StreamEvent{head(400), data(`{"error":"\"gemma3:4b\" does not support thinking"}`)}, wit.CodeInvalid, false, "/think off"},
		"no chat":        {[]wit.StreamEvent{head(400), data(`{"error":"\"nomic-embed-text\" does not support chat"}`)}, wit.CodeInvalid, false, "does not converse"},
		"too long":       {[]wit.StreamEvent{head(400), data(`{"error":"the input length exceeds the context length"}`)}, wit.CodeTooLarge, false, "contextLength higher"},
		"too large":      {[]wit.StreamEvent{head(500), data(`{"error":"model requires more system memory (45.1 GiB) than is available (14.2 GiB)"}`)}, wit.CodeUnavailable, false, "too large for this machine"},
		"busy":           {[]wit.StreamEvent{head(503), data(`{"error":"server busy, please try again.  maximum pending requests exceeded"}`)}, wit.CodeUnavailable, true, "busy"},
		"crashed":        {[]wit.StreamEvent{head(500), data(`{"error":"llama runner process has terminated: exit status 2"}`)}, wit.CodeUnavailable, true, "its log says more"},
		"bad key":        {[]wit.StreamEvent{head(401), data(`{"error":"unauthorized","signin_url":"https://ollama.com/connect"}`)}, wit.CodeUnauthorized, false, "carapace setup ollama"},
		"slow down":      {[]wit.StreamEvent{head(429, wit.Header{Name: "Retry-After", Value: "2"}), data(`{"error":"too many requests"}`)}, wit.CodeRateLimited, true, "too many"},
		"in the stream":  {[]wit.StreamEvent{head(200), word("x"), data(`{"error":"an error was encountered while running the model: unexpected EOF"}`)}, wit.CodeUnavailable, true, "unexpected EOF"},
		"with a status":  {[]wit.StreamEvent{head(200), data(`{"error":"quota","status":403}`)}, wit.CodeForbidden, false, "may not"},
		"page":           {[]wit.StreamEvent{head(200), data(`<html><title>Welcome</title></html>`)}, wit.CodeUnavailable, true, "not Ollama's API"},
		"silent":         {[]wit.StreamEvent{head(502), end}, wit.CodeUnavailable, true, "cannot answer now"},
		"of another API": {[]wit.StreamEvent{head(200), data(`[1]`)}, wit.CodeUnavailable, true, "not Ollama's API"},
	} {
		answer := read(t, c.events...)
		if e := answer.Error; e == nil || e.Code != c.want || e.Retryable != c.again || !strings.Contains(e.Message, c.says) || answer.Stop != nil {
			t.Errorf("%s: %+v", name, answer.Error)
		}
	}
	events := []wit.StreamEvent{head(200)}
	for i := range 33 {
		events = append(events, line(fmt.Sprintf(`"content":"","tool_calls":[{"id":"%d","function":{"name":"f","arguments":{}}}]`, i)))
	}
	if answer := read(t, events...); wit.CodeOf(answer.Error) != wit.CodeTooLarge {
		t.Errorf("%v, want too_large", answer.Error)
	}
}

func FuzzChunk(f *testing.F) {
	f.Add(word("x").Data, `{"said":"\\ud83d"}`)
	f.Add(done("stop").Data, `{"calls":3,"thinks":true,"thought":"\\ud83d"}`)
	f.Add(`{"error":"x"}`, `{"status":429}`)
	f.Fuzz(func(t *testing.T, data, state string) {
		answer, err := ollama.New().Chunk((&sdktest.Host{}).SDK(), &wit.ProviderChunk{
			State: wit.JSON(state), Events: []wit.StreamEvent{{Kind: wit.StreamEventKindData, Data: data}},
		})
		if err == nil && !stdjson.Valid(wit.Marshal(answer)) {
			t.Errorf("the answer is %s", wit.Marshal(answer))
		}
	})
}

// BenchmarkChunk reads lines of a stream, as a guest does.
func BenchmarkChunk(b *testing.B) {
	for _, events := range []int{1, 10} {
		chunk := &wit.ProviderChunk{State: wit.JSON(`{"status":200,"begun":true,"place":2}`)}
		for range events {
			chunk.Events = append(chunk.Events, word("word "))
		}
		in := wit.Marshal(chunk)
		b.Run("events="+strconv.Itoa(events), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(in)))
			for b.Loop() {
				var chunk wit.ProviderChunk
				if err := wit.UnmarshalShared(in, &chunk); err != nil {
					b.Fatal(err)
				}
				answer, err := ollama.New().Chunk(nil, &chunk)
				if err != nil {
					b.Fatal(answer, err)
				}
				wit.Marshal(answer)
			}
		})
	}
}
