package visitor_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/visitor"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// rig is the service with one channel, chat, whose account is home. What a visitor says is pushed back under its key.
type rig struct {
	t       testing.TB
	store   store.Store
	visits  *visitor.Visits
	handler http.Handler
	ending  chan struct{}

	mu     sync.Mutex
	config string
	build  string
	asked  int // for files of the page
	calls  []*wit.WebhookRequest
}

func newRig(t testing.TB) *rig {
	r := &rig{t: t, store: store.OpenMemory(), config: `{"rate":600}`, build: "1", ending: make(chan struct{})}
	t.Cleanup(func() { _ = r.store.Close() })
	r.visits = visitor.NewVisits(r.store, hclog.NewNullLogger())
	s := visitor.New(visitor.Deps{
		Visits: r.visits, Plugins: r, Accounts: r, Files: r, Key: []byte("key"), Log: hclog.NewNullLogger(),
		Address: func(q *http.Request) string { return q.Header.Get("From") }, Ending: func() <-chan struct{} { return r.ending },
	}).Service()
	r.handler = http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("X-Frame-Options", "DENY") // as the gateway does
		if !s.Routes[0].Takes(q) {
			http.NotFound(w, q)
			return
		}
		s.Routes[0].Handler.ServeHTTP(w, q)
	})
	return r
}

func (r *rig) Channels() []string                       { return []string{"other", "chat"} }
func (r *rig) Channel(id string) (visitor.Plugin, bool) { return channel{r, id}, true }

type channel struct {
	*rig
	id string
}

func (c channel) Facts() *wit.ChannelFacts {
	if c.id != "chat" {
		return &wit.ChannelFacts{}
	}
	return &wit.ChannelFacts{Visitors: &wit.VisitorFacts{
		Path: "chat", Files: []wit.PagePart{{Mime: "text/html"}, {Name: "embed.js", Mime: "text/javascript", Embeds: true}},
		Origins: new("origins"), Most: new("most"), Rate: new("rate"), MaxBody: 1000, MaxFile: 2000,
	}}
}

func (c channel) Build() string { c.mu.Lock(); defer c.mu.Unlock(); return c.build }

func (c channel) Page(_ context.Context, q *wit.PageQuery) (*wit.PageFile, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	return &wit.PageFile{Text: "file " + q.Name + " of " + c.build}, nil
}

func (r *rig) Config(channel, account string) (wit.JSON, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return wit.JSON(r.config), channel == "chat" && account != "none"
}

func (r *rig) Visit(ctx context.Context, channel, account string, call *wit.WebhookRequest) (*wit.WebhookReply, error) {
	r.mu.Lock()
	r.calls = append(r.calls, call)
	r.mu.Unlock()
	var in struct{ Key, Text string }
	if json.Unmarshal([]byte(*call.Text), &in) != nil || in.Key == "fail" {
		return nil, wit.NewError(wit.CodeInvalid, "the plugin's words, for the owner")
	}
	r.push(account, []wit.Push{{Visitor: call.Visitor.ID, Key: &in.Key, Data: fmt.Sprintf("{%q:%q}", "text", in.Text)}})
	return &wit.WebhookReply{Status: 201, Text: new(`{"ok":true}`), Headers: []wit.Header{{Name: "Set-Cookie", Value: "a=b"}}}, nil
}

// push is what an answer pushes.
func (r *rig) push(account string, list []wit.Push) {
	r.t.Helper()
	a := message.Account{Channel: "chat", ID: account}
	if err := r.store.Update(context.Background(), func(tx store.Tx) error { return r.visits.Push(tx, a, list) }); err != nil {
		r.t.Error(err)
	}
	r.visits.Pushed(a, list)
}

func (r *rig) Keep(_ context.Context, mime, name string, body io.Reader, most int64) (wit.Attachment, error) {
	data, err := io.ReadAll(io.LimitReader(body, most+1))
	if err != nil || int64(len(data)) > most {
		return wit.Attachment{}, wit.NewError(wit.CodeTooLarge, "too large")
	}
	return wit.Attachment{Media: new("id of " + name), Mime: &mime, Name: &name}, nil
}

