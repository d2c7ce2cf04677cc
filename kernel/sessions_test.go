package kernel_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// memory is a model that says how many turns it was given and keeps the last request.
type memory struct {
	mu   sync.Mutex
	last *wit.Chat
}

func (m *memory) answer(_ context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if strings.HasPrefix(kerneltest.Heard(c), "Conversation:") || strings.HasPrefix(kerneltest.Heard(c), "Summary of") {
		return kerneltest.Says("They talked about the harbour."), nil
	}
	m.last = c
	return kerneltest.Says(fmt.Sprint(len(c.Turns), " turns")), nil
}

// read is all that the model was given last.
func (m *memory) read() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var b strings.Builder
	for _, turn := range m.last.Turns {
		for _, p := range turn.Content {
			if p.Text != nil {
				b.WriteString(*p.Text + "\n")
			}
		}
	}
	return b.String()
}

// remembering is a kernel with such a model, and who asks it.
func remembering(t *testing.T, options ...kerneltest.Option) (*memory, *kerneltest.Listener) {
	t.Helper()
	m := new(memory)
	return m, kerneltest.Start(t, append(options, m.options(t)...)...).Listen()
}

// options are the model's: one that has to be asked over a network, as far as the gateway knows.
func (m *memory) options(t *testing.T) []kerneltest.Option {
	brain := kerneltest.Provider("brain", m.answer)
	brain.Manifest.Provides.Provider.Offline = false
	return []kerneltest.Option{kerneltest.Plugin(brain), kerneltest.Config(t, `{"agent":{"model":"brain/model"}}`)}
}

// TestCompaction: the model reads a summary in place of the beginning; people read all of it.
func TestCompaction(t *testing.T) {
	t.Parallel()
	m, l := remembering(t)
	for i := range 5 {
		l.Ask(fmt.Sprint("r", i), fmt.Sprint("line ", i))
	}
	var done chat.CompactResult
	l.MustCall("sessions.compact", object{"key": "main"}, &done)
	if !done.Compacted || done.MessagesCompacted != 6 || done.Kept != 4 || done.Result.Model != "brain/model" || done.Result.Summary != "They talked about the harbour." {
		t.Fatalf("%+v %+v", done, done.Result)
	}
	if got := l.Ask("after", "line 5"); got != "5 turns" {
		t.Errorf("the model was given %s", got)
	}
	if read := m.read(); !strings.Contains(read, "the harbour") || strings.Contains(read, "line 2") || !strings.Contains(read, "line 3") {
		t.Errorf("the model reads:\n%s", read)
	}
	var history chat.History
	if l.MustCall("chat.history", object{"sessionKey": "main"}, &history); len(history.Messages) != 12 {
		t.Errorf("people read %d messages", len(history.Messages))
	}
	var again chat.CompactResult
	l.MustCall("sessions.compact", object{"key": "main", "maxLines": 2}, &again)
	if !again.Compacted || again.Kept != 2 || again.Result.Model != "" || !strings.Contains(again.Result.Summary, "the harbour") || !strings.Contains(again.Result.Summary, "line 4") {
		t.Errorf("%+v %+v", again, again.Result)
	}
	if l.MustCall("sessions.compact", object{"key": "main", "maxLines": 2}, &again); again.Compacted || again.Reason == "" {
		t.Errorf("nothing was left to shorten: %+v", again)
	}
	if l.MustCall("sessions.compact", object{"key": "nowhere"}, &again); again.Reason != "not_found" {
		t.Errorf("%+v", again)
	}
	l.MustCall("sessions.reset", object{"key": "main"}, nil)
	if got := l.Ask("new", "hello"); got != "1 turns" {
		t.Errorf("after a reset the model was given %s", got)
	}
}

// TestCompactionByACommand says what it has done.
func TestCompactionByACommand(t *testing.T) {
	t.Parallel()
	_, l := remembering(t)
	if got := l.Ask("c0", "/compact"); !strings.Contains(got, "Nothing") && !strings.Contains(got, "nothing") {
		t.Errorf("%q", got)
	}
	for i := range 4 {
		l.Ask(fmt.Sprint("r", i), "hello")
	}
	if got := l.Ask("c1", "/compact the harbour"); !strings.Contains(got, "Shortened") {
		t.Errorf("%q", got)
	}
}

