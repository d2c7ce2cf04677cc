package eliza_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/eliza"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

func user(text string) wit.ChatTurn {
	return wit.ChatTurn{Role: wit.RoleUser, Content: []wit.Part{{Kind: wit.PartKindText, Text: &text}}}
}

func ask(t *testing.T, chat *wit.Chat) *wit.ProviderAnswer {
	t.Helper()
	plan, err := eliza.New().Request((&sdktest.Host{}).SDK(), chat)
	if err != nil || plan.Answer == nil || plan.Request != nil {
		t.Fatalf("got %+v, %v, want an answer", plan, err)
	}
	return plan.Answer
}

func textOf(answer *wit.ProviderAnswer) string {
	var b strings.Builder
	for _, delta := range answer.Deltas {
		b.WriteString(delta.Text)
	}
	return b.String()
}

// tools are offered to the model by name.
func tools(names ...string) []wit.ToolSpec {
	var list []wit.ToolSpec
	for _, name := range names {
		list = append(list, wit.ToolSpec{Name: name})
	}
	return list
}

func TestTranscripts(t *testing.T) { sdktest.Replay(t, eliza.New(), "testdata/*.jsonl") }

func TestReplies(t *testing.T) {
	for said, want := range map[string]string{
		"Hello!":                           "Hello. What would you like to talk about?",
		"I need your advice":               "What would it mean to you to get my advice?",
		"I'm worried about you":            "How long have you been worried about me?",
		"You don't like me, do you?":       "Why do you think that I do not like you?",
		"I am sad.":                        "I am sorry that you feel that way. How long has it been so?",
		"My mother hates me":               "Tell me more about your family.",
		"Are computers clever?":            "Do machines worry you?",
		"Well, I can’t sleep":              "How do you know that you cannot sleep?",
		"Qwertz":                           "Tell me more about that.",
		"":                                 "Take your time. I am listening.",
		" \n ":                             "Take your time. I am listening.",
		"今日は":                              "I only follow English, I am afraid, but I am listening.",
		"!!! 123 ???":                      "I only follow English, I am afraid, but I am listening.",
		"I dreamt of the sea but I forgot": "What does it say to you that you dreamt of the sea?",
	} {
		if got := textOf(ask(t, &wit.Chat{Turns: []wit.ChatTurn{user(said)}})); got != want {
			t.Errorf("%q:\n got  %q\n want %q", said, got, want)
		}
	}
}

func TestConversation(t *testing.T) {
	chat := &wit.Chat{}
	var replies []string
	for _, said := range []string{"my garden is dying", "my garden is dying", "hm", "so so", "hm"} {
		chat.Turns = append(chat.Turns, user(said))
		reply := textOf(ask(t, chat))
		replies = append(replies, reply)
		chat.Turns = append(chat.Turns, wit.ChatTurn{Role: wit.RoleAssistant, Content: []wit.Part{{Text: &reply}}})
	}
	if replies[0] == replies[1] {
		t.Errorf("the same reply twice: %q", replies[0])
	}
	if want := "Earlier you said: your garden is dying."; !strings.HasPrefix(replies[2], want) {
		t.Errorf("in a lull it says %q, want %q", replies[2], want)
	}
	if replies[4] != "Tell me more about that." {
		t.Errorf("with nothing left to remember it says %q", replies[4])
	}
	if again := textOf(ask(t, &wit.Chat{Turns: chat.Turns[:9]})); again != replies[4] {
		t.Errorf("asked again it says %q, want %q", again, replies[4])
	}
}

func TestLongInput(t *testing.T) {
	for name, text := range map[string]string{
		"words":    strings.Repeat("I want you and my mother if ", 100_000),
		"one word": strings.Repeat("é", 1_000_000),
		"clauses":  strings.Repeat("I. ", 100_000),
	} {
		if got := textOf(ask(t, &wit.Chat{Turns: []wit.ChatTurn{user(text)}})); got == "" || len(got) > 4*2000 {
			t.Errorf("%s: %d bytes of answer", name, len(got))
		}
	}
}

func TestNoTurns(t *testing.T) {
	if got := textOf(ask(t, &wit.Chat{})); got == "" {
		t.Error("no answer")
	}
}

func TestDeltasAndUsage(t *testing.T) {
	answer := ask(t, &wit.Chat{System: "be kind", Turns: []wit.ChatTurn{user("I need a holiday")}})
	if len(answer.Deltas) < 3 {
		t.Errorf("%d deltas", len(answer.Deltas))
	}
	words := uint64(len(strings.Fields(textOf(answer))))
	if answer.Usage.Input != 6 || answer.Usage.Output != words {
		t.Errorf("usage is %+v, want 6 and %d", *answer.Usage, words)
	}
	if answer.Stop == nil || *answer.Stop != wit.StopReasonEnd {
		t.Errorf("stop is %v", answer.Stop)
	}
}

