package bedrock_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/bedrock"
	"github.com/carapace-gateway/carapace/builtin-plugins/bedrock/bedrocktest"
	"github.com/carapace-gateway/carapace/wit"
)

// body is the request that a chat becomes. The server has to take it.
func body(t *testing.T, chat *wit.Chat) string {
	t.Helper()
	h := host(bedrocktest.New(bedrocktest.Says("ok")))
	plan, err := bedrock.New().Request(h.SDK(), chat)
	if err != nil {
		t.Fatal(err)
	}
	response, err := h.Do(plan.Request)
	if err != nil || response.Status != 200 {
		t.Errorf("%s: the server refuses %s: %+v, %v", chat.Model, plan.Request.JSON, response, err)
	}
	return string(plan.Request.JSON)
}

// TestThinking: what each level is for each family of models: additionalModelRequestFields and inferenceConfig. The server
// refuses what a model does not take.
func TestThinking(t *testing.T) {
	const adaptive = `{"thinking":{"type":"adaptive","display":"summarized"},"output_config":{"effort":"%s"}} {"maxTokens":%d%s}`
	const budget = `{"thinking":{"type":"enabled","budget_tokens":%d}} {"maxTokens":%d}`
	const warm = `,"temperature":1`
	for model, levels := range map[string]map[string]string{
		"global.anthropic.claude-opus-5-5-v1": {
			"":    `{"thinking":{"type":"adaptive"}} {"maxTokens":128000}`,
			"off": `{"thinking":{"type":"adaptive"},"output_config":{"effort":"low"}} {"maxTokens":128000}`,
			"low": fmt.Sprintf(adaptive, "low", 128000, ""),
		},
		"us.anthropic.claude-sonnet-5":            {"": `null {"maxTokens":128000}`, "off": `{"thinking":{"type":"disabled"}} {"maxTokens":128000}`, "high": fmt.Sprintf(adaptive, "high", 128000, "")},
		"anthropic.claude-opus-4-7":               {"": `null {"maxTokens":128000}`, "off": `null {"maxTokens":128000}`, "medium": fmt.Sprintf(adaptive, "medium", 128000, "")},
		"anthropic.claude-opus-4-6-v1":            {"": `null {"maxTokens":128000` + warm + `}`, "high": fmt.Sprintf(adaptive, "high", 128000, "")},
		"eu.anthropic.claude-sonnet-4-6":          {"off": `null {"maxTokens":64000` + warm + `}`, "low": fmt.Sprintf(adaptive, "low", 64000, "")},
		"anthropic.claude-opus-4-5-20251101-v1:0": {"": `null {"maxTokens":50000` + warm + `}`, "low": fmt.Sprintf(budget, 2048, 52048)},
		claude: {"": `null {"maxTokens":50000` + warm + `}`, "high": fmt.Sprintf(budget, 16384, 64000)},
		"us.anthropic.claude-opus-4-1-20250805-v1:0":                    {"medium": fmt.Sprintf(budget, 8192, 32000)},
		"us.anthropic.claude-sonnet-4-20250514-v1:0":                    {"low": fmt.Sprintf(budget, 2048, 52048)},
		"us.anthropic.claude-3-7-sonnet-20250219-v1:0":                  {"low": fmt.Sprintf(budget, 2048, 52048)},
		"anthropic.claude-3-5-haiku-20241022-v1:0":                      {"": `null {"temperature":1}`, "high": `null {"temperature":1}`},
		"anthropic.claude-3-5-sonnet-20241022-v2:0":                     {"high": `null {"temperature":1}`},
		"anthropic.claude-3-sonnet-20240229-v1:0":                       {"high": `null {"temperature":1}`},
		"anthropic.claude-3-opus-20240229-v1:0":                         {"low": `null {"temperature":1}`},
		nova:                                                            {"": `null {"temperature":1}`, "high": `null {"temperature":1}`},
		"meta.llama3-3-70b-instruct-v1:0":                               {"high": `null {"temperature":1}`},
		"arn:aws:bedrock:us-east-1:1:application-inference-profile/abc": {"high": `null {"temperature":1}`},
		"arn:aws:bedrock:us-east-1:1:inference-profile/" + claude:       {"low": fmt.Sprintf(budget, 2048, 52048)},
	} {
		for level, want := range levels {
			chat := hi(model)
			chat.Thinking, chat.Temperature = level, new(1.5)
			if got := fields(t, body(t, chat)); got != want {
				t.Errorf("%s, %q:\n%s, want\n%s", model, level, got, want)
			}
		}
	}
	for model, want := range map[string]string{ // an answer of 50 tokens
		claude: fmt.Sprintf(budget, 2048, 2098), "us.anthropic.claude-sonnet-5": fmt.Sprintf(adaptive, "low", 2098, ""), nova: `null {"maxTokens":50}`,
		"anthropic.claude-3-5-haiku-20241022-v1:0": `null {"maxTokens":50}`,
	} {
		chat := hi(model)
		chat.Thinking, chat.MaxTokens, chat.Stop = "low", 50, []string{" \n"}
		if got := fields(t, body(t, chat)); got != want {
			t.Errorf("%s: %s, want %s", model, got, want)
		}
	}
	long := hi("anthropic.claude-3-opus-20240229-v1:0")
	long.MaxTokens, long.Stop = 9000, []string{"", "END"}
	if got, want := fields(t, body(t, long)), `null {"maxTokens":4096,"stopSequences":["END"]}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// fields are what of a request depends on the family of its model.
func fields(t *testing.T, request string) string {
	t.Helper()
	var got map[string]json.RawMessage
	if err := json.Unmarshal([]byte(request), &got); err != nil {
		t.Fatal(err)
	}
	more := got["additionalModelRequestFields"]
	if more == nil {
		more = json.RawMessage("null")
	}
	return string(more) + " " + string(got["inferenceConfig"])
}

const cachePoint = `{"cachePoint":{"type":"default"}}`

var points = regexp.MustCompile(`,\{"cachePoint":\{[^}]*\}\}`)

// called is a turn that calls a tool, and its result.
func called(id string) []wit.ChatTurn {
	asks := says(wit.RoleAssistant, "I count")
	asks.ToolCalls = []wit.ToolCall{{ID: id, Name: "calc", Args: wit.JSON(`{"expression":"1"}`)}}
	answers := says(wit.RoleTool, "1")
	answers.ToolCallID = &id
	return []wit.ChatTurn{asks, answers}
}

// TestCachePoints: they stand where a model takes them, and at models that keep nothing, or where it is turned off, nowhere.
func TestCachePoints(t *testing.T) {
	const none = ""
	for model, want := range map[string]string{
		claude:                         "system tools 2 4",
		"anthropic.claude-opus-4-7":    "system tools 2 4",
		"us.anthropic.claude-sonnet-5": "system tools 2 4",
		"us.anthropic.claude-3-7-sonnet-20250219-v1:0":                  "system tools 2 4",
		"anthropic.claude-3-5-haiku-20241022-v1:0":                      "system tools 2 4",
		"anthropic.claude-3-5-sonnet-20241022-v2:0":                     none,
		"anthropic.claude-3-haiku-20240307-v1:0":                        none,
		nova:                                                            "system 0 2",
		"amazon.nova-micro-v1:0":                                        "system 0 2",
		"eu.amazon.nova-lite-v1:0":                                      "system 0 2",
		"us.amazon.nova-premier-v1:0":                                   "system 0 2",
		"us.amazon.nova-2-lite-v1:0":                                    "system 0 2",
		"meta.llama3-3-70b-instruct-v1:0":                               none,
		"mistral.mistral-large-2407-v1:0":                               none,
		"arn:aws:bedrock:us-east-1:1:application-inference-profile/abc": none,
	} {
		chat := hi(model)
		chat.System, chat.Tools = "be brief", []wit.ToolSpec{{Name: "calc"}, {Name: "time"}}
		chat.Turns = append(chat.Turns, says(wit.RoleAssistant, "hello"), says(wit.RoleUser, "1?"))
		chat.Turns = append(chat.Turns, called("t1")...)
		with := body(t, chat)
		if got := standing(t, with); got != want {
			t.Errorf("%s: %q, want %q: %s", model, got, want, with)
		}
		chat.Config = wit.JSON(`{"cache":"off"}`)
		if got := body(t, chat); got != points.ReplaceAllString(with, "") {
			t.Errorf("%s: turned off, the request is\n%s", model, got)
		}
	}
}

// standing says where of a request points are: its parts that end with one, and the numbers of messages that do.
func standing(t *testing.T, request string) string {
	t.Helper()
	var got bedrocktest.Converse
	if err := json.Unmarshal([]byte(request), &got); err != nil {
		t.Fatal(err)
	}
	var at []string
	if n := len(got.System); n > 0 && got.System[n-1].CachePoint != nil {
		at = append(at, "system")
	}
	if n := len(got.ToolConfig.Tools); got.ToolConfig.Tools[n-1].CachePoint != nil {
		at = append(at, "tools")
	}
	for i, m := range got.Messages {
		if m.Content[len(m.Content)-1].CachePoint != nil {
			at = append(at, fmt.Sprint(i))
		}
	}
	if n := strings.Count(request, cachePoint); n != len(at) {
		t.Errorf("%d points, of which %d end something", n, len(at))
	}
	return strings.Join(at, " ")
}

// TestTheBeginningStays: from turn to turn a request begins with the same bytes, but for the points, which are no part of it.
func TestTheBeginningStays(t *testing.T) {
	for _, model := range []string{claude, nova, "us.anthropic.claude-sonnet-5", "meta.llama3-3-70b-instruct-v1:0"} {
		chat := hi(model)
		chat.System, chat.Tools, chat.Turns = "be brief", []wit.ToolSpec{{Name: "calc"}}, nil
		before := ""
		for round := range 6 {
			chat.Turns = append(chat.Turns, says(wit.RoleUser, fmt.Sprint("question ", round)))
			for step := range 3 {
				now := strings.TrimSuffix(points.ReplaceAllString(body(t, chat), ""), "]}")
				if !strings.HasPrefix(now, before) {
					t.Fatalf("%s, %d.%d:\n%s\ndoes not begin with\n%s", model, round, step, now, before)
				}
				before = now
				chat.Turns = append(chat.Turns, called(fmt.Sprintf("t%d-%d", round, step))...)
			}
			chat.Turns = append(chat.Turns, says(wit.RoleAssistant, "fine"))
		}
	}
}

// TestReasoning: what was thought goes back while the model may think. Where it is bound to all that stood before it, what was
// thought before the user last said something stays behind, and where its text is not told, its signature goes back.
func TestReasoning(t *testing.T) {
	thought := func(id, text string) []wit.ChatTurn {
		turns := called(id)
		turns[0].Thinking, turns[0].Opaque = text, wit.JSON(fmt.Sprintf(`{"blocks":[{"length":%d,"signature":"sig-%s"}]}`, len(text), id))
		return turns
	}
	for name, c := range map[string]struct{ model, level, want string }{
		"all of it":           {claude, "low", "a b"},
		"it does not think":   {claude, "off", ""},
		"unless it is told":   {"us.anthropic.claude-sonnet-5", "", "a b"},
		"told not to":         {"us.anthropic.claude-sonnet-5", "off", ""},
		"not told to":         {"anthropic.claude-opus-4-7", "", ""},
		"bound":               {"anthropic.claude-opus-5-5", "high", "b"},
		"of somebody else":    {"deepseek.v3-v1:0", "", "a b"},
		"nothing can be told": {"anthropic.claude-3-5-haiku-20241022-v1:0", "high", ""},
	} {
		chat := hi(c.model)
		chat.Thinking, chat.Tools = c.level, []wit.ToolSpec{{Name: "calc"}}
		chat.Turns = append(chat.Turns, thought("a", "I think.")...)
		chat.Turns = append(chat.Turns, says(wit.RoleAssistant, "1"), says(wit.RoleUser, "and?"))
		chat.Turns = append(chat.Turns, thought("b", "")...)
		plan, err := bedrock.New().Request(host(nil).SDK(), chat)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, found := range regexp.MustCompile(`"signature":"sig-(.)"`).FindAllStringSubmatch(string(plan.Request.JSON), -1) {
			got = append(got, found[1])
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q goes back, want %q: %s", name, got, c.want, plan.Request.JSON)
		}
	}
	// A model with a budget cannot begin to think in the middle of calls that it made without.
	chat := hi(claude)
	chat.Thinking, chat.Tools = "high", []wit.ToolSpec{{Name: "calc"}}
	chat.Turns = append(chat.Turns, called("t1")...)
	if got := fields(t, body(t, chat)); !strings.HasPrefix(got, "null ") {
		t.Errorf("%s", got)
	}
}

// TestBoundReasoning: a conversation goes on after the day in the prompt and the tools have changed, at a model that refuses what
// it thought after something else.
func TestBoundReasoning(t *testing.T) {
	s := bedrocktest.New()
	chat := hi("us.anthropic.claude-opus-5-5")
	chat.Turns = nil
	for round := range 3 {
		chat.System, chat.Tools = fmt.Sprint("Today is day ", round), append(chat.Tools, wit.ToolSpec{Name: fmt.Sprint("tool", round)})
		chat.Turns = append(chat.Turns, says(wit.RoleUser, "go on"))
		for step := range 3 {
			id := fmt.Sprintf("t%d-%d", round, step)
			s.Script(bedrocktest.Reply{Blocks: blocks{{Thinking: []string{"I think."}, Signature: id}, {ID: id, Name: "tool0", Input: []string{"{}"}}}})
			answer := ask(t, s, chat)
			if answer.Error != nil {
				t.Fatalf("%d.%d: %v", round, step, answer.Error)
			}
			result := says(wit.RoleTool, "1")
			result.ToolCallID = &id
			chat.Turns = append(chat.Turns, wit.ChatTurn{Role: wit.RoleAssistant, Thinking: "I think.", ToolCalls: answer.ToolCalls, Opaque: answer.Opaque}, result)
		}
		s.Script(bedrocktest.Says("Done."))
		if answer := ask(t, s, chat); answer.Error != nil {
			t.Fatalf("%d: %v", round, answer.Error)
		}
		chat.Turns = append(chat.Turns, says(wit.RoleAssistant, "Done."))
	}
	if n := strings.Count(string(s.Requests()[11].Body), `"signature"`); n != 3 {
		t.Errorf("the last request has %d signatures", n)
	}
}
