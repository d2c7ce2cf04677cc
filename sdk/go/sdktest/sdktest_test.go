//go:build !wasip1

package sdktest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/sdk/go/tool"
	"github.com/carapace-gateway/carapace/wit"
)

// counter is a tool that counts under the name in its arguments.
type counter struct{}

func (counter) Invoke(host *sdk.Host, call *wit.ToolInvocation) (*wit.ToolOutput, error) {
	seen, _, err := host.KVGet(call.Name)
	if err != nil {
		return nil, err
	}
	host.Info("counted " + call.Name)
	return tool.Text(seen + "|"), host.KVPut(call.Name, seen+"|", 0)
}

func TestReplay(t *testing.T) { sdktest.Replay(t, counter{}, "testdata/*.jsonl") }

func TestKV(t *testing.T) {
	h := &sdktest.Host{}
	host := h.SDK()
	for _, key := range []string{"b", "a", "ab", ""} {
		if err := host.KVPut(key, "v"+key, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	if value, ok, err := host.KVGet("a"); value != "va" || !ok || err != nil {
		t.Errorf("a is %q, %t, %v", value, ok, err)
	}
	keys, err := host.KVKeys("a", 0)
	if err != nil || strings.Join(keys, " ") != "a ab" {
		t.Errorf("keys are %q, %v", keys, err)
	}
	if err := host.KVDelete("a"); err != nil {
		t.Error(err)
	}
	if _, ok, _ := host.KVGet("a"); ok {
		t.Error("a is still there")
	}
}

func TestHTTPFillsInCredentials(t *testing.T) {
	h := &sdktest.Host{Credentials: map[string]string{"botToken": "s3cret"}}
	h.HTTP = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, r.Method+" "+r.URL.Path+"?"+r.URL.RawQuery+" "+r.Header.Get("Authorization")+" "+string(body))
	})
	request := &wit.HTTPRequest{
		ID: "7", URL: "https://example.org/bot{{credential:botToken}}/x?{{credential:botToken}}", Text: new("body {{credential:botToken}}"),
		Headers: []wit.Header{{Name: "Authorization", Value: "Bearer {{credential:botToken}}"}},
	}
	response, err := h.SDK().HTTP(request)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := *response.Text, "GET /bots3cret/x?{{credential:botToken}} Bearer s3cret body {{credential:botToken}}"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if response.Status != http.StatusTeapot || response.ID != "7" {
		t.Errorf("status %d, id %q", response.Status, response.ID)
	}
	request.Fill = true
	if response, err = h.SDK().HTTP(request); err != nil || *response.Text != "GET /bots3cret/x?s3cret Bearer s3cret body s3cret" {
		t.Errorf("with fill: %v, %v", response, err)
	}
	request.Text = new("{{credential:other}}")
	if _, err := h.SDK().HTTP(request); wit.CodeOf(err) != wit.CodeUnauthorized {
		t.Errorf("a credential that is not set: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	host := (&sdktest.Host{}).SDK()
	_, err := host.HTTP(&wit.HTTPRequest{URL: "https://example.org"})
	if !errors.Is(err, &wit.Error{Code: wit.CodeForbidden}) {
		t.Errorf("http: %v", err)
	}
	if _, err := host.AccountConfig("nobody"); wit.CodeOf(err) != wit.CodeNotFound {
		t.Errorf("account: %v", err)
	}
	if _, err := host.MediaStat("m"); wit.CodeOf(err) != wit.CodeNotFound {
		t.Errorf("media: %v", err)
	}
	if err := host.Emit("x", wit.JSON("{")); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("emit: %v", err)
	}
	if ok, err := host.HasCredential("x", "account"); ok || err != nil {
		t.Errorf("credential: %t, %v", ok, err)
	}
}

func TestCallRefusesWhatAPluginIsNot(t *testing.T) {
	for _, export := range []string{"channel_send", "hook_handle", "no_such"} {
		if _, err := sdktest.Call((&sdktest.Host{}).SDK(), counter{}, export, []byte("{}")); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("%s: %v, want invalid", export, err)
		}
	}
	if _, err := sdktest.Call((&sdktest.Host{}).SDK(), counter{}, "tool_invoke", []byte("[]")); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("bad input: %v, want invalid", err)
	}
}

func TestScheduleAndLog(t *testing.T) {
	h := &sdktest.Host{}
	due := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	next, err := h.SDK().Schedule(&wit.ScheduledJob{ID: "j", At: new(due.UnixMilli())})
	if err != nil || !next.Equal(due) || len(h.Jobs) != 1 {
		t.Errorf("next is %v, %v; jobs are %v", next, err, h.Jobs)
	}
	if err := h.SDK().Unschedule("j"); err != nil || len(h.Jobs) != 0 {
		t.Errorf("jobs are %v, %v", h.Jobs, err)
	}
	h.SDK().Warn("careful")
	if len(h.Log) != 1 || h.Log[0].Level != wit.LogLevelWarn || h.Log[0].Message != "careful" {
		t.Errorf("the log is %+v", h.Log)
	}
}

func TestProgress(t *testing.T) {
	h := &sdktest.Host{}
	for _, text := range []string{"a third", "two thirds"} {
		if err := h.SDK().Progress(text); err != nil {
			t.Error(err)
		}
	}
	if len(h.Progress) != 2 || h.Progress[1].Text != "two thirds" {
		t.Errorf("it said %+v", h.Progress)
	}
}

