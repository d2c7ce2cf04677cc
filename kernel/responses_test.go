package kernel_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
)

func TestResponses(t *testing.T) {
	t.Parallel()
	var r recorder
	k := kerneltest.Start(t, r.provider(hello))
	got := posted(t, k, 200, "/v1/responses", `{"model":"carapace","instructions":"Be kind.","input":"one","max_output_tokens":9}`)
	if got["object"] != "response" || got["status"] != "completed" || at(got, "output", 0, "content", 0, "text") != "Hello there." ||
		at(got, "usage", "total_tokens") != 2.0 || at(got, "output", 0, "type") != "message" {
		t.Errorf("answer %v", got)
	}
	if c := r.last(); c.MaxTokens != 9 || !strings.HasSuffix(c.System, "\n\nBe kind.") {
		t.Errorf("chat %+v", c)
	}
	id, _ := got["id"].(string)
	posted(t, k, 200, "/v1/responses", `{"previous_response_id":"`+id+`","input":[{"role":"user","content":[{"type":"input_text","text":"two"}]}]}`)
	if c := r.last(); heardAll(&c) != "user one\nassistant Hello there.\nuser two\n" {
		t.Errorf("the model reads\n%s", heardAll(&c))
	}
	for body, param := range map[string]string{
		`{"previous_response_id":"resp_none","input":"x"}`: "previous_response_id",
		`{"input":7}`:                                                  "input",
		`{"input":[{"type":"computer_call"}]}`:                         "input[0]",
		`{"input":"x","tool_choice":"required"}`:                       "tool_choice",
		`{"input":"x","text":{"format":{"type":"json_object"}}}`:       "text.format",
		`{"input":"x","tools":[{"type":"web_search"}]}`:                "tools[0]",
		`{"input":[{"role":"assistant","content":"x"}]}`:               "messages",
		`{"input":[{"type":"function_call_output","output":"sunny"}]}`: "messages[0].tool_call_id",
	} {
		if got := posted(t, k, 400, "/v1/responses", body); at(got, "error", "param") != param {
			t.Errorf("%s: %v", body, got)
		}
	}
}

// TestResponsesTools: a call of the client's tool is an item of the output, and its result goes on with the response.
func TestResponsesTools(t *testing.T) {
	t.Parallel()
	var r recorder
	k := kerneltest.Start(t, r.provider(weather))
	const tool = `"tools":[{"type":"function","name":"weather","parameters":{"type":"object"}}]`
	got := posted(t, k, 200, "/v1/responses", `{`+tool+`,"input":"weather?"}`)
	if item := at(got, "output", 0); at(item, "type") != "function_call" || at(item, "call_id") != "call_1" || at(item, "arguments") != `{"city":"Bern"}` {
		t.Fatalf("answer %v", got)
	}
	const result = `{"type":"function_call_output","call_id":"call_1","output":"sunny"}`
	for _, body := range []string{
		`{` + tool + `,"previous_response_id":"` + got["id"].(string) + `","input":[` + result + `]}`,
		`{` + tool + `,"input":[{"role":"user","content":"weather?"},{"type":"reasoning","summary":[]},
			{"type":"function_call","call_id":"call_1","name":"weather","arguments":"{\"city\":\"Bern\"}"},` + result + `]}`,
	} {
		if got := posted(t, k, 200, "/v1/responses", body); at(got, "output", 0, "content", 0, "text") != "It is sunny." {
			t.Errorf("answer %v", got)
		}
		c := r.last()
		if want := "user weather?\nassistant weather{\"city\":\"Bern\"}\ntool sunny\n"; heardAll(&c) != want {
			t.Errorf("the model reads\n%s", heardAll(&c))
		}
	}
}

// TestResponsesStream: the events of an answer come in the API's order, numbered, and hold together.
func TestResponsesStream(t *testing.T) {
	t.Parallel()
	var r recorder
	k := kerneltest.Start(t, r.provider(weather))
	const tool = `"tools":[{"type":"function","name":"weather"}]`
	stream := func(body string) (types []string, last map[string]any) {
		res := post(t, t.Context(), k, "/v1/responses", body)
		for i, data := range sseData(t, res.Body) {
			last = nil
			if err := json.Unmarshal([]byte(data), &last); err != nil || last["sequence_number"] != float64(i) {
				t.Fatalf("event %d: %s (%v)", i, data, err)
			}
			types = append(types, strings.TrimPrefix(last["type"].(string), "response."))
		}
		return types, last
	}
	types, last := stream(`{"stream":true,` + tool + `,"input":"weather?"}`)
	if want := []string{"created", "in_progress", "output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done", "completed"}; !slices.Equal(types, want) {
		t.Errorf("events %q", types)
	}
	id := at(last, "response", "id").(string)
	types, last = stream(`{"stream":true,` + tool + `,"previous_response_id":"` + id + `","input":[{"type":"function_call_output","call_id":"call_1","output":"sunny"}]}`)
	if want := []string{"created", "in_progress", "output_item.added", "content_part.added", "output_text.delta", "output_text.done", "content_part.done", "output_item.done", "completed"}; !slices.Equal(types, want) {
		t.Errorf("events %q", types)
	}
	if at(last, "response", "output", 0, "content", 0, "text") != "It is sunny." {
		t.Errorf("the last event is %v", last)
	}
}
