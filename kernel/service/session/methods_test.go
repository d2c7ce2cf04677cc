package session_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/service/session/sessiontest"
	"github.com/carapace-gateway/carapace/kernel/service/session/transfer"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

type obj = map[string]any

// nobody answers: it only says what the default is and notes what is asked of it. What waits is what it is told.
type nobody struct {
	stopped []string
	pending map[session.Key]session.Pending
	ended   []session.Key
}

func (n *nobody) Hold(_ context.Context, k session.Key, all bool) (func(), error) {
	n.stopped = append(n.stopped, fmt.Sprint(k, all))
	return func() {}, nil
}

func (n *nobody) Defaults(context.Context) session.Defaults {
	return session.Defaults{ModelProvider: "mock", Model: "mock-1", ContextTokens: 1000}
}

func (n *nobody) Check(_ context.Context, m string) (string, error) {
	if !strings.Contains(m, "/") {
		return "", wit.NewError(wit.CodeInvalid, "no such model")
	}
	return m, nil
}

func (n *nobody) Ended(_ context.Context, e session.Entry, _ wit.SessionEnding) {
	n.ended = append(n.ended, e.Key)
}

func (n *nobody) Pending(_ store.Tx, k session.Key) (session.Pending, error) {
	return n.pending[k], nil
}

func (n *nobody) PendingIn(store.Tx, []session.Key) (map[session.Key]session.Pending, error) {
	return n.pending, nil
}
func (n *nobody) Version(store.Store) uint64 { return uint64(len(n.pending)) }

type rig struct {
	settings session.Settings
	t        *testing.T
	store    store.Store
	nobody   *nobody
	svc      *session.Service
	table    *rpc.Table
	reasons  []string
	log      bytes.Buffer
}

func newRig(t *testing.T, s store.Store) *rig {
	r := &rig{t: t, store: s, nobody: &nobody{}}
	bus := &event.Bus{}
	session.Changes.Subscribe(bus, func(e session.ChangedEvent) { r.reasons = append(r.reasons, e.Reason+" "+string(e.SessionKey)) })
	r.svc = session.New(session.Deps{
		Store: s, Bus: bus, Queue: r.nobody, Settings: func() session.Settings { return r.settings },
		Log: hclog.New(&hclog.LoggerOptions{Output: &r.log}),
	})
	methods := r.svc.Service(session.Ports{Runs: r.nobody, Models: r.nobody, Ended: r.nobody.Ended}).Methods
	methods = append(methods, transfer.New(transfer.Deps{Store: s, Sessions: r.svc}).Service().Methods...)
	table, err := rpc.NewTable(methods...)
	if err != nil {
		t.Fatal(err)
	}
	r.table = table
	return r
}

func (r *rig) call(method string, params obj) (obj, error) {
	raw, err := json.Marshal(params)
	if err != nil {
		r.t.Fatal(err)
	}
	caller := &rpc.Caller{Role: wire.RoleOperator, Scopes: []wire.Scope{wire.ScopeAdmin}}
	res, err := r.table.Call(context.Background(), caller, method, raw, nil)
	if err != nil {
		return nil, err
	}
	raw, err = json.Marshal(res)
	var out obj
	if err == nil {
		err = json.Unmarshal(raw, &out)
	}
	return out, err
}

func (r *rig) must(method string, params obj) obj {
	r.t.Helper()
	out, err := r.call(method, params)
	if err != nil {
		r.t.Fatalf("%s: %v", method, err)
	}
	return out
}

