package openai_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/openai"
	"github.com/carapace-gateway/carapace/builtin-plugins/openai/openaitest"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestPicturesAreAskedFor when the owner says so: by a tool of the Responses API, or of models that have them in their name.
func TestPicturesAreAskedFor(t *testing.T) {
	for config, want := range map[string]string{
		`{"api":"responses","pictures":true}`: `[{"type":"function","name":"calc","description":"","parameters":{"type":"object","properties":{}},"strict":false},{"type":"image_generation"}]`,
		`{"api":"responses"}`:                 `[{"type":"function","name":"calc","description":"","parameters":{"type":"object","properties":{}},"strict":false}]`,
		`{"pictures":true}`:                   "",
		`{"api":"chat"}`:                      "",
	} {
		chat := askedItems("gpt-5.1")
		chat.Config, chat.Tools = wit.JSON(config), []wit.ToolSpec{{Name: "calc", Parameters: wit.JSON(`{"type":"object"}`)}}
		got, err := openai.New().Request((&sdktest.Host{Credentials: key}).SDK(), completions(chat))
		if err != nil {
			t.Fatal(err)
		}
		tools, files := string(body(t, got.Request).Get("tools").Raw()), []string(nil)
		switch {
		case strings.Contains(want, "image"):
			files = []string{"item.result", "output.result"}
		case config == `{"pictures":true}`:
			files = []string{"delta.images.image_url.url", "message.images.image_url.url"}
		}
		if want != "" && tools != want || strings.Contains(tools, "image_generation") != strings.Contains(want, "image") || !slices.Equal(got.Files, files) {
			t.Errorf("%s: tools %s, files in %q", config, tools, got.Files)
		}
	}
}

// TestPictureItems: a picture is a file of the answer, once, whether it comes as an item or with the whole response.
func TestPictureItems(t *testing.T) {
	content := []byte("a picture")
	id := base64.StdEncoding.EncodeToString(content) // which the gateway would have put another id for
	chat := askedItems("gpt-5.1")
	chat.Config = wit.JSON(`{"api":"responses","pictures":true}`)
	for name, words := range map[string]string{"with words": "Here.", "alone": ""} {
		out := []openaitest.Output{{Encrypted: "one"}, {Picture: content}}
		if words != "" {
			out = append(out, openaitest.Output{Text: []string{words}})
		}
		answer := askItems(t, openaitest.New(openaitest.Reply{Output: out}), chat)
		if len(answer.Files) != 1 || *answer.Files[0].Media != id || said(answer, wit.DeltaKindText) != words || *answer.Stop != wit.StopReasonEnd {
			t.Errorf("%s: %s", name, wit.Marshal(answer))
		}
	}
	first := wit.JSON(`{"api":"responses"}`)
	for name, c := range map[string]struct {
		event string
		files int
	}{
		"whole":  {`{"object":"response","status":"completed","output":[{"type":"image_generation_call","id":"ig","status":"completed","result":"id-1"},{"type":"image_generation_call","id":"ih","status":"completed","result":"id-2"}]}`, 2},
		"failed": {`{"object":"response","status":"completed","output":[{"type":"image_generation_call","id":"ig","status":"failed","result":null}]}`, 0},
	} {
		if answer := readFrom(t, first, head(200), data(c.event), end); len(answer.Files) != c.files || answer.Error != nil {
			t.Errorf("%s: %s", name, wit.Marshal(answer))
		}
	}
}

// TestPicturesInChatCompletions are asked for of models that make them, and are files of the answer, once, in pieces or as a whole.
func TestPicturesInChatCompletions(t *testing.T) {
	chat := askedItems("google/gemini-image")
	for config, want := range map[string]string{`{"pictures":true}`: `["image","text"]`, `{}`: ""} {
		chat.Config = wit.JSON(config)
		for model, want := range map[string]string{"google/gemini-image": want, "gpt-4.1": ""} {
			chat.Model = model
			got, err := openai.New().Request((&sdktest.Host{Credentials: key}).SDK(), completions(chat))
			if err != nil {
				t.Fatal(err)
			}
			if modalities := string(body(t, got.Request).Get("modalities").Raw()); modalities != want {
				t.Errorf("%s of %s: %s, want %s", config, model, modalities, want)
			}
		}
	}
	const (
		picture = `{"type":"image_url","index":0,"image_url":{"url":"id-1"}}`
		piece   = `{"choices":[{"index":0,"delta":{"role":"assistant","content":"","images":[` + picture + `]}}]}`
		words   = `{"choices":[{"index":0,"delta":{"content":"Here."}}]}`
		ended   = `{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`
	)
	for name, c := range map[string]struct {
		events []string
		words  string
		files  int
	}{
		"behind words":    {[]string{words, piece, ended}, "Here.", 1},
		"before words":    {[]string{piece, words, ended}, "Here.", 1},
		"alone":           {[]string{piece, ended}, "", 1},
		"with the end":    {[]string{words, `{"choices":[{"index":0,"delta":{"images":[` + picture + `]},"finish_reason":"stop"}]}`}, "Here.", 1},
		"whole":           {[]string{`{"choices":[{"index":0,"message":{"role":"assistant","content":"Here.","images":[` + picture + `,` + picture + `]},"finish_reason":"stop"}]}`}, "Here.", 2},
		"repeated":        {[]string{words, piece, `{"choices":[{"index":0,"message":{"content":"Here.","images":[` + picture + `]},"finish_reason":"stop"}]}`}, "Here.", 1},
		"that cannot be":  {[]string{words, `{"choices":[{"index":0,"delta":{"images":[{"image_url":{"url":""}},{"image_url":null},null,7]}}]}`, ended}, "Here.", 0},
		"that is no list": {[]string{words, `{"choices":[{"index":0,"delta":{"images":{"url":"x"}}}]}`, ended}, "Here.", 0},
	} {
		events := []wit.StreamEvent{head(200)}
		for _, e := range c.events {
			events = append(events, data(e))
		}
		answer := readFrom(t, nil, append(events, data("[DONE]"), end)...)
		if said(answer, wit.DeltaKindText) != c.words || len(answer.Files) != c.files || answer.Error != nil || answer.Stop == nil || *answer.Stop != wit.StopReasonEnd {
			t.Errorf("%s: %s", name, wit.Marshal(answer))
		}
	}
}
