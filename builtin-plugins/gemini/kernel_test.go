package gemini_test

import (
	"encoding/base64"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/gemini/geminitest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest/fieldtest"
)

// TestField: what the API was seen to send, through a whole gateway.
func TestField(t *testing.T) {
	t.Parallel()
	fieldtest.Run(t, fieldtest.Stage{Folder: "..", Provider: "gemini"}, "gemini", map[string]fieldtest.Kind{"conversation": fieldtest.Conversation})
}

// TestGateway talks with the API through a whole gateway: one after the other, in one conversation each.
func TestGateway(t *testing.T) {
	t.Parallel()
	s := geminitest.New()
	up := kerneltest.NewUpstream(s)
	server := httptest.NewServer(up)
	t.Cleanup(server.Close)
	k := kerneltest.Start(t, kerneltest.Bundled(t, ".."), kerneltest.Compiled(t), kerneltest.Config(t, fmt.Sprintf(
		`{"agent":{"model":"gemini/gemini-3-pro-preview"},"plugins":{"gemini":{"config":{"baseUrl":%q}}}}`, server.URL+"/v1beta")))
	l := k.Listen()
	key := func(value string) {
		l.MustCall("plugins.configure", map[string]any{"id": "gemini", "secrets": map[string]string{"api_key": value}}, nil)
	}
	t.Run("a bad key", func(t *testing.T) {
		key("AIza-wrong")
		l.Send("key", "hi")
		end := l.End("key")
		if end.State != "error" || !strings.Contains(end.ErrorMessage, "the key is not accepted; give the right one with `carapace setup gemini`") || strings.Contains(end.ErrorMessage, "AIza") {
			t.Errorf("%s: %s", end.State, end.ErrorMessage)
		}
	})
	key(geminitest.Key)
	t.Run("tools", func(t *testing.T) { tools(t, l, s) })
	t.Run("a picture and a document", func(t *testing.T) { picture(t, l, s) })
	t.Run("stopped in the middle", func(t *testing.T) { stoppedInTheMiddle(t, l, s, up) })
	t.Run("an error", func(t *testing.T) {
		s.Script(geminitest.Fails(403, "PERMISSION_DENIED", "You do not have permission to access tuned model x."))
		l.Send("refused", "hi")
		if end := l.End("refused"); end.State != "error" || !strings.Contains(end.ErrorMessage, "permission to access tuned model") {
			t.Errorf("%s: %s", end.State, end.ErrorMessage)
		}
	})
	t.Run("models", func(t *testing.T) {
		var list struct {
			Models []struct{ ID, Provider string }
		}
		l.MustCall("models.list", nil, &list)
		var ids []string
		for _, m := range list.Models {
			if m.Provider == "gemini" {
				ids = append(ids, m.ID)
			}
		}
		if len(ids) != 9 || !strings.Contains(strings.Join(ids, " "), "gemma-3-27b-it") {
			t.Errorf("models %q", ids)
		}
	})
}

// tools: three calls at once, one of them with long arguments, are made and answered; the model goes on with all that it
// said, signatures included, which the server checks.
func tools(t *testing.T, l *kerneltest.Listener, s *geminitest.Server) {
	expression := "1" + strings.Repeat("+1", 20_000)
	s.Script(
		geminitest.Streams("STOP", parts{geminitest.Thought("I need sums.")}, parts{geminitest.Text("Let me see. ")},
			parts{geminitest.Signed(geminitest.Call("c1", "calc", `{"expression":"6*7"}`), "c2lnbmVk"), geminitest.Call("c2", "calc", `{"expression":"1+1"}`)},
			parts{geminitest.Call("c3", "calc", `{"expression":"`+expression+`"}`)}),
		geminitest.Streams("STOP", parts{geminitest.Text("42 ")}, parts{geminitest.Text("and 2.")}, parts{geminitest.Signed(geminitest.Text(""), "ZW5k")}),
		geminitest.Says("You are welcome."))
	before := len(s.Requests())
	if got := l.Ask("tools", "what is 6*7, and 1+1?"); !strings.Contains(got, "42 and 2.") {
		t.Errorf("the answer is %q", got)
	}
	if got := l.Ask("thanks", "thanks"); got != "You are welcome." {
		t.Errorf("the answer is %q", got)
	}
	got := s.Requests()[before:]
	if len(got) != 3 {
		t.Fatalf("%d requests", len(got))
	}
	contents := got[1].Parsed.Contents
	results, calls := contents[len(contents)-1], contents[len(contents)-2].Parts
	if calls[len(calls)-3].ThoughtSignature != "c2lnbmVk" || calls[len(calls)-2].ThoughtSignature != "" {
		t.Errorf("the calls came back as %+v", calls)
	}
	if len(results.Parts) != 3 {
		t.Fatalf("%d results", len(results.Parts))
	}
	for i, want := range []string{`{"output":"42"}`, `{"output":"2"}`} {
		if r := results.Parts[i].FunctionResponse; string(r.Response) != want || r.ID != fmt.Sprint("c", i+1) {
			t.Errorf("result %d is %s of %s", i, r.Response, r.ID)
		}
	}
	for i := 1; i < len(got); i++ {
		if !strings.HasPrefix(string(got[i].Body), strings.TrimSuffix(string(got[i-1].Body), "]}")) {
			t.Errorf("request %d does not begin with the one before", i+1)
		}
	}
}

// picture: a picture and a document of a person reach the model as they are.
func picture(t *testing.T, l *kerneltest.Listener, s *geminitest.Server) {
	s.Script(geminitest.Says("A dot ", "and a page."))
	const dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
	const page = "JVBERi0xLjQKJeLjz9MKdHJhaWxlcjw8Pj4KJSVFT0YK"
	l.MustCall("chat.send", map[string]any{"sessionKey": "main", "message": "what is this?", "idempotencyKey": "dot", "attachments": []any{
		map[string]any{"type": "image", "mimeType": "image/png", "fileName": "dot.png", "content": dot},
		map[string]any{"type": "file", "mimeType": "application/pdf", "fileName": "page.pdf", "content": page},
	}}, nil)
	if end := l.End("dot"); end.State != "final" || kerneltest.Text(end.Message) != "A dot and a page." {
		t.Fatalf("%s: %s", end.State, end.ErrorMessage)
	}
	all := s.Requests()
	contents := all[len(all)-1].Parsed.Contents
	shown := map[string]string{}
	for _, p := range contents[len(contents)-1].Parts {
		if p.InlineData != nil {
			shown[p.InlineData.MimeType] = base64.StdEncoding.EncodeToString(p.InlineData.Data)
		}
	}
	if shown["image/png"] != dot || shown["application/pdf"] != page {
		t.Errorf("the model was shown %.300v", shown)
	}
}

// stoppedInTheMiddle: the connection is given up when the owner stops the run, and what was said so far is shown.
func stoppedInTheMiddle(t *testing.T, l *kerneltest.Listener, s *geminitest.Server, up *kerneltest.Upstream) {
	held := geminitest.Streams("", parts{geminitest.Text("I begin ")}, parts{geminitest.Text("and go on")})
	held.Hold = true
	s.Script(held)
	up.StoppedInTheMiddle(l, "go on")
	s.Script(geminitest.Says("Here I am."))
	if got := l.Ask("again", "are you there?"); got != "Here I am." {
		t.Errorf("the answer is %q", got)
	}
}
