package webchat_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/builtin-plugins/channeltest/storm"
	"github.com/carapace-gateway/carapace/builtin-plugins/webchat/webchattest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest/fieldtest"
	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

// gateway is a whole gateway with the page, whose model answers what it is asked with markup.
type gateway struct {
	*storm.Gateway
	t     *testing.T
	crowd *webchattest.Crowd
	model *fieldtest.Completions
}

const markdown = "**seen** <script>alert(1)</script> [x](javascript:alert(2)) [y](https://example.org/)\n\n| a | b |\n|---|---|\n| 1 | `2` |"

func inGateway(t *testing.T) *gateway {
	t.Helper()
	crowd, err := webchattest.NewCrowd(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = crowd.Close() })
	model := fieldtest.NewCompletions(&fieldtest.Case{Reply: markdown})
	server := httptest.NewServer(model)
	t.Cleanup(server.Close)
	fields := fmt.Sprintf(`,"agent":{"model":"openai/m"},"plugins":{"openai":{"config":{"baseUrl":%q}}}`, server.URL+"/v1")
	return &gateway{storm.Start(t, crowd, "..", t.TempDir(), fields), t, crowd, model}
}

// visitor has the page of an account open until the test ends.
func (g *gateway) visitor(account string) *webchattest.Visitor {
	g.t.Helper()
	v := webchattest.New(g.crowd.Page(account), &http.Client{Transport: &http.Transport{}})
	if err := v.Enter(g.t.Context()); err != nil {
		g.t.Fatal(err)
	}
	go v.Stay(g.t.Context())
	g.until(v, v.Ready)
	return v
}

func (g *gateway) until(v *webchattest.Visitor, ok func() bool) {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(g.t.Context(), kerneltest.Patience)
	defer cancel()
	if err := v.Until(ctx, ok); err != nil {
		g.t.Fatalf("waited in vain: %+v", v.Shown())
	}
}

// say says something and returns the answer.
func (g *gateway) say(v *webchattest.Visitor, id, text string) webchattest.Message {
	g.t.Helper()
	before := len(v.Heard())
	if err := v.Say(g.t.Context(), id, text); err != nil {
		g.t.Fatal(err)
	}
	g.until(v, func() bool { return len(v.Heard()) > before })
	return v.Heard()[before]
}

func (g *gateway) send(params map[string]any) (delivery.SendResult, error) {
	var out delivery.SendResult
	params["channel"], params["idempotencyKey"] = "webchat", fmt.Sprint("send ", time.Now().UnixNano())
	err := g.Call(g.t.Context(), "send", params, &out)
	return out, err
}

func (g *gateway) act(action string, params map[string]any) {
	g.t.Helper()
	g.MustCall("message.action", map[string]any{"channel": "webchat", "action": action, "params": params, "idempotencyKey": fmt.Sprint(action, time.Now().UnixNano())}, nil)
}

func status(err error) int {
	refused := (*webchattest.Refusal)(nil)
	if errors.As(err, &refused) {
		return refused.Status
	}
	return 0
}

// TestInAGateway: a whole gateway, real connections, and a client that does what the page does.
func TestInAGateway(t *testing.T) {
	channeltest.Proves(t, channeltest.TextIn, channeltest.TextOut, channeltest.Markup, channeltest.Direct, channeltest.Accounts)
	channeltest.Proves(t, channeltest.LongText, channeltest.EditsOut, channeltest.DeletionsOut, channeltest.TypingIn, channeltest.TypingOut, channeltest.MediaIn, channeltest.MediaOut)
	g := inGateway(t)
	ada := g.visitor("default")
	for _, test := range []struct {
		name string
		run  func(*testing.T, *gateway, *webchattest.Visitor)
	}{
		{"the page", thePage}, {"text", textBothWays}, {"files come", filesCome}, {"files go", filesGo}, {"changes", changes},
		{"a long text", aLongText}, {"typing", typing}, {"what README.md shows", asTheReadmeSays}, {"what is refused", refusals}, {"other visitors and accounts", whoElse}, {"the visit is forgotten", forgotten},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, g, ada) })
	}
}

func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

