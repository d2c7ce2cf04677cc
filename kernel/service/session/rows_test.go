package session_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/service/session/sessiontest"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestRuns: a session has one running run at a time, urgent ones run beside it, and the end of one that never began
// hides nothing.
func TestRuns(t *testing.T) {
	storetest.Both(t, func(t *testing.T, s store.Store) {
		sessiontest.Ensure(t, s, key)
		started := func(id string, urgent bool) wit.Code {
			return storetest.Try(s, func(tx store.Tx) error { _, err := session.RunStarted(tx, key, id, urgent); return err })
		}
		ended := func(id string, state session.RunState, fault string) wit.Code {
			return storetest.Try(s, func(tx store.Tx) error { return session.RunEnded(tx, key, id, state, fault) })
		}
		for i, c := range []struct {
			step  func() wit.Code
			want  wit.Code
			entry string // the last run, how it stands, its fault, and how many began
		}{
			{func() wit.Code { return started("r1", false) }, "", "r1 running  1"},
			{func() wit.Code { return started("r2", false) }, wit.CodeConflict, "r1 running  1"},
			{func() wit.Code { return started("u1", true) }, "", "r1 running  2"},
			{func() wit.Code { return ended("r2", session.RunAborted, "dropped") }, "", "r1 running  2"},
			{func() wit.Code { return ended("r1", "failed", "no money") }, "", "r1 failed no money 2"},
			{func() wit.Code { return ended("r3", session.RunAborted, "") }, "", "r3 aborted  2"},
			{func() wit.Code { return started("r4", false) }, "", "r4 running  3"},
		} {
			if code := c.step(); code != c.want {
				t.Errorf("step %d: %q, want %q", i, code, c.want)
			}
			storetest.Update(t, s, func(tx store.Tx) error {
				e, err := session.Get(tx, key)
				if got := fmt.Sprint(e.LastRun, " ", e.LastRunState, " ", e.LastRunError, " ", e.Runs); got != c.entry {
					t.Errorf("step %d: %s, want %s", i, got, c.entry)
				}
				return err
			})
		}
		const none = session.Key("agent:main:none")
		if code := storetest.Try(s, func(tx store.Tx) error { _, err := session.RunStarted(tx, none, "r1", false); return err }); code != wit.CodeNotFound {
			t.Errorf("started without a session: %q", code)
		}
		if code := storetest.Try(s, func(tx store.Tx) error { return session.RunEnded(tx, none, "r1", "done", "") }); code != "" {
			t.Errorf("ended without a session: %q", code)
		}
	})
}

// put stores what the test wants of a session's entry.
func put(t *testing.T, s store.Store, k session.Key, change func(*session.Entry)) {
	t.Helper()
	storetest.Update(t, s, func(tx store.Tx) error {
		e, err := session.Ensure(tx, k, message.Origin{})
		if err != nil {
			return err
		}
		change(&e)
		return session.Put(tx, e)
	})
}

