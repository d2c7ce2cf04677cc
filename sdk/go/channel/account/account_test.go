package account_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

type settings struct{ name string }

type state struct{ seen int64 }

func readSettings(data wit.JSON) (settings, error) {
	v, err := json.Parse(data)
	return settings{v.Get("name").Text()}, err
}

func readState(data wit.JSON) (state, error) {
	if len(data) == 0 {
		return state{}, nil
	}
	v, err := json.Parse(data)
	return state{v.Get("seen").Int()}, err
}

func (s *state) json() wit.JSON { return json.Object{}.Int("seen", s.seen).JSON() }

// turn is a plugin's own.
type turn struct {
	account.Turn[settings, state]
	said []string
}

func begin(event *wit.ChannelEvent) (*turn, error) {
	t, err := account.Begin(&sdk.Host{}, event, readSettings, readState, (*state).json)
	return &turn{Turn: t}, err
}

func TestAStateThatHasNotChangedIsNotWritten(t *testing.T) {
	for name, c := range map[string]struct {
		stored string
		add    int64
		want   string
	}{
		"of nothing comes nothing":   {"", 0, ""},
		"the first one is":           {"", 1, `{"seen":1}`},
		"the same is not":            {`{"seen":3}`, 0, ""},
		"nor what only looks new":    {`{ "seen": 3 }`, 0, ""},
		"what has changed is":        {`{"seen":3}`, 1, `{"seen":4}`},
		"what another version knows": {`{"seen":3,"more":true}`, 0, ""},
	} {
		a, err := begin(&wit.ChannelEvent{Kind: wit.EventKindStart, Config: wit.JSON(`{"name":"x"}`), State: wit.JSON(c.stored)})
		if err != nil {
			t.Fatal(err)
		}
		a.State.seen += c.add
		if got := string(a.Finish().State); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestWhatCannotBeReadIsAnError(t *testing.T) {
	for _, event := range []*wit.ChannelEvent{{Config: wit.JSON(`{`)}, {Config: wit.JSON(`{}`), State: wit.JSON(`[1`)}} {
		if _, err := begin(event); err == nil {
			t.Errorf("%s %s was read", event.Config, event.State)
		}
	}
}

func TestAnAnswerIsPutTogether(t *testing.T) {
	a, err := begin(&wit.ChannelEvent{Account: "work", Now: 5, Config: wit.JSON(`{}`), Connection: new("line")})
	if err != nil || a.Account != "work" || a.Now != 5 || a.Connection != "line" {
		t.Fatal(err, a.Account, a.Now, a.Connection)
	}
	a.Message(nil)
	a.Message(&wit.Message{ID: "1"})
	a.Message(&wit.Message{ID: "2", Conversation: wit.Conversation{ID: "room"}})
	a.Request(wit.HTTPRequest{ID: "me"}).Timeout = 7
	a.Timer("retry", 10)
	a.Status(wit.ConnectionStateFailed, "", nil)
	out := a.Finish()
	if len(out.Messages) != 1 || out.Messages[0].ID != "2" || len(out.Requests) != 1 || out.Requests[0].Timeout != 7 ||
		len(out.Timers) != 1 || out.Timers[0] != (wit.Timer{ID: "retry", After: 10}) || out.Status.Message != nil {
		t.Errorf("%+v", out)
	}
}

// TestEachKindHasItsHandler: what a kind has to bring is there, and what nobody handles is passed over.
func TestEachKindHasItsHandler(t *testing.T) {
	say := func(a *turn, what string) { a.said = append(a.said, what) }
	all := account.Handlers[*turn]{
		Start:    func(a *turn) { say(a, "start") },
		Response: func(a *turn, r *wit.HTTPResponse) { say(a, "response "+r.ID) },
		Opened:   func(a *turn, _ *wit.Opened) { say(a, "opened") },
		Message:  func(a *turn, f *wit.Frame) { say(a, "message "+*f.Text) },
		Closed:   func(a *turn, _ *wit.Closed) { say(a, "closed") },
		Webhook:  func(a *turn, r *wit.WebhookRequest) { say(a, "webhook") },
		Timer:    func(a *turn, id string) { say(a, "timer "+id) },
		Command:  func(a *turn, name string) { say(a, "command "+name) },
	}
	events := []*wit.ChannelEvent{
		{Kind: wit.EventKindStart}, {Kind: wit.EventKindResponse}, {Kind: wit.EventKindResponse, Response: &wit.HTTPResponse{ID: "1"}},
		{Kind: wit.EventKindOpened}, {Kind: wit.EventKindMessage}, {Kind: wit.EventKindMessage, Message: &wit.Frame{Text: new("hi")}},
		{Kind: wit.EventKindClosed}, {Kind: wit.EventKindWebhook}, {Kind: wit.EventKindWebhook, Webhook: &wit.WebhookRequest{}},
		{Kind: wit.EventKindTimer}, {Kind: wit.EventKindTimer, Timer: new("t")}, {Kind: wit.EventKindCommand},
		{Kind: wit.EventKindCommand, Command: &wit.Command{Name: "login"}}, {Kind: "later"},
	}
	a, none := &turn{}, account.Handlers[*turn]{}
	for _, event := range events {
		all.Handle(a, event)
		none.Handle(a, event)
	}
	want := "start, response 1, opened, message hi, closed, webhook, timer t, command login"
	if got := strings.Join(a.said, ", "); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestRequestIDs(t *testing.T) {
	type kind string
	for _, which := range []string{"", "a:b:c"} {
		id := account.RequestID(kind("user"), 4, which)
		k, w, current := account.ParseRequestID[kind](id, 4)
		if _, _, later := account.ParseRequestID[kind](id, 5); k != "user" || w != which || !current || later {
			t.Errorf("%s: %s %s %t %t", id, k, w, current, later)
		}
	}
	if _, _, current := account.ParseRequestID[kind]("", 0); current {
		t.Error("an empty id belongs to a start")
	}
}

func TestRetry(t *testing.T) {
	limited := wit.NewError(wit.CodeRateLimited, "")
	limited.RetryAfter = new(int64(9_000))
	for name, c := range map[string]struct {
		err        *wit.Error
		fromKernel bool
		failures   int64
		state      wit.ConnectionState
		least      int64
		most       int64
	}{
		"a token that is not set":     {wit.NewError(wit.CodeNotFound, ""), true, 0, wit.ConnectionStateNeedsLogin, 10_000, 10_000},
		"a refused token":             {wit.NewError(wit.CodeUnauthorized, ""), false, 9, wit.ConnectionStateNeedsLogin, 300_000, 300_000},
		"the platform's own time":     {limited, false, 50, wit.ConnectionStateDisconnected, 9_000, 9_000},
		"a server that is away":       {wit.NewError(wit.CodeUnavailable, ""), false, 0, wit.ConnectionStateDisconnected, 1_000, 1_250},
		"one that is away for long":   {wit.NewError(wit.CodeTimeout, ""), true, 1 << 40, wit.ConnectionStateDisconnected, 4_000, 5_000},
		"a limit without a time":      {wit.NewError(wit.CodeRateLimited, ""), false, 20, wit.ConnectionStateDisconnected, 60_000, 75_000},
		"what has gone wrong here":    {wit.NewError(wit.CodeInternal, ""), true, 1, wit.ConnectionStateDisconnected, 2_000, 2_500},
		"what somebody has to change": {wit.NewError(wit.CodeForbidden, ""), true, 1, wit.ConnectionStateFailed, 60_000, 60_000},
		"what is not there":           {wit.NewError(wit.CodeNotFound, ""), false, 1, wit.ConnectionStateFailed, 60_000, 60_000},
	} {
		for _, now := range []int64{-1, 0, 1_764_000_000_123} {
			state, after := account.Retry(c.err, c.fromKernel, c.failures, now)
			if state != c.state || after < c.least || after > c.most {
				t.Errorf("%s: %s after %d", name, state, after)
			}
		}
	}
}

func TestPause(t *testing.T) {
	for _, c := range []struct{ until, now, want int64 }{{0, 5, 0}, {7, 5, 2}, {1 << 50, 0, account.MaxPause}} {
		if got := account.Pause(c.until, c.now); got != c.want {
			t.Errorf("until %d at %d: %d", c.until, c.now, got)
		}
	}
	if got := account.Seconds(1_001); got != "2 seconds" {
		t.Error(got)
	}
}