// say appends messages to a session.
func (r *rig) say(k session.Key, texts ...string) {
	r.t.Helper()
	sessiontest.Ensure(r.t, r.store, k)
	storetest.Update(r.t, r.store, func(tx store.Tx) error {
		for _, text := range texts {
			if _, err := session.Append(tx, k, session.Message{Role: wit.RoleUser, Parts: []wit.Part{session.TextPart(text)}}); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestList(t *testing.T) {
	storetest.Both(t, func(t *testing.T, s store.Store) {
		r := newRig(t, s)
		r.settings.Agents = []string{"ops"}
		name := "The crew"
		storetest.Update(t, s, func(tx store.Tx) error {
			_, err := session.Ensure(tx, "agent:main:chat:group:5", message.Origin{Channel: "chat", Account: "bot", Sender: &wit.Person{ID: "9"},
				Conversation: &wit.Conversation{Kind: wit.ConversationKindGroup, ID: "5", Name: &name}})
			return err
		})
		r.say("agent:main:main", "hello there")
		r.say("agent:ops:x", "other")
		r.nobody.pending = map[session.Key]session.Pending{"agent:ops:x": {Runs: []string{"r1", "r2"}}}
		res := r.must("sessions.list", obj{"includeDerivedTitles": true, "includeLastMessage": true, "limit": 50, "archived": "all"})
		rows := map[string]obj{}
		for _, row := range res["sessions"].([]any) {
			rows[row.(obj)["key"].(string)] = row.(obj)
		}
		main, group, ops := rows["agent:main:main"], rows["agent:main:chat:group:5"], rows["agent:ops:x"]
		if res["count"] != 3.0 || res["totalCount"] != 3.0 || res["defaults"].(obj)["model"] != "mock-1" || res["ts"] == nil {
			t.Errorf("list %v", res)
		}
		if main["derivedTitle"] != "hello there" || main["lastMessagePreview"] != "hello there" || main["isMain"] != true || main["modelProvider"] != "mock" || main["kind"] != "direct" {
			t.Errorf("main %v", main)
		}
		if group["kind"] != "group" || group["chatType"] != "group" || group["displayName"] != name || group["lastTo"] != "5" ||
			group["deliveryContext"].(obj)["accountId"] != "bot" || group["origin"].(obj)["from"] != "9" {
			t.Errorf("group %v", group)
		}
		if ops["status"] != "queued" || ops["queuedRuns"] != 2.0 || ops["agentId"] != "ops" {
			t.Errorf("ops %v", ops)
		}
		for _, c := range []struct {
			params obj
			want   float64
		}{
			{obj{"agentId": "ops"}, 1}, {obj{"search": "HELLO"}, 1}, {obj{"search": "nothing"}, 0}, {obj{"label": "x"}, 0},
			{obj{"activeMinutes": 5}, 3}, {obj{"spawnedBy": "x"}, 0}, {obj{"limit": 2}, 2}, {obj{"limit": 2, "offset": 2}, 1}, {obj{"offset": 9}, 0},
		} {
			if res := r.must("sessions.list", c.params); res["count"] != c.want {
				t.Errorf("%v: %v", c.params, res["count"])
			}
		}
		if page := r.must("sessions.list", obj{"limit": 2}); page["hasMore"] != true || page["nextOffset"] != 2.0 {
			t.Errorf("page %v", page)
		}
		for _, params := range []obj{{"limit": -1}, {"limit": 0}, {"activeMinutes": 0}, {"label": ""}, {"offset": -1}, {"sortBy": "name"}, {"archived": "some"}, {"limit": "5"}, {"agentId": 7}} {
			if _, err := r.call("sessions.list", params); wit.CodeOf(err) != wit.CodeInvalid {
				t.Errorf("%v: %v, want invalid", params, err)
			}
		}
	})
}

// What clients of protocol 4 select by.
func TestSelection(t *testing.T) {
	r := newRig(t, store.OpenMemory())
	r.say("agent:main:a", "a")
	r.say("agent:main:sub", "b")
	r.say("agent:gone:c", "c")
	r.must("sessions.patch", obj{"key": "sub", "spawnedBy": "agent:main:a"})
	r.must("sessions.patch", obj{"key": "a", "archived": true, "label": "Project"})
	for _, c := range []struct {
		params obj
		want   string
	}{
		{obj{}, "agent:gone:c agent:main:sub"},
		{obj{"archived": true}, "agent:main:a"},
		{obj{"archived": "all"}, "agent:gone:c agent:main:a agent:main:sub"},
		{obj{"excludeSubagents": true}, "agent:gone:c"},
		{obj{"configuredAgentsOnly": true}, "agent:main:sub"},
		{obj{"hasBoard": true}, ""},
		{obj{"hasBoard": false, "includeActivitySummary": true}, "agent:gone:c agent:main:sub"},
	} {
		var keys []string
		for _, row := range r.must("sessions.list", c.params)["sessions"].([]any) {
			keys = append(keys, row.(obj)["key"].(string))
		}
		slices.Sort(keys)
		if got := strings.Join(keys, " "); got != c.want {
			t.Errorf("%v: %s, want %s", c.params, got, c.want)
		}
	}
}

// What lists show of a session that only clients have spoken in.
func TestRow(t *testing.T) {
	r := newRig(t, store.OpenMemory())
	r.say("agent:main:a", "a")
	r.must("sessions.patch", obj{"key": "a", "label": "Project"})
	storetest.Update(t, r.store, func(tx store.Tx) error {
		_, err := session.RunStarted(tx, "agent:main:a", "r1", false)
		return err
	})
	r.nobody.pending = map[session.Key]session.Pending{"agent:main:a": {Runs: []string{"r1"}}}
	row := r.must("sessions.list", nil)["sessions"].([]any)[0].(obj)
	if row["hasActiveRun"] != true || row["createdAt"] == nil || row["displayName"] != "Project" || row["lastChannel"] != "webchat" ||
		row["deliveryContext"].(obj)["channel"] != "webchat" || row["lastInteractionAt"] != row["updatedAt"] {
		t.Errorf("row %v", row)
	}
	r.nobody.pending = nil
	if row := r.must("sessions.describe", obj{"key": "a"})["session"].(obj); row["hasActiveRun"] != false {
		t.Errorf("row %v", row)
	}
}

// A list has pages, also for those who do not ask for one.
func TestPages(t *testing.T) {
	r := newRig(t, store.OpenMemory())
	storetest.Update(t, r.store, func(tx store.Tx) error {
		for i := range 1100 {
			if _, err := session.Ensure(tx, session.Key(fmt.Sprintf("agent:main:s%d", i)), message.Origin{}); err != nil {
				return err
			}
		}
		return nil
	})
	for limit, want := range map[int]float64{0: 200, 300: 300, 5000: 1000} {
		params := obj{"includeDerivedTitles": true}
		if limit > 0 {
			params["limit"] = limit
		}
		if l := r.must("sessions.list", params); l["count"] != want || l["limitApplied"] != want || l["totalCount"] != 1100.0 || l["hasMore"] != true || l["nextOffset"] != want {
			t.Errorf("limit %d: %v of %v, %v %v", limit, l["count"], l["totalCount"], l["hasMore"], l["nextOffset"])
		}
	}
}

// A session that was used while the clock was ahead does not stay the first until the clock is there.
func TestListAfterTheClockWasAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, store.OpenMemory())
		r.say("agent:main:ahead", "hello")
		ahead := time.Now().Add(48 * time.Hour).UnixMilli()
		storetest.Update(t, r.store, func(tx store.Tx) error {
			e, err := session.Get(tx, "agent:main:ahead")
			if err != nil {
				return err
			}
			e.Created, e.Updated = ahead, ahead
			return store.Table[session.Entry]("sessions").Put(tx, string(e.Key), e)
		})
		r.say("agent:main:now", "hello")
		first := func() string { return r.must("sessions.list", nil)["sessions"].([]any)[0].(obj)["key"].(string) }
		if got := first(); got != "agent:main:now" {
			t.Errorf("the first is %s", got)
		}
		if l := r.must("sessions.list", obj{"activeMinutes": 5}); l["count"] != 1.0 {
			t.Errorf("active: %v", l)
		}
		time.Sleep(time.Second)
		r.say("agent:main:ahead", "again")
		if got := first(); got != "agent:main:ahead" {
			t.Errorf("the first is %s", got)
		}
	})
}