// TestRowsSay how a session stands, what answers in it and where it is spoken to.
func TestRowsSay(t *testing.T) {
	thread, name := "7", "The crew"
	for label, c := range map[string]struct {
		entry   func(*session.Entry)
		pending []string
		want    string
	}{
		"new": {func(*session.Entry) {}, nil, `{}`},
		"running": {func(e *session.Entry) { e.LastRun, e.LastRunState = "r1", session.RunRunning }, []string{"r1", "r2", "r3"},
			`{"status":"running","queuedRuns":2,"runningRunId":"r1","lastRunId":"r1"}`},
		"running, as a crash left it": {func(e *session.Entry) { e.LastRun, e.LastRunState = "r1", session.RunRunning }, nil, `{"lastRunId":"r1"}`},
		"queued": {func(e *session.Entry) { e.LastRun, e.LastRunState = "r1", "done" }, []string{"r2"},
			`{"status":"queued","queuedRuns":1,"lastRunId":"r1"}`},
		"aborted": {func(e *session.Entry) { e.LastRun, e.LastRunState = "r1", session.RunAborted }, nil,
			`{"status":"killed","abortedLastRun":true,"lastRunId":"r1"}`},
		"failed": {func(e *session.Entry) {
			e.LastRun, e.LastRunState, e.LastRunError, e.Runs = "r1", "failed", "no money", 1
		}, nil,
			`{"status":"failed","lastRunError":"no money","lastRunId":"r1","systemSent":true}`},
		"answered by another model": {func(e *session.Entry) { e.Provider, e.Used = "other", "big" }, nil, `{"modelProvider":"other","model":"big"}`},
		"with a model of its own": {func(e *session.Entry) { e.Provider, e.Used, e.Model = "other", "big", "mine/small" }, nil,
			`{"modelProvider":"mine","model":"small"}`},
		"in a channel": {func(e *session.Entry) {
			e.Origin = message.Origin{Channel: "chat", Account: "bot", Sender: &wit.Person{ID: "9"},
				Conversation: &wit.Conversation{Kind: wit.ConversationKindChannel, ID: "5", Name: &name, Thread: &thread}}
			e.Route = &e.Origin
		}, nil, `{"kind":"group","chatType":"channel","displayName":"The crew","subject":"The crew","channel":"chat",` +
			`"origin":{"provider":"chat","surface":"chat","chatType":"channel","from":"9","to":"5","accountId":"bot","threadId":"7"},` +
			`"lastChannel":"chat","lastTo":"5","lastAccountId":"bot","deliveryContext":{"channel":"chat","to":"5","accountId":"bot","threadId":"7"}}`},
		"with a person": {func(e *session.Entry) {
			e.Origin = message.Origin{Channel: "chat", Conversation: &wit.Conversation{ID: "5"}}
		}, nil, `{"channel":"chat","origin":{"provider":"chat","surface":"chat","chatType":"direct","to":"5"}}`},
		"from nowhere in particular": {func(e *session.Entry) { e.Origin = message.Origin{Channel: "chat"} }, nil,
			`{"channel":"chat","origin":{"provider":"chat","surface":"chat","chatType":"direct"}}`},
	} {
		t.Run(label, func(t *testing.T) {
			r := newRig(t, store.OpenMemory())
			put(t, r.store, "agent:ops:x", c.entry)
			r.nobody.pending = map[session.Key]session.Pending{"agent:ops:x": {Runs: c.pending}}
			row := r.must("sessions.list", obj{})["sessions"].([]any)[0].(obj)
			want := obj{"kind": "direct", "chatType": "direct", "systemSent": false, "abortedLastRun": false, "modelProvider": "mock", "model": "mock-1",
				"lastChannel": "webchat", "deliveryContext": obj{"channel": "webchat"}}
			if err := json.Unmarshal([]byte(c.want), &want); err != nil {
				t.Fatal(err)
			}
			for _, field := range []string{"kind", "chatType", "systemSent", "abortedLastRun", "modelProvider", "model", "status", "queuedRuns", "runningRunId",
				"lastRunId", "lastRunError", "displayName", "subject", "channel", "origin", "lastChannel", "lastTo", "lastAccountId", "deliveryContext"} {
				if got, want := fmt.Sprint(row[field]), fmt.Sprint(want[field]); got != want {
					t.Errorf("%s: %s, want %s", field, got, want)
				}
			}
		})
	}
}

// TestModelNames: the provider alone is its default model.
func TestModelNames(t *testing.T) {
	for _, c := range []struct {
		d    session.Defaults
		want string
	}{{session.Defaults{}, ""}, {session.Defaults{ModelProvider: "p"}, "p"}, {session.Defaults{ModelProvider: "p", Model: "m"}, "p/m"}} {
		if got := c.d.Name(); got != c.want {
			t.Errorf("%+v: %q", c.d, got)
		}
	}
}

