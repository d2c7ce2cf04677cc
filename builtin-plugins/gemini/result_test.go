package gemini_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/gemini/geminitest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestPicturesOfTools: a picture that a tool gives is shown in its result from Gemini 3 on, and before that behind the results; so is
// one of a type that is not taken there. The API takes each.
func TestPicturesOfTools(t *testing.T) {
	asks := wit.ChatTurn{Role: wit.RoleAssistant, ToolCalls: []wit.ToolCall{{ID: "x", Name: "f"}, {ID: "y", Name: "f"}}}
	image := func(mime string) wit.Part {
		return wit.Part{Kind: wit.PartKindImage, Media: new("data:" + mime + ";base64,AAAA"), Mime: &mime}
	}
	for name, c := range map[string]struct {
		model, mime string
		inside      bool
	}{
		"2.5": {"gemini-2.5-flash", "image/png", false}, "3": {"gemini-3-pro-preview", "image/png", true}, "3, another type": {"gemini-3-pro-preview", "image/gif", false},
	} {
		both := results(asks)
		both[0].Content = append(both[0].Content, image(c.mime))
		chat := hi(c.model)
		chat.Turns = append([]wit.ChatTurn{says(wit.RoleUser, "draw"), asks}, both...)
		data := `{"inlineData":{"mimeType":"` + c.mime + `","data":"AAAA"}}`
		response := func(id, output string) string {
			return `{"functionResponse":{"name":"f","response":{"output":"result of ` + id + output
		}
		want := response("x", `\n[image]"}}},`) + response("y", `"}}},`) + data
		if c.inside {
			want = response("x", `\n[image]"},"parts":[`+data+`]}},`) + response("y", `"}}}`)
		}
		_, body := request(t, chat)
		if got := string(body.Get("contents").Raw()); !strings.HasSuffix(got, `{"role":"user","parts":[`+want+`]}]`) {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, want)
		}
		if answer := ask(t, geminitest.New(geminitest.Says("A boat.")), chat); answer.Error != nil {
			t.Errorf("%s: %v", name, answer.Error)
		}
	}
	stored := hi("gemini-3-pro-preview")
	both := results(asks)
	both[1].Content = []wit.Part{{Kind: wit.PartKindImage, Media: new("m1"), Mime: new("image/png")}, {Kind: wit.PartKindFile, Media: new("m2"), Mime: new("application/pdf")}}
	stored.Turns = append([]wit.ChatTurn{says(wit.RoleUser, "draw"), asks}, both...)
	if asked, _ := request(t, stored); strings.Join(asked.Embed, " ") != "m1" {
		t.Errorf("the gateway is to put in %s", asked.Embed)
	}
}