func thePage(t *testing.T, g *gateway, _ *webchattest.Visitor) {
	total := 0
	for name, kind := range map[string]string{"": "text/html", "page.css": "text/css", "page.js": "text/javascript", "embed.js": "text/javascript"} {
		res, body := get(t, g.crowd.Page("default")+name)
		if res.StatusCode != 200 || res.Header.Get("Content-Type") != kind+"; charset=utf-8" || res.Header.Get("X-Content-Type-Options") != "nosniff" || body == "" {
			t.Errorf("%q: %d %v", name, res.StatusCode, res.Header)
		}
		total += len(body)
		for _, foreign := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "http://", "srcdoc"} {
			if strings.Contains(strings.ReplaceAll(body, "http://www.w3.org/1999/xhtml", ""), foreign) {
				t.Errorf("%q has %s", name, foreign)
			}
		}
	}
	if total > 40_000 {
		t.Errorf("the page has %d bytes", total)
	}
	for path, want := range map[string]int{"nobody/": 404, "default/plugin.json": 404} {
		if res, _ := get(t, strings.TrimSuffix(g.crowd.Page("default"), "default/")+path); res.StatusCode != want {
			t.Errorf("%s: %d", path, res.StatusCode)
		}
	}
}

func textBothWays(t *testing.T, g *gateway, ada *webchattest.Visitor) {
	got := g.say(ada, "m1", "<b>hello</b> 😀")
	want := `<p><strong>seen</strong> &lt;script&gt;alert(1)&lt;/script&gt; <a href="">x</a> <a href="https://example.org/">y</a></p>`
	if !strings.HasPrefix(got.HTML, want) || !strings.Contains(got.HTML, "<td><code>2</code></td>") || strings.Contains(got.Text, "**") {
		t.Errorf("the answer is %q, plain %q", got.HTML, got.Text)
	}
	if own := ada.Shown()[0]; own.Text != "<b>hello</b> 😀" || own.HTML != "" || own.From != "visitor" {
		t.Errorf("what Ada said is shown as %+v", own)
	}
	if asked := string(g.model.Requests()[0].Body); !strings.Contains(asked, "hello") {
		t.Errorf("the model was asked %.300s", asked)
	}
	// What has been said is said: the call again is the same message.
	if err := ada.Say(t.Context(), "m1", "<b>hello</b> 😀"); err != nil {
		t.Error(err)
	}
	g.say(ada, "m2", "again")
	texts := []string{}
	for _, m := range ada.Shown() {
		texts = append(texts, m.From)
	}
	if strings.Join(texts, " ") != "visitor assistant visitor assistant" {
		t.Errorf("shown are %v", texts)
	}
	again := webchattest.New(g.crowd.Page("default"), nil)
	again.Use("", ada.Pass())
	if err := again.Enter(t.Context()); err != nil {
		t.Fatal(err)
	}
	go again.Stay(t.Context())
	g.until(again, again.Ready)
	same := func(a, b webchattest.Message) bool {
		return a.Key == b.Key && a.Text == b.Text && a.HTML == b.HTML && a.From == b.From
	}
	if !slices.EqualFunc(again.Shown(), ada.Shown(), same) || again.ID() != ada.ID() {
		t.Errorf("a page that is loaded again shows %+v", again.Shown())
	}
}

var picture = append([]byte("\x89PNG\r\n\x1a\n"), bytes.Repeat([]byte("pixels\x00"), 20_000)...)

func (g *gateway) load(v *webchattest.Visitor, id string) (data []byte, header http.Header, err error) {
	res, err := v.Do(g.t.Context(), http.MethodGet, "file/"+id, nil)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	data, err = io.ReadAll(res.Body)
	return data, res.Header, err
}

func filesCome(t *testing.T, g *gateway, ada *webchattest.Visitor) {
	before := len(ada.Heard())
	err := ada.SayWith(t.Context(), "m3", "what is this?", webchattest.Upload{Name: "p.png", Mime: "text/html", Data: picture})
	if err != nil {
		t.Fatal(err)
	}
	g.until(ada, func() bool { return len(ada.Heard()) > before })
	requests := g.model.Requests()
	if asked := string(requests[len(requests)-1].Body); !strings.Contains(asked, base64.StdEncoding.EncodeToString(picture)) || !strings.Contains(asked, "what is this?") {
		t.Errorf("the model was asked %.300s", asked)
	}
	shown := ada.Shown()
	i := slices.IndexFunc(shown, func(m webchattest.Message) bool { return m.Key == "v:m3" })
	if i < 0 || len(shown[i].Files) != 1 || shown[i].Files[0].Mime != "image/png" || shown[i].Files[0].Size != int64(len(picture)) {
		t.Fatalf("%+v", shown)
	}
	data, header, err := g.load(ada, shown[i].Files[0].ID)
	if err != nil || !bytes.Equal(data, picture) || header.Get("Content-Type") != "image/png" {
		t.Errorf("%d bytes, %v %v", len(data), header, err)
	}
	stranger := g.visitor("default")
	if _, _, err := g.load(stranger, shown[i].Files[0].ID); status(err) != 404 {
		t.Errorf("another visitor gets %v", err)
	}
}