func TestSubscribe(t *testing.T) {
	storetest.Both(t, func(t *testing.T, s store.Store) {
		r := newRig(t, s)
		r.say("agent:main:x", "hello")
		if got := r.must("sessions.subscribe", obj{}); got["subscribed"] != true || got["list"] != nil {
			t.Errorf("%v", got)
		}
		got := r.must("sessions.subscribe", obj{"limit": 1})
		if list, _ := got["list"].(obj); got["subscribed"] != true || list["count"] != 1.0 {
			t.Errorf("with a list: %v", got)
		}
	})
}

func TestPatch(t *testing.T) {
	r := newRig(t, store.OpenMemory())
	res := r.must("sessions.patch", obj{"key": "main", "label": "My label", "thinkingLevel": "low", "model": "mock/big", "reasoningLevel": "on", "verboseLevel": "full", "pinned": true, "statusNote": "soon", "fastMode": "auto"})
	entry := res["entry"].(obj)
	if res["ok"] != true || res["key"] != "agent:main:main" || entry["label"] != "My label" || entry["thinkingLevel"] != "low" || entry["model"] != "big" {
		t.Errorf("patch %v", res)
	}
	if entry["reasoningLevel"] != "on" || entry["verboseLevel"] != "full" {
		t.Errorf("what clients show: %v", entry)
	}
	if entry["pinned"] != true || entry["unread"] != false || entry["archived"] != false || entry["statusNote"] != "soon" || entry["fastMode"] != "auto" {
		t.Errorf("the marks: %v", entry)
	}
	before := entry["sessionId"]
	entry = r.must("sessions.reset", obj{"key": "main", "reason": "new"})["entry"].(obj)
	if entry["label"] != "My label" || entry["model"] != "big" || entry["sessionId"] == before || entry["systemSent"] != false {
		t.Errorf("reset %v", entry)
	}
	entry = r.must("sessions.patch", obj{"key": "main", "label": nil, "model": nil, "execHost": nil, "reasoningLevel": nil, "pinned": false, "statusNote": nil, "permissionMode": nil})["entry"].(obj)
	if entry["label"] != nil || entry["model"] != "mock-1" || entry["thinkingLevel"] != "low" || entry["reasoningLevel"] != nil || entry["verboseLevel"] != "full" || entry["pinned"] != false || entry["statusNote"] != nil {
		t.Errorf("cleared %v", entry)
	}
	r.must("sessions.patch", obj{"key": "other", "label": "taken"})
	for _, c := range []struct {
		params obj
		want   string
	}{
		{obj{"key": "main", "label": 5}, "label must be a string or null"},
		{obj{"key": "main", "label": strings.Repeat("x", 513)}, "label cannot be longer than 512 bytes: it has 513"},
		{obj{"key": "main", "spawnedBy": strings.Repeat("x", 600)}, "spawnedBy cannot be longer than 512 bytes: it has 600"},
		{obj{"key": "main", "verboseLevel": strings.Repeat("x", 600)}, "use off, on, full or null"},
		{obj{"key": "main", "verboseLevel": ""}, `verboseLevel cannot be "": use off, on, full or null`},
		{obj{"key": "main", "label": "taken"}, "has the label"},
		{obj{"key": "main", "thinkingLevel": "very"}, "thinkingLevel cannot be"},
		{obj{"key": "main", "model": "big"}, "no such model"},
		{obj{"key": "main", "verboseLevel": true}, "verboseLevel must be a string or null"},
		{obj{"key": "main", "sendPolicy": "deny"}, "sendPolicy is not enforced here"},
		{obj{"key": "main", "execHost": "gateway"}, "execHost is not enforced here"},
		{obj{"key": "main", "execSecurity": "deny"}, "execSecurity is not enforced here"},
		{obj{"key": "main", "execAsk": "always"}, "execAsk is not enforced here"},
		{obj{"key": "main", "execNode": "n1"}, "execNode is not enforced here"},
		{obj{"key": "main", "elevatedLevel": "off"}, "elevatedLevel is not enforced here"},
		{obj{"key": "main", "groupActivation": "mention"}, "groupActivation is not enforced here"},
		{obj{"key": "main", "label": ""}, "label cannot be"},
		{obj{"key": "main", "pinned": "yes"}, "at /pinned: must be boolean"},
		{obj{"key": "main", "statusNote": strings.Repeat("x", 121)}, "statusNote cannot be"},
		{obj{"key": "main", "fastMode": "slow"}, "fastMode cannot be"},
		{obj{"key": "main", "attention": "siren"}, "attention cannot be"},
		{obj{"key": "main", "ttlMinutes": 121}, "at /ttlMinutes: must be <= 120"},
		{obj{"key": "main", "boardFace": "back"}, "at /boardFace: must be one of"},
		{obj{"key": "main", "permissionMode": "read-only"}, "permissionMode is not enforced here"},
		{obj{"key": "main", "inheritedToolDeny": []string{"exec"}}, "inheritedToolDeny is not enforced here"},
		{obj{"key": "main", "expectedSessionId": "old"}, "read it again"},
		{obj{"key": "", "label": "x"}, "must NOT have fewer than 1 characters"},
		{obj{"key": "main", "colour": "x"}, "colour"},
	} {
		if _, err := r.call("sessions.patch", c.params); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60v: got %v, want %q", c.params, err, c.want)
		}
	}
	if got := strings.Join(r.reasons, ", "); got != "patch agent:main:main, reset agent:main:main, patch agent:main:main, patch agent:main:other" {
		t.Errorf("changes: %s", got)
	}
}

