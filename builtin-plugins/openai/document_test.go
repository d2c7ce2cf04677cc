package openai_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/openai/openaitest"
	"github.com/carapace-gateway/carapace/kernel/setting"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// page is a PDF, in base64.
const page = "JVBERi0xLjQKJeLjz9MKdHJhaWxlcjw8Pj4KJSVFT0YK"

// named is what a document is called.
var named = regexp.MustCompile(`document-[A-Za-z0-9]{9}\.pdf`)

// TestDocuments: a person's PDF is shown in the words of each API, and nothing else that is called a file.
func TestDocuments(t *testing.T) {
	file := func(media, mime string) wit.Part { return wit.Part{Kind: wit.PartKindFile, Media: &media, Mime: &mime} }
	chat := &wit.Chat{Turns: []wit.ChatTurn{
		{Role: wit.RoleUser, Content: []wit.Part{text("what is this?"), file("media-12", "application/pdf"), file("media-2", "application/zip"), file("https://a.example/b.pdf", "application/pdf")}},
		{Role: wit.RoleAssistant, Content: []wit.Part{file("media-3", "application/pdf")}},
		{Role: wit.RoleUser, Content: []wit.Part{file("data:application/pdf;base64,"+page, "application/pdf; v=1")}},
	}}
	for config, want := range map[string]string{
		`{}`: `[{"role":"user","content":[{"type":"text","text":"what is this?"},` +
			`{"type":"file","file":{"filename":"document-NAME.pdf","file_data":"data:application/pdf;base64,{{media:media-12}}"}},{"type":"text","text":"[file]"},{"type":"text","text":"[file]"}]},` +
			`{"role":"assistant","content":"[file]"},` +
			`{"role":"user","content":[{"type":"file","file":{"filename":"document-NAME.pdf","file_data":"data:application/pdf;base64,` + page + `"}}]}]`,
		`{"api":"responses"}`: `[{"type":"message","role":"user","content":[{"type":"input_text","text":"what is this?"},` +
			`{"type":"input_file","filename":"document-NAME.pdf","file_data":"data:application/pdf;base64,{{media:media-12}}"},{"type":"input_text","text":"[file]"},{"type":"input_text","text":"[file]"}]},` +
			`{"type":"message","role":"assistant","content":[{"type":"output_text","text":"[file]"}]},` +
			`{"type":"message","role":"user","content":[{"type":"input_file","filename":"document-NAME.pdf","file_data":"data:application/pdf;base64,` + page + `"}]}]`,
	} {
		chat.Config = wit.JSON(config)
		request := plan(t, &sdktest.Host{Credentials: key}, chat)
		if got := strings.Join(request.Embed, " "); got != "media-12" {
			t.Errorf("%s: the gateway is to put in %s", config, got)
		}
		said := body(t, request).Get("messages")
		if config != `{}` {
			said = body(t, request).Get("input")
		}
		if got := named.ReplaceAllString(string(said.Raw()), "document-NAME.pdf"); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", config, got, want)
		}
	}
}

// TestADocumentIsTaken by the server of the Responses API, and one that is none is not.
func TestADocumentIsTaken(t *testing.T) {
	for data, taken := range map[string]bool{page: true, "bm90aGluZw==": false} {
		chat := askedItems("gpt-5.1")
		media, mime := "data:application/pdf;base64,"+data, "application/pdf"
		chat.Turns[0].Content = append(chat.Turns[0].Content, wit.Part{Kind: wit.PartKindFile, Media: &media, Mime: &mime})
		if answer := askItems(t, openaitest.New(openaitest.Says("A page.")), chat); (answer.Error == nil) != taken {
			t.Errorf("%s: %s", data, wit.Marshal(answer))
		}
	}
}

// TestWhoIsShownDocuments: the servers that read them. To another one they are named.
func TestWhoIsShownDocuments(t *testing.T) {
	shows := func(facts *wit.ProviderFacts, config wit.JSON, what wit.Exhibit) bool {
		if slices.Contains(facts.Shows, what) && setting.Hold(facts.ShowsWhere, config) {
			return true
		}
		return slices.ContainsFunc(facts.ShowsAlso, func(e wit.Exhibition) bool { return slices.Contains(e.Shows, what) && setting.Hold(e.Where, config) })
	}
	data, err := os.ReadFile("plugin.json")
	if err != nil {
		t.Fatal(err)
	}
	var m wit.Manifest
	if err := wit.UnmarshalStrict(data, &m); err != nil {
		t.Fatal(err)
	}
	for config, want := range map[string]bool{
		``: true, `{"baseUrl":"https://api.openai.com/v1"}`: true, `{"preset":"openrouter"}`: true,
		`{"preset":"groq"}`: false, `{"baseUrl":"http://localhost:8080/v1"}`: false, `{"preset":"llamacpp","baseUrl":"http://localhost:8080/v1"}`: false,
		`{"preset":"azure","baseUrl":"https://a.example/v1","api":"responses"}`: true, `{"preset":"azure","baseUrl":"https://a.example/v1"}`: false,
		`{"baseUrl":"http://localhost:8080/v1","api":"responses"}`: false,
	} {
		if got := shows(m.Provides.Provider, wit.JSON(config), wit.ExhibitDocuments); got != want {
			t.Errorf("%s: %v", config, got)
		}
		if !shows(m.Provides.Provider, wit.JSON(config), wit.ExhibitResults) {
			t.Errorf("%s: no pictures of tools", config)
		}
	}
}