func filesGo(t *testing.T, g *gateway, ada *webchattest.Visitor) {
	before := len(ada.Heard())
	page := []byte("<!doctype html><script>alert(3)</script>")
	out, err := g.send(map[string]any{"to": ada.ID(), "message": "look", "buffer": base64.StdEncoding.EncodeToString(page), "filename": "x.html", "contentType": "text/html"})
	if err != nil || out.Status != delivery.StateSent {
		t.Fatalf("%+v %v", out, err)
	}
	g.until(ada, func() bool { return len(ada.Heard()) > before })
	m := ada.Heard()[before]
	if m.Text != "look" || len(m.Files) != 1 || m.Key != out.MessageID {
		t.Fatalf("%+v", m)
	}
	data, header, err := g.load(ada, m.Files[0].ID)
	if err != nil || !bytes.Equal(data, page) || header.Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(header.Get("Content-Disposition"), "attachment") {
		t.Errorf("a page is sent as %v %v", header, err)
	}
}

func changes(t *testing.T, g *gateway, ada *webchattest.Visitor) {
	out, err := g.send(map[string]any{"to": ada.ID(), "message": "first"})
	if err != nil {
		t.Fatal(err)
	}
	find := func() (m webchattest.Message) {
		for _, m := range ada.Shown() {
			if m.Key == out.MessageID {
				return m
			}
		}
		return m
	}
	g.act("edit", map[string]any{"to": ada.ID(), "messageId": out.MessageID, "message": "*second*"})
	g.until(ada, func() bool { return find().HTML == "<p><em>second</em></p>" })
	g.act("delete", map[string]any{"to": ada.ID(), "messageId": out.MessageID})
	g.until(ada, func() bool { return find().Gone })
	err = g.Call(t.Context(), "message.action", map[string]any{"channel": "webchat", "action": "edit", "idempotencyKey": "e",
		"params": map[string]any{"to": ada.ID(), "messageId": "v:m1", "message": "other words"}}, nil)
	if wit.CodeOf(err) != wit.CodeNotFound {
		t.Errorf("what Ada has said is not the assistant's to change: %v", err)
	}
}

func aLongText(t *testing.T, g *gateway, ada *webchattest.Visitor) {
	before := len(ada.Heard())
	out, err := g.send(map[string]any{"to": ada.ID(), "message": strings.Repeat("**bold** words, and more of them. ", 1000)})
	if err != nil || len(out.MessageIDs) < 3 {
		t.Fatalf("%+v %v", out, err)
	}
	g.until(ada, func() bool { return len(ada.Heard()) == before+len(out.MessageIDs) })
	all := ""
	for _, m := range ada.Heard()[before:] {
		all += m.HTML
	}
	if got := strings.Count(all, "<strong>bold</strong>"); got != 1000 {
		t.Errorf("%d of 1000 arrived", got)
	}
}

func typing(t *testing.T, g *gateway, ada *webchattest.Visitor) {
	if err := ada.Post(t.Context(), "call/typing", map[string]string{"name": "Ada"}, nil); err != nil {
		t.Fatal(err)
	}
	g.Event("message.receipt", func(b json.RawMessage) bool {
		return strings.Contains(string(b), `"typing"`) && strings.Contains(string(b), ada.ID()) && strings.Contains(string(b), `"Ada"`)
	})
	g.until(ada, func() bool { return ada.Typing() > 0 }) // while the answers before were written
}

