package plugin_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// answers makes an export that answers the same JSON to everything.
func answers(text string) func(context.Context, []byte) ([]byte, error) {
	return func(context.Context, []byte) ([]byte, error) { return []byte(text), nil }
}

func one(t *testing.T, m wit.Manifest, e exports) *rig {
	t.Helper()
	source := &plugintest.Memory{}
	source.Put(plugintest.Fake{Manifest: m, Exports: e})
	r := newRig(t, store.OpenMemory(), source)
	if err := r.Load(context.Background()); err != nil {
		t.Fatal(err)
	}
	return r
}

func channelManifest(operations ...string) wit.Manifest {
	return manifest("chat", "1.0.0", func(m *wit.Manifest) {
		m.Provides.Channel = &wit.ChannelFacts{Label: "Chat", Operations: operations, MaxLength: 100}
		m.Permissions.HTTP = &wit.HTTPPermission{Reason: "r", Hosts: []string{"chat.example"}}
		m.Config = wit.JSON(`{"type":"object","required":["room","token"],"additionalProperties":false,
			"properties":{"room":{"type":"string"},"token":{"type":"string","x-secret":true}}}`)
	})
}

func TestChannel(t *testing.T) {
	seen := map[string]string{}
	e := exports{}
	for _, f := range wit.Exports() {
		if f.Capability != "channel" {
			continue
		}
		answer := `{"ids":["1"]}`
		switch f.Result {
		case "Sent":
		case "FetchedFile":
			answer = `{"media":"m"}`
		default:
			answer = `{"state":{"a":1}}`
		}
		e[f.Name] = func(ctx context.Context, in []byte) ([]byte, error) {
			seen[f.Name] = string(in)
			_, err := plugintest.CallHost(ctx, "http_request", []byte(`{"url":"https://elsewhere.example/"}`))
			if f.Pure != strings.Contains(err.Error(), "may not make requests") {
				t.Errorf("%s: http_request: %v", f.Name, err)
			}
			return []byte(answer), nil
		}
	}
	r := one(t, channelManifest("edit", "delete", "react", "typing", "preview", "poll", "skip", "migrate", "fetch"), e)
	r.settings.accounts["chat/main"] = `{"room":"x","token":"should not be here"}`
	c, err := r.Channel("chat")
	if err != nil || c.ID() != "chat" || c.Version() != "1.0.0" || c.Facts().MaxLength != 100 || c.Build() == "" {
		t.Fatal(c, err)
	}
	ctx := context.Background()
	to := wit.Conversation{ID: "9"}
	calls := map[string]func() error{
		"event": func() error {
			a, err := c.Event(ctx, &wit.ChannelEvent{Account: "main"})
			if err == nil && string(a.State) != `{"a":1}` {
				t.Errorf("state %s", a.State)
			}
			return err
		},
		"skip":    func() error { _, err := c.Skip(ctx, &wit.ChannelEvent{Account: "main"}); return err },
		"migrate": func() error { _, err := c.Migrate(ctx, &wit.Migration{Account: "main"}); return err },
		"send": func() error {
			s, err := c.Send(ctx, &wit.ChannelSend{Account: "main", To: to})
			if err == nil && s.IDs[0] != "1" {
				t.Errorf("sent %v", s)
			}
			return err
		},
		"edit":    func() error { _, err := c.Edit(ctx, &wit.ChannelEdit{Account: "main", To: to}); return err },
		"delete":  func() error { _, err := c.Delete(ctx, &wit.ChannelDelete{Account: "main", To: to}); return err },
		"react":   func() error { _, err := c.React(ctx, &wit.ChannelReaction{Account: "main", To: to}); return err },
		"typing":  func() error { _, err := c.Typing(ctx, &wit.ChannelTyping{Account: "main", To: to}); return err },
		"preview": func() error { _, err := c.Preview(ctx, &wit.ChannelPreview{Account: "main", To: to}); return err },
		"fetch": func() error {
			f, err := c.Fetch(ctx, &wit.FileQuery{Account: "main", Locator: "3"})
			if err == nil && f.Media != "m" {
				t.Errorf("fetched %v", f)
			}
			return err
		},
		"poll": func() error { _, err := c.Poll(ctx, &wit.ChannelPoll{Account: "main", To: to}); return err },
	}
	for name, call := range calls {
		if err := call(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if in := seen["channel_"+name]; !strings.Contains(in, `"account":"main"`) || name != "migrate" && !strings.Contains(in, `"config":{"room":"x"}`) {
			t.Errorf("%s was given %s", name, in)
		}
	}
	for _, given := range []string{`{"room":"y","token":"secret"}`, `{"room":"y","t\u006fken":"secret"}`} {
		if _, err := c.Send(ctx, &wit.ChannelSend{Account: "main", Config: wit.JSON(given)}); err != nil || !strings.Contains(seen["channel_send"], `"config":{"room":"y"}`) {
			t.Errorf("with a configuration of the caller's: %v %s", err, seen["channel_send"])
		}
	}
	r.settings.accounts["chat/bad"] = `{"room":7}`
	_, err = c.Send(ctx, &wit.ChannelSend{Account: "bad"})
	wantCode(t, err, wit.CodeInvalid, "account bad", "room: got number, want string")
	_, err = c.Send(ctx, &wit.ChannelSend{Account: "none"})
	wantCode(t, err, wit.CodeNotFound, "none")
	_, err = c.Do(ctx, "main", &wit.HTTPRequest{URL: "https://elsewhere.example/"})
	wantCode(t, err, wit.CodeForbidden, "elsewhere.example")
}

func TestOperationsThatAreNotThere(t *testing.T) {
	r := one(t, channelManifest(), exports{"channel_event": answers(`{}`), "channel_send": answers(`{}`)})
	r.settings.accounts["chat/main"] = `{"room":"x"}`
	c, err := r.Channel("chat")
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Edit(context.Background(), &wit.ChannelEdit{Account: "main"})
	wantCode(t, err, wit.CodeNotFound, "cannot edit")
	if c.Can("edit") {
		t.Error("can edit")
	}
	for name, find := range map[string]func() error{
		"channel":  func() error { _, err := r.Channel("other"); return err },
		"provider": func() error { _, err := r.Provider("chat"); return err },
		"tool":     func() error { _, err := r.Tool("chat_tool"); return err },
		"info":     func() error { _, err := r.Info("other"); return err },
		"warm":     func() error { return r.Warm(context.Background(), "other") },
		"fire":     func() error { return r.Fire(context.Background(), "other", &wit.Firing{}) },
	} {
		if err := find(); wit.CodeOf(err) != wit.CodeNotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnswersAreChecked(t *testing.T) {
	many := func(n int, item string) string { return "[" + strings.Repeat(item+",", n-1) + item + "]" }
	message := `{"id":"1","conversation":{"id":"c"},"sender":{"id":"s"}}`
	tests := []struct {
		answer, says string
		want         wit.Code
	}{
		{`{"messages":` + many(1000, message) + `}`, "", ""},
		{`{"messages":` + many(1001, message) + `}`, "messages", wit.CodeUnavailable},
		{`{"state":"` + strings.Repeat("x", 64<<10) + `"}`, "state: has 65538 bytes, at most 65536", wit.CodeTooLarge},
		{`{"requests":` + many(17, `{"url":"https://a/"}`) + `}`, "requests", wit.CodeUnavailable},
		{`{"frames":` + many(101, `{}`) + `}`, "frames", wit.CodeUnavailable},
		{strings.Repeat(" ", 4<<20) + `{}`, "4194306 bytes", wit.CodeTooLarge},
		{`{"messages":[{"id":"1"}]}`, "messages[0].conversation.id: is missing", wit.CodeUnavailable},
		{`{"messages":[{"id":"1","kind":"sung","conversation":{"id":"c"}}]}`, `messages[0].kind: "sung"`, wit.CodeUnavailable},
		{`{"messages":{}}`, "messages: expected an array", wit.CodeUnavailable},
		{`nonsense`, "answer of channel_event", wit.CodeUnavailable},
		{`{"open":[{"connection":"a"}]}`, "open[0]", wit.CodeUnavailable},
		{`{"timers":[{"id":"a","after":-1}]}`, "timers[0]", wit.CodeUnavailable},
		{`{"reply":{"status":99}}`, "reply.status: 99", wit.CodeUnavailable},
		{`{"status":{"state":"sad"}}`, `status.state: "sad"`, wit.CodeUnavailable},
		{``, "", ""},
		{`{"surprise":1,"messages":[]}`, "", ""},
	}
	for _, tt := range tests {
		r := one(t, channelManifest(), exports{"channel_event": answers(tt.answer), "channel_send": answers(`{}`)})
		r.settings.accounts["chat/main"] = `{"room":"x"}`
		c, _ := r.Channel("chat")
		_, err := c.Event(context.Background(), &wit.ChannelEvent{Account: "main"})
		if got := wit.CodeOf(err); got != tt.want || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%.60s: %q %.200v, want %q %q", tt.answer, got, err, tt.want, tt.says)
		}
		if strings.Contains(tt.answer, "surprise") && !strings.Contains(r.log.String(), "surprise: unknown field") {
			t.Error("an unknown field is not logged")
		}
	}
}

func TestProvider(t *testing.T) {
	m := manifest("llm", "1.0.0", func(m *wit.Manifest) { m.Provides.Provider = &wit.ProviderFacts{Label: "LLM"} })
	plan := `{"request":{"url":"https://llm.example/"},"framing":"sse"}`
	r := one(t, m, exports{
		"provider_request": func(context.Context, []byte) ([]byte, error) { return []byte(plan), nil },
		"provider_chunk":   answers(`{"deltas":[{"text":"hi"}],"stop":"end"}`),
	})
	ctx := context.Background()
	p, err := r.Provider("llm")
	if err != nil || p.Facts().Label != "LLM" || len(r.Providers()) != 1 {
		t.Fatal(err)
	}
	if got, err := p.Request(ctx, &wit.Chat{}); err != nil || got.Request.URL != "https://llm.example/" {
		t.Error(got, err)
	}
	if got, err := p.Chunk(ctx, &wit.ProviderChunk{}); err != nil || got.Deltas[0].Text != "hi" || *got.Stop != wit.StopReasonEnd {
		t.Error(got, err)
	}
	_, err = p.Models(ctx, &wit.ModelsQuery{})
	wantCode(t, err, wit.CodeNotFound)
	_, err = p.Stream(ctx, &wit.HTTPRequest{URL: "https://llm.example/"})
	wantCode(t, err, wit.CodeForbidden, "permission http")
	for _, bad := range []string{`{}`, `{"request":{"url":"x"},"answer":{}}`, `{"answer":{"toolCalls":[{"id":"1"}]}}`, `{"answer":{"stop":"whim"}}`, `{"answer":{},"framing":"xml"}`} {
		plan = bad
		_, err = p.Request(ctx, &wit.Chat{})
		wantCode(t, err, wit.CodeUnavailable)
	}
}

func TestTool(t *testing.T) {
	m := manifest("calc", "1.0.0", func(m *wit.Manifest) {
		m.Provides.Tools = []wit.ToolDefinition{{Name: "add", Description: "d", Parameters: wit.JSON(`{"type":"object","required":["a"],"properties":{"a":{"type":"integer"}}}`)}}
		m.Config = wit.JSON(`{"type":"object","properties":{"base":{"type":"integer"}}}`)
	})
	fails := error(nil)
	r := one(t, m, exports{"tool_invoke": func(_ context.Context, in []byte) ([]byte, error) { return says(string(in)), fails }})
	r.settings.plugins["calc"] = `{"base":10}`
	ctx := context.Background()
	tool, err := r.Tool("add")
	if err != nil || tool.Definition().Description != "d" || tool.Name() != "add" || len(r.Tools()) != 1 {
		t.Fatal(err)
	}
	out, err := tool.Invoke(ctx, &wit.ToolInvocation{Args: wit.JSON(`{"a":1}`)}, nil)
	if err != nil || !strings.Contains(*out.Content[0].Text, `{"name":"add","args":{"a":1},"config":{"base":10}`) {
		t.Fatal(out, err)
	}
	_, err = tool.Invoke(ctx, &wit.ToolInvocation{Args: wit.JSON(`{"a":"one"}`)}, nil)
	wantCode(t, err, wit.CodeInvalid, "arguments of add: a: got string, want integer")
	_, err = tool.Invoke(ctx, &wit.ToolInvocation{}, nil)
	wantCode(t, err, wit.CodeInvalid, "missing property 'a'")
	fails = wit.NewError(wit.CodeRateLimited, "slow down")
	_, err = tool.Invoke(ctx, &wit.ToolInvocation{Args: wit.JSON(`{"a":1}`)}, nil)
	wantCode(t, err, wit.CodeRateLimited, "slow down")
	fails = errors.New("oops")
	_, err = tool.Invoke(ctx, &wit.ToolInvocation{Args: wit.JSON(`{"a":1}`)}, nil)
	wantCode(t, err, wit.CodeUnavailable)
	r.settings.plugins["calc"] = `{"base":"ten"}`
	_, err = tool.Invoke(ctx, &wit.ToolInvocation{Args: wit.JSON(`{"a":1}`)}, nil)
	wantCode(t, err, wit.CodeInvalid, "config of calc: base: ")
	wantCode(t, r.CheckConfig("calc", "", wit.JSON(`{"base":"ten"}`)), wit.CodeInvalid, "base: ")
	wantCode(t, r.CheckConfig("calc", "", wit.JSON(`[]`)), wit.CodeInvalid)
	wantCode(t, r.CheckConfig("none", "", nil), wit.CodeNotFound)
	if err := r.CheckConfig("calc", "", wit.JSON(`{"base":2}`)); err != nil {
		t.Error(err)
	}
}

// TestTranscriber: the plugin gets the recording with its own settings and without secrets, and what it answers is checked.
func TestTranscriber(t *testing.T) {
	m := manifest("ears", "1.0.0", func(m *wit.Manifest) {
		m.Provides.STT = &wit.STTFacts{Label: "Ears", MaxMedia: 5}
		m.Config = wit.JSON(`{"type":"object","properties":{"model":{"type":"string"},"key":{"type":"string","x-secret":true}}}`)
	})
	answer, given := `{"text":"hello","language":"en"}`, ""
	r := one(t, m, exports{"stt_transcribe": func(_ context.Context, in []byte) ([]byte, error) {
		given = string(in)
		return []byte(answer), nil
	}})
	r.settings.plugins["ears"] = `{"model":"m","key":"stolen"}`
	_, err := r.Transcriber("p")
	wantCode(t, err, wit.CodeNotFound)
	ears, err := r.Transcriber("ears")
	if err != nil || ears.Facts().MaxMedia != 5 || len(r.Transcribers()) != 1 || r.Transcribers()[0].ID() != "ears" {
		t.Fatal(err)
	}
	recording := wit.Recording{Media: "abc", Mime: "audio/ogg", Size: 3}
	out, err := ears.Transcribe(t.Context(), &recording)
	if err != nil || out.Text != "hello" || *out.Language != "en" || recording.Config != nil {
		t.Fatal(out, err)
	}
	if want := `{"media":"abc","mime":"audio/ogg","size":3,"config":{"model":"m"}}`; given != want {
		t.Errorf("the plugin was given %s, want %s", given, want)
	}
	for _, bad := range []string{`{"text":1}`, `[]`, `{"language":"` + strings.Repeat("x", wit.TranscriptLanguageMax+1) + `"}`} {
		answer = bad
		if _, err := ears.Transcribe(t.Context(), &recording); err == nil || wit.CodeOf(err) == wit.CodeInvalid {
			t.Errorf("%.40s is taken: %v", bad, err)
		}
	}
	if d, err := r.Info("ears"); err != nil || d.Provides.STT != "Ears" {
		t.Errorf("%+v, %v", d.Provides, err)
	}
}

func TestConfigOfSecrets(t *testing.T) {
	r := one(t, channelManifest(), exports{"channel_event": answers(`{}`), "channel_send": answers(`{}`)})
	wantCode(t, r.CheckConfig("chat", "main", wit.JSON(`{"room":"x","token":"t"}`)), wit.CodeInvalid, "token is a secret")
	wantCode(t, r.CheckConfig("chat", "main", wit.JSON(`{}`)), wit.CodeInvalid, "missing property 'room'")
	if err := r.CheckConfig("chat", "main", wit.JSON(`{"room":"x"}`)); err != nil {
		t.Error(err)
	}
	if d, err := r.Info("chat"); err != nil || len(d.Secrets) != 1 || d.Secrets[0] != "token" {
		t.Error(d.Secrets, err)
	}
}

func TestHooks(t *testing.T) { synctest.Test(t, hooks) }

func hooks(t *testing.T) {
	source := &plugintest.Memory{}
	for id, priority := range map[string]int32{"c": 0, "b": 5, "a": 0} {
		m := manifest(id, "1.0.0", func(m *wit.Manifest) {
			m.Provides.Hooks = []wit.HookFacts{{Name: wit.HookNameMessageSending, Priority: priority, Deadline: 20}}
		})
		source.Put(plugintest.Fake{Manifest: m, Exports: exports{"hook_handle": func(ctx context.Context, in []byte) ([]byte, error) {
			switch {
			case strings.Contains(string(in), "wait"):
				<-ctx.Done()
				return nil, context.Cause(ctx)
			case strings.Contains(string(in), "odd"):
				return []byte(`{"modify":[]}`), nil
			}
			return []byte(`{"cancel":true,"reason":"` + id + `"}`), nil
		}}})
	}
	r := newRig(t, store.OpenMemory(), source)
	if err := r.Load(context.Background()); err != nil {
		t.Fatal(err)
	}
	order := ""
	event := &wit.HookEvent{Event: wit.JSON(`{"text":"x"}`)}
	for _, h := range r.Hooks(wit.HookNameMessageSending) {
		d, err := h.Handle(context.Background(), event)
		if err != nil {
			t.Fatal(err)
		}
		order += *d.Reason
	}
	if order != "bac" || len(r.Hooks(wit.HookNameAgentEnd)) != 0 {
		t.Errorf("asked in the order %q", order)
	}
	h := r.Hooks(wit.HookNameMessageSending)[0]
	start := time.Now()
	_, err := h.Handle(context.Background(), &wit.HookEvent{Event: wit.JSON(`"wait"`)})
	wantCode(t, err, wit.CodeTimeout)
	if took := time.Since(start); took != 20*time.Millisecond {
		t.Errorf("a deadline of 20 ms took %v", took)
	}
	_, err = h.Handle(context.Background(), &wit.HookEvent{Event: wit.JSON(`"odd"`)})
	wantCode(t, err, wit.CodeUnavailable, "modify")
}

func TestFire(t *testing.T) {
	m := manifest("job", "1.0.0", func(m *wit.Manifest) { m.Permissions.Schedule = &wit.Permission{Reason: "r"} })
	e := saying("x")
	got := ""
	e["schedule_fire"] = func(ctx context.Context, in []byte) ([]byte, error) {
		got = fmt.Sprintf("%s %s", in, host.CallOf(ctx).Export)
		return []byte(`{"ok":true}`), nil
	}
	r := one(t, m, e)
	if err := r.Fire(context.Background(), "job", &wit.Firing{ID: "j", Due: 5}); err != nil || got != `{"id":"j","due":5} schedule_fire` {
		t.Errorf("%v %s", err, got)
	}
}

func TestPanickingFakeIsATrap(t *testing.T) {
	r := one(t, manifest("p", "1.0.0"), exports{"tool_invoke": func(context.Context, []byte) ([]byte, error) { panic("no") }})
	_, err := r.invoke("p_tool")
	wantCode(t, err, wit.CodeUnavailable, "trapped")
}