func TestPreviewAndResolve(t *testing.T) {
	r := newRig(t, store.OpenMemory())
	r.say("agent:main:x", "hello", strings.Repeat("long ", 100))
	sessiontest.Ensure(t, r.store, "agent:main:empty")
	r.must("sessions.patch", obj{"key": "x", "label": "L"})
	list := r.must("sessions.preview", obj{"keys": []string{"agent:main:x", "zz", "empty", "agent:"}, "maxChars": 20})["previews"].([]any)
	var status []string
	for _, p := range list {
		status = append(status, fmt.Sprint(p.(obj)["key"], " ", p.(obj)["status"]))
	}
	if got := strings.Join(status, ", "); got != "agent:main:x ok, zz missing, empty empty, agent: missing" {
		t.Errorf("previews: %s", got)
	}
	items := list[0].(obj)["items"].([]any)
	if len(items) != 2 || items[0].(obj)["text"] != "hello" || len(items[1].(obj)["text"].(string)) > 24 {
		t.Errorf("items %v", items)
	}
	id := r.must("sessions.describe", obj{"key": "x"})["session"].(obj)["sessionId"]
	for _, params := range []obj{{"key": "x"}, {"label": "L"}, {"sessionId": id}} {
		if res := r.must("sessions.resolve", params); res["key"] != "agent:main:x" || res["ok"] != true {
			t.Errorf("%v: %v", params, res)
		}
	}
	for _, c := range []struct {
		params obj
		want   wit.Code
	}{{obj{"label": "M"}, wit.CodeNotFound}, {obj{"key": "y"}, wit.CodeNotFound}, {obj{}, wit.CodeInvalid}, {obj{"key": "x", "label": "L"}, wit.CodeInvalid}, {obj{"sessionId": id, "label": "L"}, wit.CodeInvalid}} {
		if _, err := r.call("sessions.resolve", c.params); wit.CodeOf(err) != c.want {
			t.Errorf("%v: %v", c.params, err)
		}
	}
	if res := r.must("sessions.resolve", obj{"key": "y", "allowMissing": true}); res["ok"] != false {
		t.Errorf("missing: %v", res)
	}
	if res := r.must("sessions.describe", obj{"key": "y"}); res["session"] != nil {
		t.Errorf("missing: %v", res)
	}
}