// TestTexts: what is not text is left out, and several parts are lines.
func TestTexts(t *testing.T) {
	text := func(s string) *string { return &s }
	m := session.Message{Parts: []wit.Part{{Text: text("no kind")}, {Kind: wit.PartKindText, Text: text("text")}, {Kind: wit.PartKindImage, Text: text("image")}, {Kind: wit.PartKindText}, session.TextPart("end")}}
	if got := m.Text(); got != "no kind\ntext\nend" {
		t.Errorf("text %q", got)
	}
}

// TestMessagesAreBounded by all that a model or a tool can fill: text, calls and errors together.
func TestMessagesAreBounded(t *testing.T) {
	s := store.OpenMemory()
	sessiontest.Ensure(t, s, key)
	const most = 4 << 20
	half := strings.Repeat("x", most/2)
	args := func(n int) wit.JSON { return wit.JSON(`"` + half[:n-2] + `"`) }
	for name, c := range map[string]struct {
		m    session.Message
		want wit.Code
	}{
		"text":           {session.Message{Parts: []wit.Part{session.TextPart(half), session.TextPart(half)}}, ""},
		"longer text":    {session.Message{Parts: []wit.Part{session.TextPart(half), session.TextPart(half + "x")}}, wit.CodeTooLarge},
		"calls":          {session.Message{ToolCalls: []wit.ToolCall{{Args: args(most / 2)}, {Args: args(most / 2)}}}, ""},
		"longer calls":   {session.Message{ToolCalls: []wit.ToolCall{{Args: args(most / 2)}, {Args: args(most / 2)}, {Args: args(3)}}}, wit.CodeTooLarge},
		"text and error": {session.Message{Parts: []wit.Part{session.TextPart(half)}, Error: half + "x"}, wit.CodeTooLarge},
	} {
		if code := storetest.Try(s, func(tx store.Tx) error { _, err := session.Append(tx, key, c.m); return err }); code != c.want {
			t.Errorf("%s: %q, want %q", name, code, c.want)
		}
	}
}

// TestPreviews have the lines that were asked for, the newest ones, tool calls among them.
func TestPreviews(t *testing.T) {
	r := newRig(t, store.OpenMemory())
	texts := make([]string, 150)
	for i := range texts {
		texts[i] = fmt.Sprint("text ", i)
	}
	r.say("agent:main:x", texts...)
	preview := func(params obj) []any {
		t.Helper()
		params["keys"] = []string{"x"}
		return r.must("sessions.preview", params)["previews"].([]any)[0].(obj)["items"].([]any)
	}
	for limit, want := range map[any]int{nil: 12, 1: 1, 30: 30, 100: 100, 1000: 100} {
		params := obj{}
		if limit != nil {
			params["limit"] = limit
		}
		items := preview(params)
		if len(items) != want || items[want-1].(obj)["text"] != "text 149" {
			t.Errorf("limit %v: %d lines", limit, len(items))
		}
	}
	r.say("agent:main:x", strings.Repeat("x", 5000))
	for chars, want := range map[int]int{20: 20, 100: 100, 4000: 4000, 9000: 4000} {
		if text := preview(obj{"limit": 1, "maxChars": chars})[0].(obj)["text"].(string); len(text) != want {
			t.Errorf("maxChars %d: %d bytes", chars, len(text))
		}
	}
	storetest.Update(t, r.store, func(tx store.Tx) error {
		m := session.Message{Role: wit.RoleAssistant, Parts: []wit.Part{session.TextPart("let me see")}, ToolCalls: []wit.ToolCall{{Name: "calc"}, {Name: "time"}}}
		_, err := session.Append(tx, "agent:main:x", m)
		return err
	})
	if got := fmt.Sprint(preview(obj{"limit": 2})); got != "[map[role:tool text:call calc] map[role:tool text:call time]]" {
		t.Errorf("calls: %s", got)
	}
	for _, n := range []int{0, 201} {
		if _, err := r.call("sessions.preview", obj{"keys": make([]string, n)}); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("%d keys: %v", n, err)
		}
	}
	if n := len(r.must("sessions.preview", obj{"keys": make([]string, 200)})["previews"].([]any)); n != 200 {
		t.Errorf("%d previews of 200", n)
	}
}