func (r *rig) Serve(w http.ResponseWriter, _ *http.Request, id string) error {
	_, err := io.WriteString(w, "file "+id)
	return err
}

// reply is an answer that was read.
type reply struct {
	status int
	body   string
	header http.Header
}

func (a reply) field(t testing.TB, name string) string {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal([]byte(a.body), &fields); err != nil {
		t.Fatalf("%d %q: %v", a.status, a.body, err)
	}
	return fmt.Sprint(fields[name])
}

// do makes a request. headers are names and values.
func (r *rig) do(method, path, body string, headers ...string) reply {
	r.t.Helper()
	q := httptest.NewRequest(method, path, strings.NewReader(body))
	q.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		q.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, q)
	return reply{w.Code, w.Body.String(), w.Header()}
}

const page = "/chat/home/"

// enter begins a visit of an account's page.
func (r *rig) enter(page string, headers ...string) (token, pass, id string) {
	r.t.Helper()
	got := r.do("POST", page+"-/visit", "{}", headers...)
	if got.status != 200 {
		r.t.Fatalf("visit: %d %s", got.status, got.body)
	}
	return "Bearer " + got.field(r.t, "token"), got.field(r.t, "pass"), got.field(r.t, "visitor")
}

func TestThePageIsThePluginsAndRunsNothingElse(t *testing.T) {
	r := newRig(t)
	r.config = `{"origins":["https://shop.example","https://b.example/","javascript:x","https://*.evil.example","https://a.example;script-src *",5]}`
	r.config = strings.Replace(r.config, ",5", "", 1)
	got := r.do("GET", page, "")
	policy := got.header.Get("Content-Security-Policy")
	if got.status != 200 || got.body != "file  of 1" || got.header.Get("Content-Type") != "text/html; charset=utf-8" || got.header.Get("X-Frame-Options") != "" {
		t.Errorf("%+v", got)
	}
	for _, want := range []string{"default-src 'none'", "script-src 'self';", "require-trusted-types-for 'script'", "base-uri 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("%q is not in %s", want, policy)
		}
	}
	if !strings.HasSuffix(policy, "frame-ancestors 'self' https://shop.example https://b.example") {
		t.Error(policy)
	}
	for range 3 {
		r.do("GET", page+"embed.js", "")
	}
	if r.asked != 2 {
		t.Errorf("the plugin was asked %d times for two files", r.asked)
	}
	r.build = "2"
	if again := r.do("GET", page, ""); again.body != "file  of 2" || again.header.Get("ETag") == got.header.Get("ETag") {
		t.Errorf("after an upgrade: %+v", again)
	}
	if same := r.do("GET", page, "", "If-None-Match", r.do("GET", page, "").header.Get("ETag")); same.status != 304 || same.body != "" {
		t.Errorf("what is known: %+v", same)
	}
	for path, want := range map[string]int{"/chat/home": 302, "/chat/none/": 404, "/chat/home/plugin.wasm": 404, "/chat/home/../home/": 404, "/other/home/": 404, "/chat/home/-/events": 403, "/chat/home/-/none": 405} {
		if got := r.do("GET", path, ""); got.status != want {
			t.Errorf("%s: %d, want %d", path, got.status, want)
		}
	}
	if got := r.do("POST", page, ""); got.status != 405 {
		t.Errorf("POST of the page: %d", got.status)
	}
}

