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

// TestPicturesAreAskedFor by the Responses API only, and only when the owner says so.
func TestPicturesAreAskedFor(t *testing.T) {
	for config, want := range map[string]string{
		`{"api":"responses","pictures":true}`: `[{"type":"function","name":"calc","description":"","parameters":{"type":"object","properties":{}},"strict":false},{"type":"image_generation"}]`,
		`{"api":"responses"}`:                 `[{"type":"function","name":"calc","description":"","parameters":{"type":"object","properties":{}},"strict":false}]`,
		`{"pictures":true}`:                   "",
	} {
		chat := askedItems("gpt-5.1")
		chat.Config, chat.Tools = wit.JSON(config), []wit.ToolSpec{{Name: "calc", Parameters: wit.JSON(`{"type":"object"}`)}}
		got, err := openai.New().Request((&sdktest.Host{Credentials: key}).SDK(), chat)
		if err != nil {
			t.Fatal(err)
		}
		tools, files := string(body(t, got.Request).Get("tools").Raw()), []string(nil)
		if strings.Contains(want, "image") {
			files = []string{"item.result", "output.result"}
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
