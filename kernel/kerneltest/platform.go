package kerneltest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/gateway/gatewaytest"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/wit"
)

// Platform is a chat service for tests: people say things, a bot polls for them and posts answers.
// It lives through any number of kernels.
type Platform struct {
	// URL is its root, for the account's configuration.
	URL    string
	t      testing.TB
	server *httptest.Server

	mu      sync.Mutex
	changed chan struct{}
	updates []wit.Message
	posts   []Post
	// The next refusals posts are answered with the status refusal.
	refusals, refusal int
	hang              context.Context
}

// Post is what the bot has sent.
type Post struct {
	Key, To, Text, Authorization string
	// Refused is set for a post that was answered with an error.
	Refused bool `json:"-"`
	// Repeated is set for a post whose key was there before.
	Repeated bool `json:"-"`
}

// NewPlatform starts a platform that ends with the test.
func NewPlatform(t testing.TB) *Platform {
	p := newPlatform(t)
	p.server.Start()
	p.URL = p.server.URL
	return p
}

// NewMemoryPlatform starts a platform without a port, for kernels in a bubble of testing/synctest, and returns how a
// kernel reaches it.
func NewMemoryPlatform(t testing.TB) (*Platform, Option) {
	p, memory := newPlatform(t), gatewaytest.NewListener()
	_ = p.server.Listener.Close()
	p.server.Listener = memory
	p.server.Start()
	p.URL = "http://127.0.0.1:1"
	return p, func(o *kernel.Options) { o.Egress.Dial = memory.Dial }
}

func newPlatform(t testing.TB) *Platform {
	p := &Platform{t: t, changed: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /updates", p.poll)
	mux.HandleFunc("POST /post", p.post)
	mux.HandleFunc("GET /voice", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "OggS\x00") })
	p.server = httptest.NewUnstartedServer(mux)
	t.Cleanup(p.Close)
	return p
}

// Close ends the platform before the test does.
func (p *Platform) Close() {
	p.server.CloseClientConnections()
	p.server.Close()
}

// Say makes a person say something to the bot and returns the message's id.
func (p *Platform) Say(person, text string) string {
	return p.Message(wit.Message{Conversation: wit.Conversation{Kind: wit.ConversationKindDirect, ID: person}, Sender: wit.Person{ID: person}, Text: text})
}

// Speak makes a person send the bot a voice message, which it has to fetch, and returns the message's id.
func (p *Platform) Speak(person string) string {
	return p.Message(wit.Message{Conversation: wit.Conversation{Kind: wit.ConversationKindDirect, ID: person}, Sender: wit.Person{ID: person},
		Attachments: []wit.Attachment{{Kind: wit.AttachmentKindVoice, Mime: new("audio/ogg"), Fetch: &wit.HTTPRequest{URL: p.URL + "/voice"}}}})
}

// Message puts any message onto the platform; its id, when it has none, and its kind are filled in.
func (p *Platform) Message(m wit.Message) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if m.ID == "" {
		m.ID = "m" + strconv.Itoa(len(p.updates)+1)
	}
	m.Kind = wit.MessageKindText
	p.updates = append(p.updates, m)
	p.touch()
	return m.ID
}

// Refuse answers the next n posts with a status.
func (p *Platform) Refuse(n, status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refusals, p.refusal = n, status
}

// Hang takes posts, but answers none of them before ctx ends.
func (p *Platform) Hang(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hang = ctx
}

func (p *Platform) touch() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// Posts returns what the bot has posted, in order.
func (p *Platform) Posts() []Post {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.posts)
}

// Until waits until the posts make ok true; the test fails if that never happens.
func (p *Platform) Until(what string, ok func([]Post) bool) []Post {
	p.t.Helper()
	timeout := time.After(Patience)
	for {
		p.mu.Lock()
		posts, changed := slices.Clone(p.posts), p.changed
		p.mu.Unlock()
		if ok(posts) {
			return posts
		}
		select {
		case <-changed:
		case <-timeout:
			p.t.Fatalf("waited in vain until %s; the bot has posted %+v\n\n%s", what, posts, stacks())
		}
	}
}

// Answered waits for a post with this text.
func (p *Platform) Answered(text string) {
	p.t.Helper()
	p.Until("the bot posts "+text, func(posts []Post) bool {
		return slices.ContainsFunc(posts, func(q Post) bool { return q.Text == text && !q.Refused })
	})
}

// poll answers the updates behind an offset, or none after a while.
func (p *Platform) poll(w http.ResponseWriter, r *http.Request) {
	offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
	timeout := time.After(10 * time.Second)
	for {
		p.mu.Lock()
		body, changed := []byte("[]"), p.changed
		if offset < len(p.updates) {
			body = []byte("[")
			for i := range p.updates[offset:] {
				if i > 0 {
					body = append(body, ',')
				}
				body = append(body, wit.Marshal(&p.updates[offset+i])...)
			}
			body = append(body, ']')
		}
		p.mu.Unlock()
		if len(body) > 2 {
			_, _ = w.Write(body)
			return
		}
		select {
		case <-changed:
		case <-timeout:
			_, _ = w.Write(body)
			return
		case <-r.Context().Done():
			return
		}
	}
}