// TestExportsOfWhatIs: a session's own export says what it is, and pages are as long as asked for.
func TestExportsOfWhatIs(t *testing.T) {
	r := newRig(t, store.OpenMemory())
	r.say("agent:main:x", "one", "two", "three")
	r.must("sessions.patch", obj{"key": "x", "label": "L"})
	res := r.must("sessions.export", obj{"key": "x", "limit": 2})
	var head obj
	if err := json.Unmarshal([]byte(res["lines"].([]any)[0].(string)), &head); err != nil {
		t.Fatal(err)
	}
	if head["label"] != "L" || head["messages"] != 3.0 || head["updated"] == nil || head["sessionId"] != res["sessionId"] || res["key"] != "agent:main:x" {
		t.Errorf("head %v of %v", head, res)
	}
	if n := len(res["lines"].([]any)); n != 2 || res["cursor"] == nil {
		t.Errorf("%d lines, cursor %v", n, res["cursor"])
	}
	res = r.must("sessions.export", obj{"cursor": res["cursor"], "limit": 2})
	if n := len(res["lines"].([]any)); n != 2 || res["cursor"] != nil {
		t.Errorf("%d lines, cursor %v", n, res["cursor"])
	}
}

// TestAStoreThatFails is what clients hear of; nothing is announced that was not done.
func TestAStoreThatFails(t *testing.T) {
	faulty := storetest.NewFaulty(store.OpenMemory())
	r := newRig(t, faulty)
	r.say("agent:main:x", "hello")
	for method, params := range map[string]obj{
		"sessions.list": {}, "sessions.patch": {"key": "x", "label": "L"}, "sessions.preview": {"keys": []string{"x"}}, "sessions.resolve": {"key": "x"},
		"sessions.describe": {"key": "x"}, "sessions.export": {"key": "x"}, "sessions.reset": {"key": "x"}, "sessions.delete": {"key": "x"},
	} {
		for _, fault := range []storetest.Fault{storetest.FaultBefore, storetest.FaultCommit} {
			faulty.Fail(fault, 1, 1)
			if _, err := r.call(method, params); wit.CodeOf(err) != wit.CodeUnavailable {
				t.Errorf("%s with %s: %v", method, fault, err)
			}
		}
	}
	faulty.Fail("", 0, 0)
	if len(r.reasons) != 0 || len(r.nobody.ended) != 0 || r.must("sessions.list", obj{})["count"] != 1.0 {
		t.Errorf("announced %q, ended %q", r.reasons, r.nobody.ended)
	}
}