func TestTokensAreOfOneVisitOfOneAccountAndShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		token, pass, id := r.enter(page)
		ack := func(token string) int { return r.do("POST", page+"-/ack", "{}", "Authorization", token).status }
		if got := ack(token); got != 200 {
			t.Fatalf("a good token: %d", got)
		}
		parts := strings.Split(strings.TrimPrefix(token, "Bearer "), ".")
		otherVisit, _, otherID := r.enter(page)
		otherPage, otherPass, _ := r.enter("/chat/work/")
		for name, bad := range map[string]string{
			"none": "", "no bearer": strings.TrimPrefix(token, "Bearer ") + "x", "a pass": "Bearer " + pass, "of another account": otherPage,
			"another visitor's name": "Bearer " + otherID + "." + parts[1] + "." + parts[2], "a longer time": "Bearer " + parts[0] + ".zzzzzz." + parts[2],
			"no signature": "Bearer " + parts[0] + "." + parts[1] + ".", "much": "Bearer " + strings.Repeat("x", 30_000), "signs": "Bearer a\x00b.c.d",
		} {
			if got := ack(bad); got != 403 {
				t.Errorf("%s: %d", name, got)
			}
		}
		if id == otherID || ack(otherVisit) != 200 {
			t.Errorf("two visits: %q %q", id, otherID)
		}
		for name, bad := range map[string]string{"a token": parts[0] + "." + parts[1] + "." + parts[2], "another account's": otherPass, "nonsense": "x"} {
			if got := r.do("POST", page+"-/visit", fmt.Sprintf(`{"pass":%q}`, bad)); got.status != 403 {
				t.Errorf("a pass that is %s: %d", name, got.status)
			}
		}
		time.Sleep(10*time.Minute + time.Second)
		if got := ack(token); got != 403 {
			t.Errorf("a token of ten minutes ago: %d", got)
		}
		again := r.do("POST", page+"-/visit", fmt.Sprintf(`{"pass":%q}`, pass))
		if again.status != 200 || again.field(t, "visitor") != id || ack("Bearer "+again.field(t, "token")) != 200 {
			t.Errorf("the visit goes on: %+v", again)
		}
		time.Sleep(31 * 24 * time.Hour)
		if got := r.do("POST", page+"-/visit", fmt.Sprintf(`{"pass":%q}`, pass)); got.status != 403 {
			t.Errorf("a pass of a month ago: %d", got.status)
		}
	})
}

func TestAPageOfAnotherSiteIsKeptOutUnlessItIsListed(t *testing.T) {
	r := newRig(t)
	r.config = `{"origins":["https://shop.example"]}`
	for origin, want := range map[string]int{
		"": 200, "http://example.com": 200, "https://shop.example": 200, "https://SHOP.example": 200,
		"https://evil.example": 403, "null": 403, "https://shop.example.evil.example": 403, "http://shop.example": 403, "https://shop.example:444": 403, "x": 403,
	} {
		got := r.do("POST", page+"-/visit", "{}", "Origin", origin)
		allowed := got.header.Get("Access-Control-Allow-Origin")
		if got.status != want || strings.Contains(strings.ToLower(origin), "shop.example") && want == 200 != (allowed == origin) || got.header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%q: %d, %q", origin, got.status, allowed)
		}
	}
	if got := r.do("OPTIONS", page+"-/call/x", "", "Origin", "https://shop.example", "Access-Control-Request-Method", "POST"); got.status != 204 || !strings.Contains(got.header.Get("Access-Control-Allow-Headers"), "Authorization") {
		t.Errorf("preflight: %+v", got)
	}
	if got := r.do("OPTIONS", page+"-/call/x", "", "Origin", "https://evil.example"); got.status != 403 {
		t.Errorf("preflight of another: %+v", got)
	}
}

