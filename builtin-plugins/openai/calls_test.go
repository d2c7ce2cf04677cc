package openai_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/wit"
)

func TestToolCalls(t *testing.T) {
	answer := read(t, head(200),
		data(`{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"calc","arguments":""}}]}}]}`),
		data(`{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"expr"}}]}}]}`),
		data(`{"choices":[{"delta":{"tool_calls":[{"index":1,"id":"b","function":{"name":"time","arguments":""}},{"index":0,"function":{"arguments":"ession\":\"1\"}"}}]}}]}`),
		data(`{"choices":[{"delta":{"tool_calls":[{"index":2,"id":"c","function":{"name":"bad","arguments":"{oops"}}]}}]}`),
		data(`{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}`),
		data(`[DONE]`), end)
	if len(answer.ToolCalls) != 3 || *answer.Stop != wit.StopReasonToolCalls {
		t.Fatalf("%+v", answer)
	}
	for i, want := range []string{`a calc {"expression":"1"}`, `b time `, `c bad {oops`} {
		c := answer.ToolCalls[i]
		if got := c.ID + " " + c.Name + " " + string(c.Args); got != want {
			t.Errorf("call %d is %s, want %s", i, got, want)
		}
	}
}

func TestLongToolCallsAreRefused(t *testing.T) {
	chunks := []wit.StreamEvent{head(200)}
	for i := range 65 {
		chunks = append(chunks, piece(`{"index":`+strconv.Itoa(i)+`,"function":{"name":"f"}}`))
	}
	if answer := read(t, chunks...); wit.CodeOf(answer.Error) != wit.CodeTooLarge {
		t.Errorf("%v, want too_large", answer.Error)
	}
}

// TestLongArguments: a megabyte in pieces, of which the state holds nothing.
func TestLongArguments(t *testing.T) {
	fragment := strings.Repeat("x", 10_000)
	chunks := []wit.StreamEvent{head(200), piece(`{"index":0,"id":"a","function":{"name":"f","arguments":"{\"text\":\""}}`)}
	for range 100 {
		chunks = append(chunks, piece(`{"index":0,"function":{"arguments":"`+fragment+`"}}`))
	}
	chunks = append(chunks, piece(`{"index":0,"function":{"arguments":"\"}"}}`), data("[DONE]"))
	if answer := read(t, chunks...); answer.Error != nil || len(answer.ToolCalls) != 1 || len(answer.ToolCalls[0].Args) != 1_000_011 {
		t.Errorf("%v, %d calls", answer.Error, len(answer.ToolCalls))
	}
}

// TestCallsThatAreRepeated at the end, as a whole message, are made once.
func TestCallsThatAreRepeated(t *testing.T) {
	const calls = `{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}`
	answer := read(t, head(200), piece(calls), data(`{"choices":[{"message":{"content":"and a text","tool_calls":[`+calls+`]},"finish_reason":"tool_calls"}]}`), data("[DONE]"))
	if len(answer.ToolCalls) != 1 || said(answer, wit.DeltaKindText) != "" {
		t.Errorf("%+v, said %q", answer.ToolCalls, said(answer, wit.DeltaKindText))
	}
}

// piece is an event with pieces of tool calls.
func piece(calls string) wit.StreamEvent {
	return data(`{"choices":[{"delta":{"tool_calls":[` + calls + `]}}]}`)
}

// TestTheOldCallOfAFunction: in pieces, whole, and beside a call of a tool that says the same.
func TestTheOldCallOfAFunction(t *testing.T) {
	delta := func(fields string) wit.StreamEvent { return data(`{"choices":[{"delta":` + fields + `}]}`) }
	for name, c := range map[string]struct {
		events []wit.StreamEvent
		want   string
	}{
		"pieces": {[]wit.StreamEvent{
			delta(`{"role":"assistant","content":null,"function_call":{"name":"f","arguments":""}}`),
			delta(`{"function_call":{"arguments":"{\"x\""}}`), delta(`{"function_call":{"arguments":":1}"}}`),
		}, ` f {"x":1}`},
		"the name in each": {[]wit.StreamEvent{
			delta(`{"function_call":{"name":"f","arguments":"{\"x\""}}`), delta(`{"function_call":{"name":"f","arguments":":1}"}}`),
		}, ` f {"x":1}`},
		"an object": {[]wit.StreamEvent{delta(`{"function_call":{"name":"f","arguments":{"x":1}}}`)}, ` f {"x":1}`},
		"null":      {[]wit.StreamEvent{delta(`{"function_call":null,"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]}`)}, `a f `},
		"both":      {[]wit.StreamEvent{delta(`{"function_call":{"name":"f","arguments":"{}"},"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]}`)}, `a f `},
		"whole":     {[]wit.StreamEvent{data(`{"choices":[{"message":{"content":null,"function_call":{"name":"f","arguments":"{\"x\":1}"}},"finish_reason":"function_call"}]}`)}, ` f {"x":1}`},
	} {
		events := append(append([]wit.StreamEvent{head(200)}, c.events...), data(`{"choices":[{"delta":{},"finish_reason":"function_call"}]}`), data("[DONE]"))
		answer := read(t, events...)
		var got []string
		for _, call := range answer.ToolCalls {
			got = append(got, call.ID+" "+call.Name+" "+string(call.Args))
		}
		if s := strings.Join(got, "|"); s != c.want || answer.Stop == nil || *answer.Stop != wit.StopReasonToolCalls {
			t.Errorf("%s: %s, want %s (%v, %v)", name, s, c.want, answer.Stop, answer.Error)
		}
	}
}