// TestACrashLeavesNoHistory: what a deletion has given up is freed at the next start.
func TestACrashLeavesNoHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store.OpenMemory()
		r := newRig(t, s)
		r.say("agent:main:x", "hello")
		svc := (&learner{nobody: *r.nobody}).sessions(s)
		storetest.Update(t, s, func(tx store.Tx) error { return svc.Remove(tx, "agent:main:x", true) })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- svc.Service(session.Ports{}).Run(ctx) }()
		synctest.Wait()
		storetest.Update(t, s, func(tx store.Tx) error {
			for _, space := range []string{"history", "sessions.ids", "sessions.trash"} {
				for rec, err := range tx.Scan(space, store.Range{}) {
					t.Errorf("left over: %s %q %v", space, rec.Key, err)
				}
			}
			return nil
		})
		select {
		case err := <-done:
			t.Errorf("ended by itself: %v", err)
		default:
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestBusySessions: a reset and a deletion that find a run each time they have stopped one give up, and let the
// session go on.
func TestBusySessions(t *testing.T) {
	r := newRig(t, store.OpenMemory())
	put(t, r.store, "agent:main:x", func(e *session.Entry) { e.LastRun, e.LastRunState = "r1", session.RunRunning })
	r.nobody.pending = map[session.Key]session.Pending{"agent:main:x": {Urgent: 1}}
	for _, method := range []string{"sessions.reset", "sessions.delete"} {
		r.nobody.stopped = nil
		_, err := r.call(method, obj{"key": "x"})
		if n := len(r.nobody.stopped); wit.CodeOf(err) != wit.CodeConflict || !strings.Contains(err.Error(), "too busy") || n < 2 || n > 10 {
			t.Errorf("%s: stopped %d times, %v", method, n, err)
		}
	}
	if len(r.reasons) != 0 || len(r.nobody.ended) != 0 {
		t.Errorf("announced %q, ended %q", r.reasons, r.nobody.ended)
	}
}

// TestLabelsOfAgents: two agents may be asked for the same label, and one finds its own.
func TestLabelsOfAgents(t *testing.T) {
	r := newRig(t, store.OpenMemory())
	r.settings.Agents = []string{"ops"}
	r.must("sessions.patch", obj{"key": "agent:ops:x", "label": "L"})
	for agent, want := range map[string]wit.Code{"": "", "ops": "", "main": wit.CodeNotFound} {
		params := obj{"label": "L"}
		if agent != "" {
			params["agentId"] = agent
		}
		if _, err := r.call("sessions.resolve", params); wit.CodeOf(err) != want {
			t.Errorf("agent %q: %v", agent, err)
		}
	}
}

// TestAResetOfNothing makes an empty session: what was never spoken in is as good as reset.
func TestAResetOfNothing(t *testing.T) {
	r := newRig(t, store.OpenMemory())
	if res := r.must("sessions.reset", obj{"key": "new"}); res["ok"] != true || res["key"] != "agent:main:new" || res["entry"].(obj)["sessionId"] == "" {
		t.Errorf("reset %v", res)
	}
	if res := r.must("sessions.describe", obj{"key": "new"}); res["session"] == nil || len(r.nobody.ended) != 0 {
		t.Errorf("%v, ended %q", res, r.nobody.ended)
	}
}

// TestTheLastUsedComesFirst, and a page is followed by another one only if there is more.
func TestTheLastUsedComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, store.OpenMemory())
		for _, k := range []session.Key{"agent:main:b", "agent:main:a", "agent:main:c", "agent:main:b"} {
			time.Sleep(time.Second)
			r.say(k, "hello")
		}
		for _, c := range []struct {
			params obj
			want   string
			more   bool
		}{
			{obj{}, "b c a", false},
			{obj{"limit": 3}, "b c a", false},
			{obj{"limit": 2}, "b c", true},
			{obj{"limit": 2, "offset": 1}, "c a", false},
			{obj{"limit": 1, "offset": 1}, "c", true},
			{obj{"offset": 3}, "", false},
			{obj{"activeMinutes": 1}, "b c a", false},
		} {
			res := r.must("sessions.list", c.params)
			var got []string
			for _, row := range res["sessions"].([]any) {
				got = append(got, strings.TrimPrefix(row.(obj)["key"].(string), "agent:main:"))
			}
			if strings.Join(got, " ") != c.want || res["hasMore"] != c.more || res["totalCount"] != 3.0 {
				t.Errorf("%v: %q, more %v of %v", c.params, got, res["hasMore"], res["totalCount"])
			}
		}
		time.Sleep(time.Minute) // and not a moment more
		if res := r.must("sessions.list", obj{"activeMinutes": 1}); res["count"] != 1.0 {
			t.Errorf("within a minute: %v", res["count"])
		}
	})
}

