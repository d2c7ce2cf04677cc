package agent

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/wit"
)

// collect takes answers and finishes.
func collect(answers ...*wit.ProviderAnswer) (answer, error) {
	c := &collector{say: func(wit.Delta) {}}
	for _, a := range answers {
		if err := c.take(context.Background(), a); err != nil {
			return c.result(), err
		}
	}
	err := c.finish()
	return c.result(), err
}

func texts(kind wit.DeltaKind, sizes ...int) *wit.ProviderAnswer {
	a := &wit.ProviderAnswer{}
	for _, n := range sizes {
		a.Deltas = append(a.Deltas, wit.Delta{Kind: kind, Text: strings.Repeat("x", n)})
	}
	return a
}

func inPieces(pieces ...wit.CallDelta) *wit.ProviderAnswer {
	return &wit.ProviderAnswer{CallDeltas: pieces}
}

func wholeCalls(n int) *wit.ProviderAnswer {
	return &wit.ProviderAnswer{ToolCalls: make([]wit.ToolCall, n)}
}

// TestAnswerBounds: the most of everything is taken, one more is refused; of the thinking the beginning is kept.
func TestAnswerBounds(t *testing.T) {
	arguments := func(n int) wit.CallDelta { return wit.CallDelta{Name: "add", Args: strings.Repeat("x", n)} }
	signed := func(turn, call, piece int) *wit.ProviderAnswer {
		return &wit.ProviderAnswer{Opaque: make(wit.JSON, turn), ToolCalls: []wit.ToolCall{{Opaque: make(wit.JSON, call)}},
			CallDeltas: []wit.CallDelta{{Name: "add", Opaque: make(wit.JSON, piece)}}}
	}
	const args, opaque, calls = wit.LimitProviderArgumentsBytes, wit.LimitProviderOpaqueBytes, wit.ProviderAnswerToolCallsMax
	for name, tt := range map[string]struct {
		answers []*wit.ProviderAnswer
		fits    bool
	}{
		"nothing":           {[]*wit.ProviderAnswer{nil}, true},
		"text":              {[]*wit.ProviderAnswer{texts("", maxText-1, 1)}, true},
		"more text":         {[]*wit.ProviderAnswer{texts("", maxText-1), texts("", 2)}, false},
		"thinking":          {[]*wit.ProviderAnswer{texts(wit.DeltaKindThinking, wit.LimitProviderThinkingBytes, 1)}, true},
		"calls":             {[]*wit.ProviderAnswer{wholeCalls(calls - 1), wholeCalls(1)}, true},
		"more calls":        {[]*wit.ProviderAnswer{wholeCalls(calls), wholeCalls(1)}, false},
		"the last piece":    {[]*wit.ProviderAnswer{inPieces(wit.CallDelta{Call: calls - 1, Name: "add"})}, true},
		"one beyond":        {[]*wit.ProviderAnswer{inPieces(wit.CallDelta{Call: calls, Name: "add"})}, false},
		"calls and pieces":  {[]*wit.ProviderAnswer{wholeCalls(calls - 1), inPieces(wit.CallDelta{Name: "add"})}, true},
		"more in all":       {[]*wit.ProviderAnswer{wholeCalls(calls), inPieces(wit.CallDelta{Name: "add"})}, false},
		"arguments":         {[]*wit.ProviderAnswer{inPieces(arguments(args-1), arguments(1))}, true},
		"more arguments":    {[]*wit.ProviderAnswer{inPieces(arguments(args - 1)), inPieces(arguments(2))}, false},
		"opaque data":       {[]*wit.ProviderAnswer{signed(opaque-2, 1, 1)}, true},
		"more opaque data":  {[]*wit.ProviderAnswer{signed(opaque-2, 2, 1)}, false},
		"and of the pieces": {[]*wit.ProviderAnswer{signed(opaque-2, 1, 2)}, false},
	} {
		a, err := collect(tt.answers...)
		if (wit.CodeOf(err) == wit.CodeTooLarge) == tt.fits || err != nil && tt.fits {
			t.Errorf("%s: %v", name, err)
		}
		if len(a.thinking) > wit.LimitProviderThinkingBytes || name == "thinking" && len(a.thinking) != wit.LimitProviderThinkingBytes {
			t.Errorf("%s: %d bytes of thinking", name, len(a.thinking))
		}
	}
}