// TestHowCallsAreTold: servers number calls by index, by id, by both, or by neither.
func TestHowCallsAreTold(t *testing.T) {
	for name, c := range map[string]struct {
		pieces []string
		want   string
	}{
		"by id":                 {[]string{`{"id":"a","function":{"name":"f","arguments":"{}"}}`, `{"id":"b","function":{"name":"f","arguments":"{\"x\":1}"}}`}, `a f |b f {"x":1}`},
		"by id, in pieces":      {[]string{`{"id":"a","function":{"name":"f","arguments":"{\"x\""}}`, `{"function":{"arguments":":1}"}}`, `{"id":"b","function":{"name":"g","arguments":"[1"}}`, `{"function":{"arguments":"]"}}`}, `a f {"x":1}|b g [1]`},
		"id in each piece":      {[]string{`{"id":"a","function":{"name":"f","arguments":"{\"x\""}}`, `{"id":"a","function":{"name":"f","arguments":":1}"}}`}, `a f {"x":1}`},
		"in one list":           {[]string{`{"function":{"name":"f","arguments":"{\"x\":1}"}},{"function":{"name":"g","arguments":{}}}`}, ` f {"x":1}| g `},
		"one index":             {[]string{`{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}`, `{"index":0,"id":"b","function":{"name":"f"}}`, `{"index":0,"function":{"arguments":"{\"y\":2}"}}`}, `a f |b f {"y":2}`},
		"one index, no ids":     {[]string{`{"index":0,"function":{"name":"f","arguments":"{\"x\":1}"}}`, `{"index":0,"function":{"name":"f","arguments":"{\"y\":2}"}}`}, ` f {"x":1}| f {"y":2}`},
		"one index, other name": {[]string{`{"index":0,"function":{"name":"f"}}`, `{"index":0,"function":{"name":"g"}}`}, ` f | g `},
		"one id":                {[]string{`{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}}`, `{"index":1,"id":"a","function":{"name":"f","arguments":"{\"y\":2}"}}`}, `a f {"x":1}|a f {"y":2}`},
		"mixed":                 {[]string{`{"index":5,"id":"a","function":{"name":"f"}}`, `{"index":3,"id":"b","function":{"name":"g"}}`, `{"index":5,"function":{"arguments":"{\"x\":1}"}}`, `{"index":3,"function":{"arguments":"{\"y\":2}"}}`}, `a f {"x":1}|b g {"y":2}`},
		"name in each piece":    {[]string{`{"index":0,"id":"a","function":{"name":"f","arguments":""}}`, `{"index":0,"id":"","function":{"name":"f","arguments":"{\"x\":"}}`, `{"index":0,"id":null,"function":{"name":"f","arguments":"\"}\"}"}}`}, `a f {"x":"}"}`},
		"object":                {[]string{`{"index":0,"id":"a","function":{"name":"f","arguments":{"x":{"y":[1]}}}}`}, `a f {"x":{"y":[1]}}`},
		"empty, then text":      {[]string{`{"index":0,"id":"a","function":{"name":"f","arguments":{}}}`, `{"index":0,"function":{"arguments":"{\"x\":1}"}}`}, `a f {"x":1}`},
		"half a character":      {[]string{`{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":\"\ud83d"}}`, `{"index":0,"function":{"arguments":"\ude00\"}"}}`}, `a f {"x":"😀"}`},
		"half is all":           {[]string{`{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":\"\ud83d"}}`}, "a f {\"x\":\"\uFFFD"},
		"huge index":            {[]string{`{"index":1000000000,"id":"a","function":{"name":"f"}}`}, `a f `},
	} {
		events := []wit.StreamEvent{head(200)}
		for _, p := range c.pieces {
			events = append(events, piece(p))
		}
		answer := read(t, append(events, data(`{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}`), data("[DONE]"))...)
		var got []string
		for _, call := range answer.ToolCalls {
			got = append(got, call.ID+" "+call.Name+" "+string(call.Args))
		}
		if s := strings.Join(got, "|"); s != c.want || answer.Error != nil {
			t.Errorf("%s: %s, want %s (%v)", name, s, c.want, answer.Error)
		}
	}
}