// TestExport pages through the whole of a long history, also of one that a reset has ended.
func TestExport(t *testing.T) {
	storetest.Both(t, func(t *testing.T, s store.Store) {
		r := newRig(t, s)
		var texts []string
		for i := range 1100 {
			texts = append(texts, fmt.Sprint("message ", i, strings.Repeat(".", 300)))
		}
		r.say("agent:main:x", texts...)
		id := r.must("sessions.describe", obj{"key": "x"})["session"].(obj)["sessionId"]
		r.must("sessions.reset", obj{"key": "x"})
		params := obj{"sessionId": id}
		var lines []obj
		pages := 0
		for ; ; pages++ {
			res := r.must("sessions.export", params)
			for _, line := range res["lines"].([]any) {
				var o obj
				if err := json.Unmarshal([]byte(line.(string)), &o); err != nil {
					t.Fatal(err)
				}
				lines = append(lines, o)
			}
			if res["cursor"] == nil {
				break
			}
			params = obj{"cursor": res["cursor"]}
		}
		if pages < 2 || len(lines) != 1101 || lines[0]["type"] != "session" || lines[0]["sessionId"] != id {
			t.Fatalf("%d pages, %d lines, first %v", pages, len(lines), lines[0])
		}
		for i, line := range lines[1:] {
			if line["type"] != "message" || line["number"] != float64(i+1) {
				t.Fatalf("line %d: %v", i, line)
			}
		}
		for _, params := range []obj{{"cursor": "x"}, {"cursor": ".1"}, {"key": "none"}, {"sessionId": "none"}, {}} {
			if _, err := r.call("sessions.export", params); err == nil {
				t.Errorf("%v: no error", params)
			}
		}
	})
}

