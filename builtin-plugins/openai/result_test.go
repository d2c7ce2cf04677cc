package openai_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/openai/openaitest"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// drawn is a chat in which two tools have been called, the first of which has given a picture.
func drawn(picture string) *wit.Chat {
	result := func(id string, parts ...wit.Part) wit.ChatTurn {
		return wit.ChatTurn{Role: wit.RoleTool, ToolCallID: &id, Content: parts}
	}
	calls := []wit.ToolCall{{ID: "c1", Name: "draw", Args: wit.JSON(`{}`)}, {ID: "c2", Name: "draw", Args: wit.JSON(`{}`)}}
	image := wit.Part{Kind: wit.PartKindImage, Media: &picture, Mime: new("image/png")}
	page := wit.Part{Kind: wit.PartKindFile, Media: new("data:application/pdf;base64," + page), Mime: new("application/pdf")}
	return &wit.Chat{Turns: []wit.ChatTurn{
		says(wit.RoleUser, "draw"), {Role: wit.RoleAssistant, ToolCalls: calls}, result("c1", text("a boat"), image), result("c2", page), says(wit.RoleUser, "and?"),
	}}
}

// TestPicturesOfTools: a picture that a tool gives is shown in its result where the API takes one there, and else behind the results.
func TestPicturesOfTools(t *testing.T) {
	const (
		asked   = `{"role":"user","content":"draw"},{"role":"assistant","content":null,"tool_calls":[CALLS]},{"role":"tool","tool_call_id":"c1","content":"a boat\n[image]"},{"role":"tool","tool_call_id":"c2","content":"[file]"},`
		shown   = `{"role":"user","content":[{"type":"text","text":"The pictures of these results:"},{"type":"image_url","image_url":{"url":"data:image/png;base64,{{media:m1}}"}},{"type":"text","text":"and?"}]}`
		items   = `{"type":"message","role":"user","content":"draw"},{"type":"function_call","call_id":"c1","name":"draw","arguments":"{}"},{"type":"function_call","call_id":"c2","name":"draw","arguments":"{}"},`
		inside  = `{"type":"function_call_output","call_id":"c1","output":[{"type":"input_text","text":"a boat"},{"type":"input_image","image_url":"data:image/png;base64,{{media:m1}}"}]},{"type":"function_call_output","call_id":"c2","output":"[file]"},`
		outside = `{"type":"function_call_output","call_id":"c1","output":"a boat\n[image]"},{"type":"function_call_output","call_id":"c2","output":"[file]"},` +
			`{"type":"message","role":"user","content":[{"type":"input_text","text":"The pictures of these results:"},{"type":"input_image","image_url":"data:image/png;base64,{{media:m1}}"}]},`
		last = `{"type":"message","role":"user","content":"and?"}`
	)
	for config, want := range map[string]string{
		`{}`: asked + shown,
		`{"baseUrl":"http://localhost:1/v1","model":"devstral-small"}`: asked + `{"role":"assistant","content":"(The tools have answered.)"},` + shown,
		`{"api":"responses"}`: items + inside + last,
		`{"api":"responses","preset":"azure","baseUrl":"https://a.example/v1"}`: items + inside + last,
		`{"api":"responses","preset":"openrouter"}`:                             items + outside + last,
	} {
		chat := drawn("m1")
		chat.Config = wit.JSON(config)
		request := plan(t, &sdktest.Host{Credentials: key}, chat)
		said := body(t, request).Get("messages")
		if strings.Contains(config, "responses") {
			said = body(t, request).Get("input")
		}
		got := string(said.Raw())
		if _, rest, ok := strings.Cut(got, `"tool_calls":[`); ok {
			_, rest, _ = strings.Cut(rest, `}}]`)
			got = strings.Split(got, `"tool_calls":[`)[0] + `"tool_calls":[CALLS]` + rest
		}
		if got != "["+want+"]" || strings.Join(request.Embed, " ") != "m1" {
			t.Errorf("%s: with %s\ngot  %s\nwant [%s]", config, request.Embed, got, want)
		}
	}
}

// TestAPictureInAResultIsTaken by the server of the Responses API.
func TestAPictureInAResultIsTaken(t *testing.T) {
	chat := drawn("data:image/png;base64,iVBORw0KGgo=")
	chat.Model, chat.Config = "gpt-5.1", byItems
	if answer := askItems(t, openaitest.New(openaitest.Says("A boat.")), chat); answer.Error != nil || said(answer, wit.DeltaKindText) != "A boat." {
		t.Errorf("%s", wit.Marshal(answer))
	}
}