func TestSend(t *testing.T) {
	h := &sdktest.Host{}
	message := &wit.OutgoingMessage{To: new("ann"), Text: "hi", IdempotencyKey: "1"}
	for range 2 {
		if id, err := h.SDK().Send(message); err != nil || id == "" {
			t.Errorf("%q, %v", id, err)
		}
	}
	if len(h.Sent) != 1 || *h.Sent[0].To != "ann" {
		t.Errorf("sent %+v", h.Sent)
	}
	if _, err := h.SDK().Send(&wit.OutgoingMessage{Text: "hi", IdempotencyKey: "2"}); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("to nobody: %v", err)
	}
}

func TestRunAgent(t *testing.T) {
	h := &sdktest.Host{Answers: map[string]string{"1": "fine"}}
	for _, key := range []string{"1", "1", "2"} {
		run, err := h.SDK().RunAgent(&wit.AgentRequest{Message: "well?", IdempotencyKey: key})
		if err != nil {
			t.Fatal(err)
		}
		outcome, err := h.SDK().WaitForRun(run, time.Minute)
		if err != nil || (outcome.State == wit.RunStateDone) != (key == "1") || (outcome.Text == "fine") != (key == "1") {
			t.Errorf("%s: %+v, %v", key, outcome, err)
		}
	}
	if len(h.Runs) != 2 {
		t.Errorf("asked %+v", h.Runs)
	}
	if _, err := h.SDK().WaitForRun("other", 0); wit.CodeOf(err) != wit.CodeNotFound {
		t.Errorf("another's: %v", err)
	}
}

func TestSessions(t *testing.T) {
	h := &sdktest.Host{
		Sessions:  []wit.SessionSummary{{Session: "new", Agent: "main", Updated: 9}, {Session: "other", Agent: "work", Updated: 8}, {Session: "old", Agent: "main", Updated: 1}},
		Histories: map[string][]wit.HistoryMessage{"new": {{Number: 1}, {Number: 2}, {Number: 3}}},
	}
	host := h.SDK()
	for want, filter := range map[string]*wit.SessionFilter{
		"new other old": {}, "new +": {Limit: 1}, "other +": {Limit: 1, Offset: 1}, "new other": {Since: 5}, "new old": {Agent: new("main")},
	} {
		page, err := host.Sessions(filter)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range page.Sessions {
			got = append(got, s.Session)
		}
		if page.More {
			got = append(got, "+")
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%+v: %q, want %s", filter, got, want)
		}
	}
	page, err := host.History(&wit.HistoryQuery{Session: "new", Before: 3, Limit: 1})
	if err != nil || len(page.Messages) != 1 || page.Messages[0].Number != 2 || !page.More {
		t.Errorf("%+v, %v", page, err)
	}
	if _, err := host.History(&wit.HistoryQuery{Session: "none"}); wit.CodeOf(err) != wit.CodeNotFound {
		t.Errorf("a session that there is not: %v", err)
	}
}

func TestInvokeTool(t *testing.T) {
	h := &sdktest.Host{Tools: map[string]func(wit.JSON) (*wit.ToolAnswer, error){
		"echo": func(args wit.JSON) (*wit.ToolAnswer, error) {
			return &wit.ToolAnswer{Content: []wit.Part{{Text: new(string(args))}}}, nil
		},
	}}
	if answer, err := h.SDK().InvokeTool("echo", wit.JSON(`{"a":1}`)); err != nil || *answer.Content[0].Text != `{"a":1}` {
		t.Errorf("%+v, %v", answer, err)
	}
	for want, call := range map[wit.Code][2]string{wit.CodeNotFound: {"none", "{}"}, wit.CodeInvalid: {"echo", "[]"}} {
		if _, err := h.SDK().InvokeTool(call[0], wit.JSON(call[1])); wit.CodeOf(err) != want {
			t.Errorf("%q: %v", call, err)
		}
	}
}

// TestARequestThatHasNoAnswer is given up, or breaks off.
func TestARequestThatHasNoAnswer(t *testing.T) {
	h := &sdktest.Host{HTTP: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			<-r.Context().Done()
			return
		}
		panic(http.ErrAbortHandler)
	})}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, path := range []string{"/wait", "/break"} {
		if _, err := h.DoContext(ctx, &wit.HTTPRequest{URL: "http://x.test" + path}); wit.CodeOf(err) != wit.CodeUnavailable {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestFilesAreSent(t *testing.T) {
	h := &sdktest.Host{
		Media: map[string]wit.MediaInfo{"a": {Media: "a", Mime: "image/png"}}, Files: map[string][]byte{"a": []byte("PNG!")},
		HTTP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			data, _ := io.ReadAll(r.Body)
			_, _ = io.WriteString(w, r.Header.Get("Content-Type")+" "+string(data))
		}),
	}
	for id, want := range map[string]string{"a": "image/png PNG!", "b": " media:b"} {
		if got, err := h.Do(&wit.HTTPRequest{URL: "http://x.test", Media: &id}); err != nil || *got.Text != want {
			t.Errorf("%s: %v %v", id, got, err)
		}
	}
}

func TestACredentialThatIsSetLater(t *testing.T) {
	h := &sdktest.Host{}
	if _, err := h.Fill("{{credential:key}}"); wit.CodeOf(err) != wit.CodeUnauthorized {
		t.Error(err)
	}
	h.SetCredential("key", "k")
	if got, err := h.Fill("a {{credential:key}}"); got != "a k" || err != nil {
		t.Error(got, err)
	}
	h.SetCredential("key", "")
	if _, err := h.Fill("{{credential:key}}"); err == nil {
		t.Error("it is set still")
	}
}