func TestCallsAreBounded(t *testing.T) {
	r := newRig(t)
	token, _, id := r.enter(page)
	call := func(body string, headers ...string) reply {
		return r.do("POST", page+"-/call/say", body, append([]string{"Authorization", token}, headers...)...)
	}
	got := call(`{"key":"k","text":"t"}`)
	if got.status != 201 || got.body != `{"ok":true}` || got.header.Get("Set-Cookie") != "" || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("%+v", got)
	}
	if c := r.calls[0]; c.Path != "/say" || c.Method != "POST" || c.Visitor.ID != id || len(c.Headers) != 0 {
		t.Errorf("the plugin got %+v", c)
	}
	if got := call(`{"key":"fail"}`); got.status != 503 || strings.Contains(got.body, "owner") || got.header.Get("Retry-After") == "" {
		t.Errorf("what the plugin fails at: %+v", got)
	}
	for name, c := range map[string]struct {
		body, kind string
		want       int
	}{
		"huge": {strings.Repeat("x", 1001), "application/json", 413}, "not UTF-8": {"\xff\xfe", "application/json", 400},
		"a form": {"a=b", "application/x-www-form-urlencoded", 400}, "text": {"{}", "text/plain", 400}, "no boundary": {"", "multipart/form-data", 400},
	} {
		if got := call(c.body, "Content-Type", c.kind); got.status != c.want {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	form := func(fields ...string) reply {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		for i := 0; i < len(fields); i += 2 {
			if fields[i] == "call" {
				_ = w.WriteField("call", fields[i+1])
				continue
			}
			part, _ := w.CreateFormFile("file", fields[i])
			_, _ = io.WriteString(part, fields[i+1])
		}
		_ = w.Close()
		return call(b.String(), "Content-Type", w.FormDataContentType())
	}
	if got := form("call", `{"key":"f"}`, "a.txt", "one", "b.txt", "two"); got.status != 201 {
		t.Errorf("files: %+v", got)
	}
	if files := r.calls[len(r.calls)-1].Visitor.Files; len(files) != 2 || *files[1].Media != "id of b.txt" {
		t.Errorf("the plugin got %+v", files)
	}
	many := []string{"call", `{"key":"f"}`}
	for i := range 9 {
		many = append(many, fmt.Sprint(i), "x")
	}
	for name, got := range map[string]reply{"too large": form("call", `{}`, "a", strings.Repeat("x", 2001)), "too many": form(many...), "a huge call": form("call", strings.Repeat("x", 1001))} {
		if got.status != 413 {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	if got := form("a", "x", "call", "{}"); got.status != 400 {
		t.Errorf("files first: %d", got.status)
	}
}

func TestAFloodIsPutOff(t *testing.T) {
	r := newRig(t)
	r.config = `{"rate":10}`
	token, _, _ := r.enter(page)
	put := func(token, from string) reply {
		return r.do("POST", page+"-/call/say", `{"key":"k"}`, "Authorization", token, "From", from)
	}
	count := 0
	for range 50 {
		if got := put(token, "a"); got.status == 429 && got.header.Get("Retry-After") != "" {
			count++
		}
	}
	if count != 45 {
		t.Errorf("of 50 calls %d were put off, and 5 may come at once", count)
	}
	if other, _, _ := r.enter(page); put(other, "b").status != 201 {
		t.Error("another visitor pays for it")
	}
	refused := 0
	for range 100 {
		if r.do("POST", page+"-/visit", "{}", "From", "a").status == 429 {
			refused++
		}
	}
	if refused == 0 || r.do("POST", page+"-/visit", "{}", "From", "b").status != 200 {
		t.Errorf("tokens: %d refused", refused)
	}
}

// stuck is a body that does not come.
type stuck struct {
	once  sync.Once
	begun chan<- struct{}
	end   <-chan struct{}
}

func (s *stuck) Read([]byte) (int, error) {
	s.once.Do(func() { s.begun <- struct{}{} })
	<-s.end
	return 0, io.ErrUnexpectedEOF
}

func TestWhoSendsSlowlyKeepsNobodyOut(t *testing.T) {
	r := newRig(t)
	token, _, _ := r.enter(page)
	begun, end := make(chan struct{}, 64), make(chan struct{})
	var slow sync.WaitGroup
	post := func(from string, body io.Reader) int {
		q := httptest.NewRequest("POST", page+"-/call/say", body)
		q.Header.Set("Content-Type", "application/json")
		q.Header.Set("Authorization", token)
		q.Header.Set("From", from)
		w := httptest.NewRecorder()
		r.handler.ServeHTTP(w, q)
		return w.Code
	}
	for range 16 {
		slow.Go(func() {
			if got := post("slow", &stuck{begun: begun, end: end}); got != 400 {
				t.Errorf("what never came is answered %d", got)
			}
		})
	}
	for range 16 {
		<-begun
	}
	if got := post("slow", strings.NewReader("{}")); got != 429 {
		t.Errorf("one more of the slow one: %d", got)
	}
	if got := post("other", strings.NewReader(`{"key":"k"}`)); got != 201 {
		t.Errorf("somebody else: %d", got)
	}
	close(end)
	slow.Wait()
}

// listen opens a stream over a real connection and returns its lines; they end with the stream.
func (r *rig) listen(ctx context.Context, url, token string, after int64) (lines <-chan string, status int) {
	r.t.Helper()
	q, err := http.NewRequestWithContext(ctx, "GET", fmt.Sprintf("%s/chat/home/-/events?after=%d", url, after), nil)
	if err != nil {
		r.t.Fatal(err)
	}
	q.Header.Set("Authorization", token)
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		r.t.Fatal(err)
	}
	out := make(chan string, 1000)
	if res.StatusCode != 200 {
		_ = res.Body.Close()
		close(out)
		return out, res.StatusCode
	}
	go func() {
		defer res.Body.Close()
		defer close(out)
		for s := bufio.NewScanner(res.Body); s.Scan(); {
			if s.Text() != "" {
				out <- s.Text()
			}
		}
	}()
	return out, 200
}

func next(t *testing.T, lines <-chan string, want ...string) {
	t.Helper()
	for _, w := range want {
		if got, ok := <-lines; !ok || !strings.Contains(got, w) {
			t.Fatalf("%q (%v), want %q", got, ok, w)
		}
	}
}

func TestWhatIsPushedIsKeptAndComesInOrder(t *testing.T) {
	r := newRig(t)
	server := httptest.NewServer(r.handler)
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	token, _, id := r.enter(page)
	push := func(key, data string) {
		r.push("home", []wit.Push{{Visitor: id, Key: &key, Data: data, Files: []string{"file-" + key}}})
	}
	push("a", `{"n":1}`)
	push("b", "{\n\"n\": 2}")
	push("a", `{"n":3}`) // in its place
	push("b", `{"n":2}`) // what is there already
	ctx, stop := context.WithCancel(t.Context())
	lines, _ := r.listen(ctx, server.URL, token, 0)
	next(t, lines, "event: kept", `"seq":2,"order":2`, "event: kept", `"seq":3,"order":1`, "event: ready", `{"seq":3}`)
	push("c", `{"n":4}`)
	next(t, lines, "event: kept", `"key":"c","data":{"n":4}`)
	r.push("home", []wit.Push{{Visitor: id, Data: `{"typing":true}`}})
	next(t, lines, "event: live", `{"data":{"typing":true}}`)
	stop()
	lines, _ = r.listen(t.Context(), server.URL, token, 3)
	next(t, lines, "event: kept", `"key":"c"`, "event: ready")
	lines, _ = r.listen(t.Context(), server.URL, token, 99)
	next(t, lines, "event: reset", "{}", "event: kept", `"key":"b"`)
	auth := []string{"Authorization", token}
	if got := r.do("GET", page+"-/file/file-c", "", auth...); got.status != 200 || got.body != "file file-c" {
		t.Errorf("a file: %+v", got)
	}
	other, _, _ := r.enter(page)
	if got := r.do("GET", page+"-/file/file-c", "", "Authorization", other); got.status != 404 {
		t.Errorf("another visitor's file: %+v", got)
	}
	open, _ := r.listen(t.Context(), server.URL, token, 4)
	next(t, open, "event: ready", "{")
	if got := r.do("POST", page+"-/end", "{}", auth...); got.status != 200 {
		t.Errorf("end: %+v", got)
	}
	if got, more := <-open; more {
		t.Errorf("the stream of a visit that was ended says %q", got)
	}
	if got := r.do("POST", page+"-/ack", "{}", auth...); got.status != 403 {
		t.Errorf("the token of a visit that was ended: %d", got.status)
	}
	a := message.Account{Channel: "chat", ID: "home"}
	if err := r.visits.Send(t.Context(), a, []wit.Push{{Visitor: id, Key: new("x"), Data: "{}"}}); wit.CodeOf(err) != wit.CodeNotFound {
		t.Errorf("a send to it: %v", err)
	}
}

func TestStreamsAreBoundedAndEndWithTheGateway(t *testing.T) {
	r := newRig(t)
	r.config = `{"most":3}`
	server := httptest.NewServer(r.handler)
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	var open []<-chan string
	for i := range 4 {
		token, _, _ := r.enter(page)
		lines, status := r.listen(t.Context(), server.URL, token, 0)
		if (status == 200) != (i < 3) {
			t.Errorf("the stream %d: %d", i, status)
		}
		if status == 200 {
			next(t, lines, "event: ready", "{")
			open = append(open, lines)
		}
	}
	close(r.ending)
	for _, lines := range open {
		if got, more := <-lines; more {
			t.Errorf("it goes on: %q", got)
		}
	}
}

func TestAVisitorWhoDoesNotComeIsKeptWhatFits(t *testing.T) {
	r := newRig(t)
	token, _, id := r.enter(page)
	a := message.Account{Channel: "chat", ID: "home"}
	send := func(n int) error {
		return r.visits.Send(t.Context(), a, []wit.Push{{Visitor: id, Key: new(fmt.Sprint("k", n)), Data: `{"n":1}`}})
	}
	if err := send(0); wit.CodeOf(err) != wit.CodeNotFound {
		t.Errorf("to whom nothing was said yet: %v", err)
	}
	r.push("home", []wit.Push{{Visitor: id, Key: new("own"), Data: "{}"}})
	sent := 0
	for sent < 2000 && send(sent) == nil {
		sent++
	}
	if err := send(sent); sent != 999 || wit.CodeOf(err) != wit.CodeTooLarge {
		t.Errorf("%d were kept: %v", sent, err)
	}
	r.push("home", []wit.Push{{Visitor: id, Key: new("said"), Data: "{}"}}) // what the visitor says makes room
	if got := r.do("POST", page+"-/ack", `{"seq":1000000}`, "Authorization", token); got.status != 200 {
		t.Errorf("%+v", got)
	}
	if err := send(sent); err != nil {
		t.Errorf("who comes back: %v", err)
	}
	server := httptest.NewServer(r.handler)
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	lines, _ := r.listen(t.Context(), server.URL, token, 0)
	kept := 0
	for line := range lines {
		if line == "event: ready" {
			break
		}
		kept += strings.Count(line, "event: kept")
	}
	if kept != 200 {
		t.Errorf("%d are shown again", kept)
	}
}

func TestWhatIsNotJSONOrNobodysIsRefused(t *testing.T) {
	r := newRig(t)
	_, _, id := r.enter(page)
	a := message.Account{Channel: "chat", ID: "home"}
	for name, c := range map[string]struct {
		push wit.Push
		want wit.Code
	}{
		"not JSON":     {wit.Push{Visitor: id, Data: "{}\n\nevent: kept\ndata: {}"}, wit.CodeInvalid},
		"nobody":       {wit.Push{Visitor: "../x", Key: new("k"), Data: "{}"}, wit.CodeNotFound},
		"not there":    {wit.Push{Visitor: strings.Repeat("a", 26), Key: new("k"), Data: "{}"}, wit.CodeNotFound},
		"what is lost": {wit.Push{Visitor: id, Data: "{}"}, ""},
	} {
		if err := r.visits.Send(t.Context(), a, []wit.Push{c.push}); wit.CodeOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOldVisitsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		run := visitor.New(visitor.Deps{Visits: r.visits, Log: hclog.NewNullLogger()}).Service().Run
		ctx, stop := context.WithCancel(t.Context())
		var done sync.WaitGroup
		done.Go(func() { _ = run(ctx) })
		token, _, old := r.enter(page)
		r.push("home", []wit.Push{{Visitor: old, Key: new("k"), Data: "{}"}})
		time.Sleep(20 * 24 * time.Hour)
		_, _, young := r.enter(page)
		r.push("home", []wit.Push{{Visitor: young, Key: new("k"), Data: "{}"}})
		_ = token
		time.Sleep(11 * 24 * time.Hour)
		a := message.Account{Channel: "chat", ID: "home"}
		for id, want := range map[string]wit.Code{old: wit.CodeNotFound, young: ""} {
			if err := r.visits.Send(t.Context(), a, []wit.Push{{Visitor: id, Key: new("x"), Data: "{}"}}); wit.CodeOf(err) != want {
				t.Errorf("%v, want %q", err, want)
			}
		}
		stop()
		done.Wait()
	})
}