func (p *Platform) post(w http.ResponseWriter, r *http.Request) {
	var post Post
	b, err := io.ReadAll(r.Body)
	if err != nil || json.Unmarshal(b, &post) != nil {
		http.Error(w, "no JSON", http.StatusBadRequest)
		return
	}
	post.Authorization = r.Header.Get("Authorization")
	status, n, hang := p.take(post)
	if hang != nil {
		select {
		case <-hang.Done():
		case <-r.Context().Done():
		}
	}
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"id":"p%d"}`, n)
}

// take records a post and says how it is answered.
func (p *Platform) take(post Post) (status, n int, hang context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.touch()
	post.Repeated = slices.ContainsFunc(p.posts, func(q Post) bool { return q.Key == post.Key && !q.Refused })
	status = http.StatusOK
	if p.refusals > 0 {
		p.refusals--
		status, post.Refused = p.refusal, true
	}
	p.posts = append(p.posts, post)
	return status, len(p.posts), p.hang
}

// Channel is a plugin for Platform, by long poll: its state is the offset, its account's configuration
// {"root": the platform's URL}, its credential is called token.
func Channel(id string, change ...func(*wit.Manifest)) plugintest.Fake {
	m := manifest(id, wit.Provides{Channel: &wit.ChannelFacts{Label: id, MaxLength: 4000, LengthUnit: wit.LengthUnitCharacters, Deduplicates: true}})
	m.Config = wit.JSON(`{"type":"object","additionalProperties":false,"properties":{"root":{"type":"string"},"token":{"type":"string","x-secret":true}}}`)
	m.Permissions.HTTP = &wit.HTTPPermission{Reason: "to talk", Hosts: []string{"config:root"}}
	m.Permissions.Credential = &wit.CredentialPermission{Reason: "to talk", Names: []string{"token"}}
	for _, c := range change {
		c(&m)
	}
	return plugintest.Fake{Manifest: m, Exports: Exports{"channel_event": Export(channelEvent), "channel_send": Export(channelSend)}}
}

func root(config wit.JSON) (string, error) {
	var c struct{ Root string }
	if err := json.Unmarshal(config, &c); err != nil || c.Root == "" {
		return "", wit.NewError(wit.CodeInvalid, "set root")
	}
	return c.Root, nil
}

func channelEvent(_ context.Context, e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
	at, err := root(e.Config)
	if err != nil {
		return nil, err
	}
	var offset int
	_ = json.Unmarshal(e.State, &offset)
	a := &wit.ChannelAnswer{}
	switch e.Kind {
	case wit.EventKindStart:
		a.Status = &wit.AccountStatus{State: wit.ConnectionStateConnected, Self: &wit.Person{ID: "bot", Bot: true}}
	case wit.EventKindResponse:
		if e.Response.Status != 200 || e.Response.Text == nil {
			a.Timers = []wit.Timer{{ID: "again", After: 100}}
			return a, nil
		}
		var list []json.RawMessage
		if err := json.Unmarshal([]byte(*e.Response.Text), &list); err != nil {
			return nil, wit.Errorf(wit.CodeInvalid, "updates: %w", err)
		}
		for _, b := range list {
			var m wit.Message
			if err := wit.Unmarshal(b, &m); err != nil {
				return nil, err
			}
			a.Messages = append(a.Messages, m)
		}
		offset += len(list)
		a.State = wit.JSON(strconv.Itoa(offset))
	case wit.EventKindWebhook:
		var m wit.Message
		if err := wit.Unmarshal([]byte(*e.Webhook.Text), &m); err != nil {
			a.Reply = &wit.WebhookReply{Status: 400, Text: new("no message")}
			return a, nil
		}
		a.Messages = []wit.Message{m}
		return a, nil
	case wit.EventKindTimer:
	default:
		return a, nil
	}
	a.Requests = []wit.HTTPRequest{{ID: "poll", Method: "GET", URL: fmt.Sprintf("%s/updates?offset=%d", at, offset)}}
	return a, nil
}

func channelSend(ctx context.Context, s *wit.ChannelSend) (*wit.Sent, error) {
	at, err := root(s.Config)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(Post{Key: s.IdempotencyKey, To: s.To.ID, Text: s.Text})
	if err != nil {
		return nil, err
	}
	out, err := CallHost(ctx, &wit.HTTPRequest{Method: "POST", URL: at + "/post", Text: new(string(body)),
		Headers: []wit.Header{{Name: "Authorization", Value: "Bearer {{credential:token}}"}}})
	switch {
	case err != nil:
		return nil, err
	case out.Status == 429:
		return nil, &wit.Error{Code: wit.CodeRateLimited, Message: "slow down", Retryable: true, RetryAfter: new(int64(50))}
	case out.Status != 200:
		return nil, wit.Errorf(wit.CodeInvalid, "the platform answered %d", out.Status)
	}
	var sent struct{ ID string }
	if err := json.Unmarshal([]byte(*out.Text), &sent); err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "the platform answered nonsense: %w", err)
	}
	return &wit.Sent{IDs: []string{sent.ID}}, nil
}

// CallHost makes a request as the fake whose export runs in ctx.
func CallHost(ctx context.Context, r *wit.HTTPRequest) (*wit.HTTPResponse, error) {
	b, err := plugintest.CallHost(ctx, "http_request", wit.Marshal(r))
	if err != nil {
		return nil, err
	}
	res := &wit.HTTPResponse{}
	return res, wit.Unmarshal(b, res)
}