func TestToolCalls(t *testing.T) {
	for _, c := range []struct{ said, tool, args string }{
		{"what is 17*23?", "calc", `{"expression":"17*23"}`},
		{"What’s 2 + 2", "calc", `{"expression":"2 + 2"}`},
		{"17 times 3", "calc", `{"expression":"17*3"}`},
		{"how much is 10 divided by 4?", "calc", `{"expression":"10/4"}`},
		{"calculate sqrt(2)^2", "calc", `{"expression":"sqrt(2)^2"}`},
		{"1/0 =", "calc", `{"expression":"1/0"}`},
		{"what time is it?", "time", `{}`},
		{"What time is it in Tokyo?", "time", `{"zone":"Tokyo"}`},
		{"Hey, what's the time in New York right now?", "time", `{"zone":"New York right now"}`},
		{"what is the date", "time", `{}`},
		{"what time is it now in İstanbul", "time", `{"zone":"istanbul"}`},
	} {
		answer := ask(t, &wit.Chat{Turns: []wit.ChatTurn{user(c.said)}, Tools: tools("calc", "time")})
		if len(answer.ToolCalls) != 1 || answer.ToolCalls[0].Name != c.tool || string(answer.ToolCalls[0].Args) != c.args {
			t.Errorf("%q: called %+v, want %s %s", c.said, answer.ToolCalls, c.tool, c.args)
			continue
		}
		if *answer.Stop != wit.StopReasonToolCalls || answer.ToolCalls[0].ID == "" || len(answer.Deltas) != 0 {
			t.Errorf("%q: %+v", c.said, answer)
		}
	}
}

func TestNoToolCalls(t *testing.T) {
	for _, said := range []string{
		"call me at 555-1234 tomorrow", "I am 30", "what is 42?", "what is love?", "what is a + b?", "on 2026-01-02 I left",
		"we spent a long time in Tokyo", "- 5", "pi",
	} {
		answer := ask(t, &wit.Chat{Turns: []wit.ChatTurn{user(said)}, Tools: tools("calc", "time")})
		if len(answer.ToolCalls) != 0 {
			t.Errorf("%q: called %+v", said, answer.ToolCalls)
		}
	}
	answer := ask(t, &wit.Chat{Turns: []wit.ChatTurn{user("what is 1+1?")}, Tools: tools("time")})
	if len(answer.ToolCalls) != 0 || textOf(answer) == "" {
		t.Errorf("called a tool that is not offered: %+v", answer)
	}
}

func TestAfterTool(t *testing.T) {
	result := func(id, text string) wit.ChatTurn {
		turn := user(text)
		turn.Role, turn.ToolCallID = wit.RoleTool, &id
		return turn
	}
	calls := wit.ChatTurn{Role: wit.RoleAssistant, ToolCalls: []wit.ToolCall{
		{ID: "1", Name: "calc", Args: wit.JSON(`{"expression":"17*23"}`)},
		{ID: "2", Name: "time", Args: wit.JSON(`{}`)},
	}}
	for _, c := range []struct{ id, text, want string }{
		{"1", "391", "17*23 is 391."},
		{"1", "division by zero", "I could not work that out: division by zero"},
		{"1", "", "I tried, but nothing came back."},
		{"2", "It is noon.", "It is noon."},
		{"unknown", "whatever", "whatever"},
	} {
		chat := &wit.Chat{Turns: []wit.ChatTurn{user("?"), calls, result(c.id, c.text)}, Tools: tools("calc", "time")}
		if got := textOf(ask(t, chat)); got != c.want {
			t.Errorf("%s %q: got %q, want %q", c.id, c.text, got, c.want)
		}
	}
}

func TestModelsAndChunk(t *testing.T) {
	host := (&sdktest.Host{}).SDK()
	models, err := eliza.New().Models(host, &wit.ModelsQuery{})
	if err != nil || len(models.Models) != 1 || models.Models[0].ID != "eliza" {
		t.Errorf("models: %+v, %v", models, err)
	}
	if _, err := eliza.New().Chunk(host, &wit.ProviderChunk{}); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("chunk: %v, want invalid", err)
	}
}

// TestInAGroup: what the gateway says about a message is not what the person asks.
func TestInAGroup(t *testing.T) {
	for _, said := range []string{
		"@my_bot what is 3*3?",
		"[from Ann]\nwhat is 3*3?",
		"[from Ann] @my_bot what is 3*3?",
		"[from Ann]\n[said before in this conversation:\nBob: [so]\nBob: what is 1+1?\n]\n[in reply to Bob: 2+2]\n@my_bot: what is 3*3?",
	} {
		chat := &wit.Chat{Turns: []wit.ChatTurn{user(said)}, Tools: tools("calc", "time")}
		if a := ask(t, chat); len(a.ToolCalls) != 1 || string(a.ToolCalls[0].Args) != `{"expression":"3*3"}` {
			t.Errorf("%q: %+v", said, a)
		}
	}
}