// TestForks begin with what was said, up to a message, and go ways of their own.
func TestForks(t *testing.T) {
	t.Parallel()
	_, l := remembering(t)
	l.Ask("r1", "one")
	l.Ask("r2", "two")
	var history chat.History
	l.MustCall("chat.history", object{"sessionKey": "main"}, &history)
	var whole, upto session.ForkResult
	l.MustCall("sessions.fork", object{"key": "main"}, &whole)
	l.MustCall("sessions.fork", object{"sessionKey": "main", "entryId": history.Messages[2].ID}, &upto)
	if whole.Key != "agent:main:main-fork" || upto.SessionKey != "agent:main:main-fork-2" || upto.EditorText != "two" || whole.Entry.ParentSessionKey != "agent:main:main" {
		t.Errorf("%+v\n%+v", whole, upto)
	}
	for key, want := range map[session.Key]string{whole.Key: "5 turns", upto.Key: "3 turns", "agent:main:main": "5 turns"} {
		run := "to-" + string(key)
		l.MustCall("sessions.send", object{"key": key, "message": "three", "idempotencyKey": run}, nil)
		if got := kerneltest.Text(l.End(run).Message); got != want {
			t.Errorf("%s: the model was given %s, want %s", key, got, want)
		}
	}
	var loaded session.LoadResult
	l.MustCall("sessions.load", object{"key": upto.Key, "limit": 3}, &loaded)
	if loaded.MessageCount != 4 || len(loaded.Messages) != 3 || loaded.Messages[1].Content != "three" || loaded.Entry == nil {
		t.Errorf("%+v", loaded)
	}
	for what, params := range map[string]object{
		"a message of another session": {"key": upto.Key, "entryId": history.Messages[2].ID}, "a session that is not there": {"key": "nowhere"},
	} {
		if err := l.Call(t.Context(), "sessions.fork", params, nil); wit.CodeOf(err) != wit.CodeNotFound {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := l.Call(t.Context(), "sessions.fork", object{"key": "main", "newKey": "main-fork"}, nil); wit.CodeOf(err) != wit.CodeConflict {
		t.Errorf("a key that there is: %v", err)
	}
}

// TestCreate makes conversations that are found by what pages write into their addresses.
func TestCreate(t *testing.T) {
	t.Parallel()
	_, l := remembering(t)
	l.Ask("r1", "one")
	var made chat.CreateResult
	l.MustCall("sessions.create", object{"label": "trip", "parentSessionKey": "main", "fork": true, "message": "where to?"}, &made)
	if got := kerneltest.Text(l.End(made.RunID).Message); got != "3 turns" || !made.RunStarted {
		t.Errorf("%+v: %s", made, got)
	}
	short := strings.ReplaceAll(made.Key.Rest()[len("chat:"):], "-", "")
	var opened chat.History
	l.MustCall("chat.startup", object{"shortId": short, "agentId": "main"}, &opened)
	if opened.SessionKey != made.Key || len(opened.Messages) != 4 || opened.Metadata == nil || opened.Resolution == nil || !opened.Resolution.OK {
		t.Errorf("%+v", opened)
	}
	var found session.ResolveResult
	if l.MustCall("sessions.resolve", object{"shortId": short[:9]}, &found); found.Key != made.Key {
		t.Errorf("%+v", found)
	}
	var missing chat.StartupMissing
	if l.MustCall("chat.startup", object{"shortId": "00000000"}, &missing); missing.Resolution.OK {
		t.Errorf("%+v", missing)
	}
	for what, c := range map[string]struct {
		params object
		want   wit.Code
	}{
		"a label that another one has":    {object{"label": "trip"}, wit.CodeConflict},
		"a key that another one has":      {object{"key": made.Key}, wit.CodeConflict},
		"a parent that there is not":      {object{"parentSessionKey": "nowhere"}, wit.CodeNotFound},
		"a fork of nothing":               {object{"fork": true}, wit.CodeInvalid},
		"what is not enforced":            {object{"permissionMode": "read-only"}, wit.CodeInvalid},
		"a model that cannot be":          {object{"model": "nobody/model"}, wit.CodeInvalid},
		"a message that is too long":      {object{"message": strings.Repeat("x", 2<<20)}, wit.CodeTooLarge},
		"a first message that is nothing": {object{"message": "  "}, wit.CodeInvalid},
	} {
		if err := l.Call(t.Context(), "sessions.create", c.params, nil); wit.CodeOf(err) != c.want {
			t.Errorf("%s: %v", what, err)
		}
	}
	var list session.ListResult
	if l.MustCall("sessions.list", nil, &list); list.TotalCount != 2 {
		t.Errorf("what was refused has left something: %+v", list.Sessions)
	}
	if err := l.Call(t.Context(), "sessions.send", object{"key": "nowhere", "message": "x"}, nil); wit.CodeOf(err) != wit.CodeNotFound {
		t.Errorf("a message to nobody: %v", err)
	}
}

// TestCompactionSurvivesARestart, since it is in the store.
func TestCompactionSurvivesARestart(t *testing.T) {
	t.Parallel()
	m, dir := new(memory), t.TempDir()
	start := func() *kerneltest.Kernel {
		return kerneltest.Start(t, append(m.options(t), kerneltest.StateDir(dir))...)
	}
	k := start()
	l := k.Listen()
	for i := range 4 {
		l.Ask(fmt.Sprint("r", i), "hello")
	}
	l.MustCall("sessions.compact", object{"key": "main"}, nil)
	k.Stop()
	if got := start().Listen().Ask("after", "hello"); got != "5 turns" || !strings.Contains(m.read(), "the harbour") {
		t.Errorf("the model was given %s:\n%s", got, m.read())
	}
}

// TestWhoMayCreate: in protocol 4 who may write begins conversations; in protocol 3 it takes the owner.
func TestWhoMayCreate(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Echo("echo")))
	for version, want := range map[int]wit.Code{3: wit.CodeForbidden, 4: ""} {
		conn, err := k.TryDial(client.Options{Token: kerneltest.Token, MinProtocol: version, MaxProtocol: version, Scopes: []wire.Scope{wire.ScopeWrite}})
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.Call(t.Context(), "sessions.create", nil, nil); wit.CodeOf(err) != want {
			t.Errorf("protocol %d: %v", version, err)
		}
		if err := conn.Call(t.Context(), "sessions.compact", object{"key": "main"}, nil); wit.CodeOf(err) != wit.CodeForbidden {
			t.Errorf("protocol %d: compact: %v", version, err)
		}
	}
}