// TestExportKeepsOpaqueDataBack: what a provider wants to have again, with a message or a call, and what the model
// thought, are nobody else's; the history keeps them.
func TestExportKeepsOpaqueDataBack(t *testing.T) {
	r := newRig(t, store.OpenMemory())
	r.say(key, "hello")
	said := session.Message{Role: wit.RoleAssistant, Parts: []wit.Part{session.TextPart("well")}, Thinking: "secret thought", Opaque: wit.JSON(`"secret of the turn"`),
		ToolCalls: []wit.ToolCall{{ID: "a", Name: "add", Args: wit.JSON(`{"shown":1}`), Opaque: wit.JSON(`"secret of the call"`)}}}
	storetest.Update(t, r.store, func(tx store.Tx) error {
		_, err := session.Append(tx, key, said)
		return err
	})
	out := fmt.Sprint(r.must("sessions.export", obj{"key": "main"})["lines"])
	if strings.Contains(out, "secret") || !strings.Contains(out, "well") || !strings.Contains(out, "shown") {
		t.Errorf("exported %s", out)
	}
	if said.WithoutOpaque(); string(said.ToolCalls[0].Opaque) != `"secret of the call"` {
		t.Errorf("the message itself has lost %+v", said.ToolCalls[0])
	}
}

// TestDelete takes the histories with it, unless they are to be kept, and never the main session.
func TestDelete(t *testing.T) {
	storetest.Both(t, func(t *testing.T, s store.Store) {
		r := newRig(t, s)
		long := make([]string, 1200)
		for i := range long {
			long[i] = "x"
		}
		r.say("agent:main:x", long...)
		r.must("sessions.reset", obj{"key": "x"})
		r.say("agent:main:x", "y")
		if res := r.must("sessions.delete", obj{"key": "x"}); res["deleted"] != true || len(res["archived"].([]any)) != 0 {
			t.Errorf("delete %v", res)
		}
		storetest.Update(t, s, func(tx store.Tx) error {
			for _, space := range []string{"history", "sessions", "sessions.ids", "sessions.archive", "sessions.trash"} {
				for rec, err := range tx.Scan(space, store.Range{Limit: 1}) {
					t.Errorf("left over: %s %q %v", space, rec.Key, err)
				}
			}
			return nil
		})
		if res := r.must("sessions.delete", obj{"key": "x"}); res["deleted"] != false {
			t.Errorf("again: %v", res)
		}
		r.say("agent:main:z", "kept")
		res := r.must("sessions.delete", obj{"key": "z", "deleteTranscript": false})
		kept := res["archived"].([]any)
		if len(kept) != 1 {
			t.Fatalf("kept %v", kept)
		}
		if page := r.must("sessions.export", obj{"sessionId": kept[0]}); len(page["lines"].([]any)) != 2 {
			t.Errorf("the kept history: %v", page)
		}
		_, err := r.call("sessions.delete", obj{"key": "main"})
		if wit.CodeOf(err) != wit.CodeInvalid || err.Error() != "Cannot delete the main session (agent:main:main)." {
			t.Errorf("main: %v", err)
		}
		r.say("agent:main:w", "w")
		if _, err := r.call("sessions.delete", obj{"key": "w", "expectedSessionId": "other"}); err == nil {
			t.Error("deleted what is not expected")
		}
		used := func() float64 {
			return r.must("sessions.describe", obj{"key": "w"})["session"].(obj)["updatedAt"].(float64)
		}
		for what, params := range map[string]obj{
			"what was used since":     {"key": "w", "expectedSessionUpdatedAt": used() - 1},
			"what is not archived":    {"key": "w", "archivedOnly": true},
			"of an agent that is not": {"key": "w", "agentId": "nobody"},
		} {
			if _, err := r.call("sessions.delete", params); wit.CodeOf(err) != wit.CodeInvalid {
				t.Errorf("deleted %s: %v", what, err)
			}
		}
		r.must("sessions.patch", obj{"key": "w", "archived": true})
		if res := r.must("sessions.delete", obj{"key": "w", "archivedOnly": true, "expectedSessionUpdatedAt": used()}); res["deleted"] != true {
			t.Errorf("as expected: %v", res)
		}
		if n := len(r.nobody.ended); n != 4 {
			t.Errorf("%d histories ended", n)
		}
	})
}

