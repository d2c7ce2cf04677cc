package telegram_test

import (
	"bytes"
	"context"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/builtin-plugins/telegram"
	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/botapi"
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// gateway is as much of a kernel as it takes to run one account: it commits messages and state
// together, then acts, with real HTTP, and can crash between any two steps. Time goes a hundred times
// as fast as the plugin thinks.
type gateway struct {
	t      *testing.T
	plugin channel.Channel
	config wit.JSON
	secret map[string]string
	media  map[string][]byte
	kv     sdktest.Host

	mu       sync.Mutex
	changed  chan struct{}
	state    wit.JSON
	durable  wit.JSON      // what a crash leaves: a state without messages is written lazily
	inbox    []wit.Message // each id once
	seen     map[string]bool
	repeats  int
	statuses []wit.AccountStatus
	receipts []wit.Receipt
	reply    *wit.WebhookReply
	life     context.Context
	kill     context.CancelFunc
	timers   map[string]*time.Timer
	under    sync.WaitGroup
}

func newGateway(t *testing.T, s *botapi.Server, config string) *gateway {
	t.Helper()
	root, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{
		t: t, plugin: telegram.New(), changed: make(chan struct{}), seen: map[string]bool{},
		config: wit.JSON(strings.ReplaceAll(config, "ROOT", root)),
		secret: map[string]string{"botToken": s.Token(), "webhookSecret": "hook-secret"}, media: map[string][]byte{},
	}
	t.Cleanup(func() {
		g.crash()
		_ = s.Close()
		g.under.Wait()
	})
	return g
}

func (g *gateway) host() *sdk.Host {
	kv := g.kv.SDK()
	_ = kv
	return sdk.NewHost(func(name string, param []byte) ([]byte, error) {
		switch name {
		case "http_request":
			var request wit.HTTPRequest
			if err := wit.Unmarshal(param, &request); err != nil {
				return nil, err
			}
			response := g.do(context.Background(), &request)
			if response.Error != nil {
				return nil, response.Error
			}
			return wit.Marshal(response), nil
		case "kv_get":
			var key wit.KVKey
			_ = wit.Unmarshal(param, &key)
			value, ok, err := kv.KVGet(key.Key)
			if err != nil || !ok {
				return []byte("{}"), err
			}
			return wit.Marshal(&wit.KVValue{Value: &value}), nil
		case "kv_put":
			var entry wit.KVEntry
			_ = wit.Unmarshal(param, &entry)
			return []byte("{}"), kv.KVPut(entry.Key, entry.Value, 0)
		case "log_write":
			return []byte("{}"), nil
		}
		return nil, wit.NewError(wit.CodeForbidden, name+" is not permitted")
	})
}

// start begins a life of the gateway with the state that was committed last.
func (g *gateway) start() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.life, g.kill = context.WithCancel(context.Background())
	g.timers, g.state = map[string]*time.Timer{}, g.durable
	g.event(g.life, &wit.ChannelEvent{Kind: wit.EventKindStart})
}

// crash ends everything that is under way; only what was committed stays.
func (g *gateway) crash() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.kill != nil {
		g.kill()
	}
	for _, timer := range g.timers {
		timer.Stop()
	}
}

// deliver hands in an event that came from outside.
func (g *gateway) deliver(life context.Context, event *wit.ChannelEvent) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if life.Err() == nil {
		g.event(life, event)
	}
}

func (g *gateway) event(life context.Context, event *wit.ChannelEvent) {
	event.Account, event.Config, event.State, event.Now = "default", g.config, g.state, time.Now().UnixMilli()
	output, err := channel.Call(g.host(), g.plugin, "channel_event", wit.Marshal(event))
	if err != nil {
		g.t.Errorf("event %s: %v", wit.Marshal(event), err)
		return
	}
	var answer wit.ChannelAnswer
	if err := wit.UnmarshalStrict(output, &answer); err != nil {
		g.t.Errorf("answer %s: %v", output, err)
		return
	}
	if len(answer.Requests) > 16 || len(answer.State) > 64<<10 {
		g.t.Errorf("the answer is over the bounds: %d requests, %d bytes of state", len(answer.Requests), len(answer.State))
	}
	for _, m := range answer.Messages {
		if g.seen[m.ID] {
			g.repeats++
			continue
		}
		g.seen[m.ID] = true
		g.inbox = append(g.inbox, m)
	}
	if answer.State != nil {
		g.state = answer.State
	}
	if len(answer.Messages) > 0 {
		g.durable = g.state
	}
	g.receipts = append(g.receipts, answer.Receipts...)
	if answer.Status != nil {
		g.statuses = append(g.statuses, *answer.Status)
	}
	g.reply = answer.Reply
	close(g.changed)
	g.changed = make(chan struct{})
	for i := range answer.Requests {
		g.under.Go(func() {
			response := g.do(life, &answer.Requests[i])
			g.deliver(life, &wit.ChannelEvent{Kind: wit.EventKindResponse, Response: response})
		})
	}
	for _, timer := range answer.Timers {
		g.set(life, timer)
	}
}