func refusals(t *testing.T, _ *gateway, ada *webchattest.Visitor) {
	before := len(ada.Shown())
	for name, c := range map[string]struct {
		call string
		body any
		want int
	}{
		"nothing":         {"message", map[string]string{"id": "x"}, 400},
		"no id":           {"message", map[string]string{"text": "x"}, 400},
		"another's id":    {"message", map[string]string{"id": "../a:b", "text": "x"}, 400},
		"too long":        {"message", map[string]string{"id": "x", "text": strings.Repeat("ä", 16_001)}, 413},
		"no object":       {"message", []string{"x"}, 400},
		"no such call":    {"none", map[string]string{}, 404},
		"a huge body":     {"message", map[string]string{"id": "x", "text": strings.Repeat("x", 140_000)}, 413},
		"half an action":  {"message", map[string]string{"id": "x", "action": "y"}, 400},
		"an unknown call": {"message/../about", map[string]string{}, 404},
	} {
		if err := ada.Post(t.Context(), "call/"+c.call, c.body, nil); status(err) != c.want {
			t.Errorf("%s: %v, want %d", name, err, c.want)
		}
	}
	if got := len(ada.Shown()); got != before {
		t.Errorf("%d messages came of it", got-before)
	}
	// A choice that nobody has offered is nothing.
	if err := ada.Post(t.Context(), "call/message", map[string]string{"id": "choice", "action": "approve", "target": "a:x"}, nil); err != nil {
		t.Error(err)
	}
}

func whoElse(t *testing.T, g *gateway, ada *webchattest.Visitor) {
	g.MustCall("plugins.configure", map[string]any{"id": "webchat", "account": "work", "config": map[string]any{
		"title": "Work", "greeting": "Hello!", "allowedOrigins": []string{"https://shop.example"},
	}, "access": map[string]any{"dmPolicy": "pairing"}}, nil)
	g.Event("channels.changed", func(b json.RawMessage) bool {
		return strings.Contains(string(b), `"work"`) && strings.Contains(string(b), `"connected"`)
	})
	bob := g.visitor("work")
	var about struct{ Title, Greeting string }
	if err := bob.Post(t.Context(), "call/about", struct{}{}, &about); err != nil || about.Title != "Work" || about.Greeting != "Hello!" {
		t.Errorf("%+v %v", about, err)
	}
	if res, _ := get(t, g.crowd.Page("work")); !strings.HasSuffix(res.Header.Get("Content-Security-Policy"), "frame-ancestors 'self' https://shop.example") {
		t.Errorf("%v", res.Header)
	}
	if got := g.say(bob, "m1", "may I?"); !strings.Contains(got.Text, "pair") {
		t.Errorf("who is not paired is told %q", got.Text)
	}
	for _, m := range bob.Shown() {
		if slices.ContainsFunc(ada.Shown(), func(o webchattest.Message) bool { return o.Key == m.Key && o.Text == m.Text }) && m.From == "assistant" {
			t.Errorf("Ada is shown %+v", m)
		}
	}
	bob.Use(ada.Token(), ada.Pass())
	if err := bob.Ack(t.Context()); status(err) != 403 {
		t.Errorf("a token of another account: %v", err)
	}
	if err := bob.Enter(t.Context()); status(err) != 403 {
		t.Errorf("a pass of another account: %v", err)
	}
}

func forgotten(t *testing.T, g *gateway, ada *webchattest.Visitor) {
	if err := ada.Post(t.Context(), "end", struct{}{}, nil); err != nil {
		t.Fatal(err)
	}
	if err := ada.Say(t.Context(), "late", "x"); status(err) != 403 {
		t.Errorf("after the end: %v", err)
	}
	if _, err := g.send(map[string]any{"to": ada.ID(), "message": "are you there?"}); wit.CodeOf(err) != wit.CodeNotFound {
		t.Errorf("a send after the end: %v", err)
	}
}

// TestAnAnswerIsShownWhileItIsWritten: its beginning is there before its end, and one message comes of both.
func TestAnAnswerIsShownWhileItIsWritten(t *testing.T) {
	channeltest.Proves(t, channeltest.Streaming)
	crowd, err := webchattest.NewCrowd(2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = crowd.Close() })
	slow, finish := storm.StartSlow(t, crowd, "..")
	t.Cleanup(finish)
	g := &gateway{Gateway: slow, t: t, crowd: crowd}
	ada := g.visitor("default")
	if got := g.say(ada, "m1", "go on"); !strings.HasPrefix(got.HTML, "<p><strong>The beginning</strong> of") {
		t.Errorf("it begins with %+v", got)
	}
	finish()
	g.until(ada, func() bool { return strings.HasSuffix(ada.Heard()[0].HTML, "of it, and the end.</p>") })
	if n := len(ada.Heard()); n != 1 {
		t.Errorf("%d messages", n)
	}
}