// TestTitlesAndPreviews are what people said: neither tools nor commands, and only a person gives the title.
func TestTitlesAndPreviews(t *testing.T) {
	s := store.OpenMemory()
	sessiontest.Ensure(t, s, key)
	for i, c := range []struct {
		m              session.Message
		title, preview string
	}{
		{session.Message{Role: wit.RoleUser, Aside: true, Parts: []wit.Part{session.TextPart("/help")}}, "", "/help"},
		{session.Message{Role: wit.RoleAssistant, Parts: []wit.Part{session.TextPart("welcome")}}, "", "welcome"},
		{session.Message{Role: wit.RoleUser, Parts: []wit.Part{{Kind: wit.PartKindImage}}}, "", "welcome"},
		{session.Message{Role: wit.RoleUser, Parts: []wit.Part{session.TextPart("[system event] first")}}, "first", "first"},
		{session.Message{Role: wit.RoleTool, Parts: []wit.Part{session.TextPart("42")}}, "first", "first"},
		{session.Message{Role: wit.RoleUser, Parts: []wit.Part{session.TextPart("second\n  line")}}, "first", "second line"},
	} {
		storetest.Update(t, s, func(tx store.Tx) error {
			if _, err := session.Append(tx, key, c.m); err != nil {
				return err
			}
			e, err := session.Get(tx, key)
			if e.Title != c.title || e.Preview != c.preview {
				t.Errorf("after %d: %q, %q", i, e.Title, e.Preview)
			}
			return err
		})
	}
	sum := session.Sum(wit.Usage{Input: 1, Output: 2, CacheRead: 3, CacheWrite: 4}, wit.Usage{Input: 10, Output: 20, CacheRead: 30, CacheWrite: 40})
	if sum != (wit.Usage{Input: 11, Output: 22, CacheRead: 33, CacheWrite: 44}) {
		t.Errorf("sum %+v", sum)
	}
}

// TestPagesOfAnExportAreBounded in bytes, whatever the number of lines.
func TestPagesOfAnExportAreBounded(t *testing.T) {
	r := newRig(t, store.OpenMemory())
	long := strings.Repeat("x", 100<<10)
	r.say("agent:main:x", long, long, long, long, long, long, long)
	lines, params := 0, obj{"key": "x"}
	for page := 0; ; page++ {
		res := r.must("sessions.export", params)
		n := len(res["lines"].([]any))
		if n > 4 {
			t.Errorf("page %d has %d lines", page, n)
		}
		if lines += n; res["cursor"] == nil {
			break
		}
		params = obj{"cursor": res["cursor"]}
	}
	if lines != 8 {
		t.Errorf("%d lines", lines)
	}
}

// TestDeletionsSayWhat was deleted, and histories go with their session unless they are to be kept.
func TestDeletionsSayWhat(t *testing.T) {
	for label, c := range map[string]struct {
		params obj
		kept   int
	}{
		"as usual": {obj{"key": "x"}, 0}, "with its history": {obj{"key": "x", "deleteTranscript": true}, 0}, "without": {obj{"key": "x", "deleteTranscript": false}, 1},
	} {
		r := newRig(t, store.OpenMemory())
		r.say("agent:main:x", "hello")
		res := r.must("sessions.delete", c.params)
		if res["key"] != "agent:main:x" || res["deleted"] != true || len(res["archived"].([]any)) != c.kept {
			t.Errorf("%s: %v", label, res)
		}
		if n := len(r.reasons); n != 1 || r.reasons[0] != "delete agent:main:x" {
			t.Errorf("%s: announced %q", label, r.reasons)
		}
	}
}

// TestKeysOfConversations have small letters only, and who writes directly without an id is the conversation.
func TestKeysOfConversations(t *testing.T) {
	per := session.Settings{DMScope: session.ScopePerPeer}
	direct := wit.Conversation{Kind: wit.ConversationKindDirect, ID: "c1"}
	for got, want := range map[session.Key]session.Key{
		per.Conversation("", message.Account{Channel: "chat"}, direct, ""):      per.Conversation("", message.Account{Channel: "chat"}, direct, "c1"),
		per.Conversation("Ops", message.Account{Channel: "chat"}, direct, "u1"): per.Conversation("ops", message.Account{Channel: "chat"}, direct, "u1"),
		session.Settings{MainKey: "Home"}.Main("Zed"):                           "agent:zed:home",
		session.Settings{DefaultAgent: "A-Z_9"}.Main(""):                        "agent:a-z_9:main",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