func (g *gateway) set(life context.Context, timer wit.Timer) {
	if old := g.timers[timer.ID]; old != nil {
		old.Stop()
	}
	if timer.After == 0 {
		return
	}
	g.timers[timer.ID] = time.AfterFunc(time.Duration(timer.After)*time.Millisecond/100, func() {
		g.deliver(life, &wit.ChannelEvent{Kind: wit.EventKindTimer, Timer: &timer.ID})
	})
}

// until waits for something to become true of the gateway.
func (g *gateway) until(what string, ok func() bool) {
	g.t.Helper()
	deadline := time.After(3 * time.Minute) // it only bounds a failing test
	for {
		g.mu.Lock()
		changed, done := g.changed, ok()
		g.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			g.mu.Lock()
			defer g.mu.Unlock()
			g.t.Fatalf("waited in vain until %s; inbox %d, state %s, statuses %d", what, len(g.inbox), g.state, len(g.statuses))
		}
	}
}

func (g *gateway) messages(n int) []wit.Message {
	g.t.Helper()
	g.until("messages came", func() bool { return len(g.inbox) >= n })
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.inbox) > n {
		g.t.Fatalf("%d messages came, want %d", len(g.inbox), n)
	}
	return append([]wit.Message(nil), g.inbox...)
}

func (g *gateway) lastStatus() wit.AccountStatus {
	if len(g.statuses) == 0 {
		return wit.AccountStatus{}
	}
	return g.statuses[len(g.statuses)-1]
}

// fill puts the secrets in, as the kernel does: in paths, and in the bodies of requests that ask for it.
func (g *gateway) fill(s string) string {
	for name, value := range g.secret {
		s = strings.ReplaceAll(s, "{{credential:"+name+"}}", value)
	}
	return s
}

func (g *gateway) do(ctx context.Context, request *wit.HTTPRequest) *wit.HTTPResponse {
	out := &wit.HTTPResponse{ID: request.ID}
	fail := func(err error) *wit.HTTPResponse {
		out.Error = wit.NewError(wit.CodeUnavailable, err.Error())
		return out
	}
	if g.secret["botToken"] == "" {
		out.Error = wit.NewError(wit.CodeUnauthorized, "credential botToken is not set")
		return out
	}
	body, contentType := g.body(request)
	made, err := http.NewRequestWithContext(ctx, request.Method, g.fill(request.URL), body)
	if err != nil {
		return fail(err)
	}
	for _, h := range request.Headers {
		made.Header.Set(h.Name, h.Value)
	}
	if contentType != "" {
		made.Header.Set("Content-Type", contentType)
	}
	response, err := http.DefaultClient.Do(made)
	if err != nil {
		return fail(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return fail(err)
	}
	out.Status, out.Text = uint16(response.StatusCode), new(string(data))
	return out
}

func (g *gateway) body(request *wit.HTTPRequest) (io.Reader, string) {
	own := func(s string) string { return s }
	if request.Fill {
		own = g.fill
	}
	if request.Text != nil {
		return strings.NewReader(own(*request.Text)), ""
	}
	if request.JSON != nil {
		return strings.NewReader(own(string(request.JSON))), "application/json"
	}
	if request.Parts == nil {
		return nil, ""
	}
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, part := range request.Parts {
		switch {
		case part.Media != nil:
			out, _ := w.CreateFormFile(part.Name, *part.FileName)
			_, _ = out.Write(g.media[*part.Media])
		case part.Text != nil:
			_ = w.WriteField(part.Name, own(*part.Text))
		default:
			_ = w.WriteField(part.Name, string(part.Bytes))
		}
	}
	_ = w.Close()
	return &b, w.FormDataContentType()
}