// TestSessionsOfAChannel are found, those of a person, and those that stand in a way, page by page with their number.
func TestSessionsOfAChannel(t *testing.T) {
	storetest.Both(t, func(t *testing.T, s store.Store) {
		r := newRig(t, s)
		storetest.Update(t, s, func(tx store.Tx) error {
			for i := range 30 {
				channel, person := []string{"chat", "mail"}[i%2], fmt.Sprint("p", i%3)
				key := session.Key(fmt.Sprintf("agent:main:%s:dm:%d", channel, i))
				at := message.Origin{Channel: channel, Sender: &wit.Person{ID: person}, Conversation: &wit.Conversation{ID: person}}
				e, err := session.Ensure(tx, key, at)
				if err != nil {
					return err
				}
				e.LastRunState = []session.RunState{"done", "failed", session.RunAborted, ""}[i%4]
				if err := session.Put(tx, e); err != nil {
					return err
				}
			}
			return nil
		})
		r.say("agent:main:main", "from a client")
		const queued = session.Key("agent:main:chat:dm:0")
		r.nobody.pending = map[session.Key]session.Pending{queued: {Runs: []string{"r1"}}}
		for _, c := range []struct {
			params obj
			want   float64
		}{
			{obj{"channel": "chat"}, 15}, {obj{"channel": "mail"}, 15}, {obj{"channel": "webchat"}, 1}, {obj{"channel": "none"}, 0},
			{obj{"userId": "p1"}, 10}, {obj{"userId": "p1", "channel": "chat"}, 5}, {obj{"userId": "nobody"}, 0},
			{obj{"status": "failed"}, 8}, {obj{"status": "killed"}, 7}, {obj{"status": "done"}, 7}, {obj{"status": "queued"}, 1}, {obj{"status": "running"}, 0},
			{obj{"status": "failed", "channel": "mail", "userId": "p1"}, 3}, {obj{"status": "failed", "channel": "chat"}, 0},
		} {
			if res := r.must("sessions.list", c.params); res["count"] != c.want || res["totalCount"] != c.want {
				t.Errorf("%v: %v of %v, want %v", c.params, res["count"], res["totalCount"], c.want)
			}
		}
		seen := map[string]bool{}
		for offset := 0; offset < 15; offset += 4 {
			page := r.must("sessions.list", obj{"channel": "chat", "limit": 4, "offset": offset})
			for _, row := range page["sessions"].([]any) {
				seen[row.(obj)["key"].(string)] = true
			}
			if more := offset+4 < 15; page["hasMore"] != more || page["totalCount"] != 15.0 {
				t.Errorf("page at %d: %v", offset, page)
			}
		}
		if len(seen) != 15 {
			t.Errorf("%d of 15 on all pages", len(seen))
		}
		for _, params := range []obj{{"channel": ""}, {"userId": ""}, {"status": "odd"}, {"status": 7}} {
			if _, err := r.call("sessions.list", params); wit.CodeOf(err) != wit.CodeInvalid {
				t.Errorf("%v: %v, want invalid", params, err)
			}
		}
	})
}
