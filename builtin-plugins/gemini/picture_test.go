package gemini_test

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/gemini"
	"github.com/carapace-gateway/carapace/builtin-plugins/gemini/geminitest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestPicturesAreAskedFor of models that make some by their name, which are not asked for more than they take; and of others by
// the owner's word.
func TestPicturesAreAskedFor(t *testing.T) {
	for _, c := range []struct {
		model, config string
		pictures      bool
		tools         bool
	}{
		{"gemini-2.5-flash-image", "", true, false}, {"models/gemini-3-pro-image-preview", "", true, false}, {"gemini-2.5-flash", "", false, true},
		{"gemini-9-canvas", `{"pictures":true}`, true, true}, {"gemini-9-canvas", `{"pictures":false}`, false, true},
	} {
		chat := hi(c.model)
		chat.Config, chat.Thinking, chat.Tools = wit.JSON(c.config), "high", []wit.ToolSpec{{Name: "calc"}}
		plan, err := gemini.New().Request(host(nil).SDK(), chat)
		if err != nil {
			t.Fatal(err)
		}
		_, body := request(t, chat)
		modalities := string(body.Get("generationConfig", "responseModalities").Raw())
		if c.pictures && (modalities != `["TEXT","IMAGE"]` || !slices.Equal(plan.Files, []string{"inlineData.data"})) || !c.pictures && (modalities != "" || plan.Files != nil) {
			t.Errorf("%s %s: asked for %s, files in %q", c.model, c.config, modalities, plan.Files)
		}
		if body.Get("tools").Exists() != c.tools || body.Get("generationConfig", "thinkingConfig").Exists() != c.tools {
			t.Errorf("%s: %s", c.model, body.Raw())
		}
	}
}

// TestPictureParts: pictures are files of the answer, but for sketches, and a signature of theirs does not come back on another part.
func TestPictureParts(t *testing.T) {
	answer := read(t, nil, head(200),
		data(`{"candidates":[{"content":{"parts":[{"thought":true,"text":"a boat"},{"thought":true,"inlineData":{"mimeType":"image/png","data":"sketch"},"thoughtSignature":"c2s="}]}}]}`),
		data(`{"candidates":[{"content":{"parts":[{"text":"Here"},{"inlineData":{"mimeType":"image/png","data":"id-1"},"thoughtSignature":"c2lnbmVk"}]}}]}`),
		data(`{"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":""}},{"inlineData":{"mimeType":"image/png","data":"id-2"}}]},"finishReason":"STOP"}]}`), end)
	if len(answer.Files) != 2 || *answer.Files[0].Media != "id-1" || *answer.Files[1].Media != "id-2" || said(answer, wit.DeltaKindText) != "Here" || *answer.Stop != wit.StopReasonEnd || answer.Opaque != nil {
		t.Errorf("%s", wit.Marshal(answer))
	}
	answer = read(t, nil, head(200), data(`{"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"id-1"}}]}}]}`), data(`{"candidates":[{"finishReason":"IMAGE_SAFETY"}]}`), end)
	if len(answer.Files) != 1 || answer.Error != nil || *answer.Stop != wit.StopReasonRefused {
		t.Errorf("%s", wit.Marshal(answer))
	}
}

// TestPictureGateway: a picture that the model makes is an answer, and is shown to it with the next question.
func TestPictureGateway(t *testing.T) {
	t.Parallel()
	boat := append([]byte("\x89PNG\r\n\x1a\n"), bytes.Repeat([]byte("boat"), 2<<20)...)
	s := geminitest.New(
		geminitest.Streams("STOP", parts{geminitest.Signed(geminitest.Text("Here it is."), "dGV4dA==")}, parts{geminitest.Signed(geminitest.Picture("image/png", boat), "c2lnbmVk")}),
		geminitest.Says("It is blue."))
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	l := kerneltest.Start(t, kerneltest.Bundled(t, ".."), kerneltest.Compiled(t), kerneltest.Config(t, fmt.Sprintf(
		`{"agent":{"model":"gemini/gemini-3-pro-image-preview"},"plugins":{"gemini":{"config":{"baseUrl":%q}}}}`, server.URL+"/v1beta"))).Listen()
	l.MustCall("plugins.configure", map[string]any{"id": "gemini", "secrets": map[string]string{"api_key": geminitest.Key}}, nil)
	l.Send("draw", "draw a boat")
	if end := l.End("draw"); end.State != "final" || kerneltest.Text(end.Message) != "Here it is." || len(end.Message.Content) != 2 || end.Message.Content[1].MimeType != "image/png" {
		t.Fatalf("%s: %s, %.500v", end.State, end.ErrorMessage, end.Message)
	}
	if got := l.Ask("colour", "what colour is it?"); got != "It is blue." {
		t.Errorf("the answer is %q", got)
	}
	contents := s.Requests()[1].Parsed.Contents
	shown := contents[len(contents)-1].Parts
	if !slices.ContainsFunc(shown, func(p geminitest.Part) bool { return p.InlineData != nil && bytes.Equal(p.InlineData.Data, boat) }) {
		t.Errorf("the model is shown %d parts", len(shown))
	}
	if before := contents[len(contents)-2].Parts; len(before) != 1 || before[0].ThoughtSignature != "dGV4dA==" || !strings.Contains(*before[0].Text, "Here") {
		t.Errorf("its own words are %+v", before)
	}
}