// TestAnswerFromPieces: what a later piece says of a call replaces what an earlier one said, what it leaves out stays,
// and nothing of it belongs to the provider afterwards.
func TestAnswerFromPieces(t *testing.T) {
	first, turn := wit.JSON(`"1"`), wit.JSON(`"t"`)
	a, err := collect(&wit.ProviderAnswer{Opaque: turn, Usage: &wit.Usage{Input: 1}, CallDeltas: []wit.CallDelta{
		{Call: 1, ID: "old", Name: "old", Opaque: wit.JSON(`"0"`)}, {Call: 1, ID: "b", Name: "add", Args: `{"a"`, Opaque: first},
	}}, &wit.ProviderAnswer{Usage: &wit.Usage{Input: 2}, CallDeltas: []wit.CallDelta{{Call: 1, Args: `:1}`}, {Call: 0, ID: "nameless"}}})
	copy(first, "xxx")
	copy(turn, "xxx")
	if got := fmt.Sprintf("%+v", a.calls); err != nil || len(a.calls) != 1 || a.calls[0].ID != "b" || a.calls[0].Name != "add" || string(a.calls[0].Args) != `{"a":1}` || string(a.calls[0].Opaque) != `"1"` {
		t.Errorf("%v: %s", err, got)
	}
	if a.stop != wit.StopReasonEnd || string(a.opaque) != `"t"` || a.usage.Input != 2 {
		t.Errorf("%+v", a)
	}
	refusal := wit.StopReasonRefused
	if a, err := collect(&wit.ProviderAnswer{Stop: &refusal}, &wit.ProviderAnswer{}); err != nil || a.stop != refusal {
		t.Errorf("%v: %+v", err, a)
	}
}

// TestIdentify: each call has an id of its own that can be kept.
func TestIdentify(t *testing.T) {
	long := strings.Repeat("x", 128)
	calls := []wit.ToolCall{{ID: "a", Args: wit.JSON(`{}`)}, {ID: "a"}, {}, {ID: long}, {ID: long + "x"}, {ID: "b", Args: wit.JSON(`{`)}}
	identify(calls, 3)
	for i, want := range []string{"a", "call-3-1", "call-3-2", long, "call-3-4", "b"} {
		if calls[i].ID != want {
			t.Errorf("call %d is %s, want %s", i, calls[i].ID, want)
		}
	}
	if string(calls[0].Args) != "{}" || string(calls[5].Args) == "{" {
		t.Errorf("arguments %s and %s", calls[0].Args, calls[5].Args)
	}
}

// TestComplete: what was said beside tool calls counts where nothing else is.
func TestComplete(t *testing.T) {
	for name, tt := range map[string]struct {
		answer answer
		said   []string
		want   string
		code   wit.Code
	}{
		"an answer":               {answer{text: "yes"}, []string{"wait"}, "yes", ""},
		"said before":             {answer{text: " \n"}, []string{"wait", "done"}, "wait\n\ndone", ""},
		"said before, refused":    {answer{stop: wit.StopReasonRefused}, []string{"wait"}, "wait", ""},
		"refused":                 {answer{stop: wit.StopReasonRefused}, nil, "", wit.CodeForbidden},
		"nothing":                 {answer{stop: wit.StopReasonEnd}, nil, "", wit.CodeUnavailable},
		"a refusal with a reason": {answer{text: "I must not", stop: wit.StopReasonRefused}, nil, "I must not", ""},
	} {
		got, err := complete(tt.answer, tt.said)
		if strings.TrimSpace(got.text) != tt.want || wit.CodeOf(err) != tt.code {
			t.Errorf("%s: %q, %v", name, got.text, err)
		}
	}
}
