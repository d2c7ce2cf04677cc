package audit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service/audit"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/task"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// ledger is a service and the table through which it is asked.
type ledger struct {
	*audit.Service
	t     *testing.T
	store store.Store
	table *rpc.Table
	log   *strings.Builder
}

func newLedger(t *testing.T, db store.Store) *ledger {
	t.Helper()
	l := &ledger{t: t, store: db, log: &strings.Builder{}}
	l.Service = audit.New(audit.Deps{
		Store: db, Runs: func(context.Context, int) ([]task.Task, error) { return nil, nil },
		Removals: func(context.Context) ([]audit.Removal, error) { return nil, nil },
		Session:  func(key, _ string) (string, error) { return key, nil }, Agent: func() string { return "main" },
		Redact: func(s string) string { return strings.ReplaceAll(s, "hunter2", "***") }, Log: hclog.New(&hclog.LoggerOptions{Output: l.log}),
	})
	table, err := rpc.NewTable(l.Service.Service().Methods...)
	if err != nil {
		t.Fatal(err)
	}
	l.table = table
	return l
}

// list asks for a page.
func (l *ledger) list(params string) audit.Result {
	l.t.Helper()
	out, err := l.table.Call(l.t.Context(), &rpc.Caller{Role: wire.RoleOperator, Scopes: []wire.Scope{wire.ScopeAdmin}}, "audit.list", json.RawMessage(params), nil)
	if err != nil {
		l.t.Fatal(err)
	}
	return out.(audit.Result)
}

// size counts the records of a table.
func (l *ledger) size(table string) (n int) {
	l.t.Helper()
	l.list(`{"limit":1}`) // writes what waits
	err := l.store.View(l.t.Context(), func(tx store.Tx) error {
		n = 0
		for _, err := range tx.Scan(table, store.Range{}) {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return n
}

// call keeps a call of a client.
func (l *ledger) call(method, client, params string, err error) {
	l.Note(rpc.Note{Method: method, Caller: &rpc.Caller{Client: wire.Client{ID: client}, RemoteIP: "203.0.113.7"}, Params: json.RawMessage(params), Err: err})
}

var forbidden = wit.NewError(wit.CodeForbidden, "no")

// TestBounds: the oldest go first, by number and by age, and what was refused pushes out nothing that was done.
func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger(t, store.OpenMemory())
		for i := range 10_500 {
			l.call("config.patch", "cli", fmt.Sprintf(`{"name":"%d"}`, i), nil)
			if i%1000 == 0 {
				l.size("audit.calls")
				time.Sleep(time.Second)
			}
		}
		if n := l.size("audit.calls"); n != 10_000 {
			t.Errorf("%d calls are kept", n)
		}
		if last := l.list(`{"limit":1}`).Events[0]; last.Call.About["name"] != "10499" {
			t.Errorf("the last is %+v", last.Call)
		}
		again := newLedger(t, l.store) // it counts what is there
		again.call("config.patch", "cli", `{}`, nil)
		if n := again.size("audit.calls"); n != 10_000 {
			t.Errorf("%d calls are kept after a restart", n)
		}
		for hour := range 20 {
			for i := range 1000 {
				again.call(fmt.Sprint("m", i), "stranger", "", forbidden)
			}
			if n := again.size("audit.refused"); n > min(257*(hour+1), 2000) || n < min(256*(hour+1), 2000) {
				t.Fatalf("%d refusals are kept in hour %d", n, hour)
			}
			time.Sleep(time.Hour)
		}
		if n := again.size("audit.calls"); n != 10_000 {
			t.Errorf("refusals have pushed out calls: %d are left", n)
		}
		time.Sleep(91 * 24 * time.Hour)
		for range 120 { // a step at a time
			again.call("config.patch", "cli", "", nil)
			again.size("audit.calls")
		}
		if n := again.size("audit.calls"); n != 120 {
			t.Errorf("%d calls are kept after 91 days", n)
		}
	})
}

// TestRefusalsAreCounted within an hour, by who and what.
func TestRefusalsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger(t, store.OpenMemory())
		for range 500 {
			l.call("config.set", "app", "", forbidden)
			l.call("config.set", "other", "", forbidden)
		}
		time.Sleep(time.Hour)
		l.call("config.set", "app", "", forbidden)
		got := l.list(`{"status":"blocked"}`).Events
		if len(got) != 3 || got[0].Call.Count != 1 || got[1].Call.Count != 500 || got[2].Call.Count != 500 || got[0].ErrorCode != "tool_blocked" {
			t.Errorf("%+v", got)
		}
	})
}

// TestOnlyIDs are kept of parameters, whatever these are, and no credential that is known.
func TestOnlyIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger(t, store.OpenMemory())
		for params, want := range map[string]string{
			`{"id":"weather","secrets":{"id":"s3cret"},"value":"s3cret","token":"s3cret","enabled":true}`: `{"enabled":"true","id":"weather"}`,
			`{"id":{"name":"s3cret"},"key":["s3cret"],"name":7,"agentId":null,"channel":""}`:              ``,
			`["s3cret"]`: ``, `"s3cret"`: ``, `{"id":`: ``, ``: ``, `null`: ``,
			`{"name":"my hunter2"}`:                                      `{"name":"my ***"}`,
			`{"id":"` + strings.Repeat("é", 200) + `"}`:                  `{"id":"` + strings.Repeat("é", 128) + `…"}`,
			`{"id":"x","raw":"` + strings.Repeat("s3cret", 20000) + `"}`: ``,
		} {
			l.call("plugins.configure", "cli", params, nil)
			e := l.list(`{"limit":1}`).Events[0]
			about := ""
			if len(e.Call.About) > 0 {
				b, err := json.Marshal(e.Call.About)
				if err != nil {
					t.Fatal(err)
				}
				about = string(b)
			}
			if about != want {
				t.Errorf("%.80s: %s, want %s", params, about, want)
			}
			if b, _ := json.Marshal(e); strings.Contains(string(b), "s3cret") || strings.Contains(string(b), "hunter2") {
				t.Errorf("%s", b)
			}
			time.Sleep(time.Millisecond)
		}
	})
}

// failing is a store that takes nothing.
type failing struct{ store.Store }

func (failing) Update(context.Context, func(store.Tx) error) error {
	return errors.New("the disk is full")
}

// TestWhatCannotBeWritten is logged, with who called what.
func TestWhatCannotBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger(t, failing{store.OpenMemory()})
		l.call("config.patch", "cli", "", nil)
		if got := l.list("").Events; len(got) != 0 || !strings.Contains(l.log.String(), "config.patch by cli") || !strings.Contains(l.log.String(), "the disk is full") {
			t.Errorf("%+v %s", got, l.log)
		}
	})
}

// TestRunWrites without that anybody reads, and what comes after its end too.
func TestRunWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger(t, store.OpenMemory())
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- l.Service.Service().Run(ctx) }()
		written := func() (n uint64) { synctest.Wait(); return l.store.Version("audit.calls") }
		before := written()
		l.call("config.patch", "cli", "", nil)
		first := written()
		cancel()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		l.call("config.patch", "cli", "", nil)
		if second := written(); first == before || second == first {
			t.Errorf("%d %d %d", before, first, second)
		}
	})
}

// TestPages: a list goes on where it ended, and selects by method and time.
func TestPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger(t, store.OpenMemory())
		for i := range 5 {
			l.call([]string{"config.patch", "config.set", "device.pair.approve"}[i%3], "cli", fmt.Sprintf(`{"id":"%d"}`, i), nil)
			time.Sleep(time.Second)
		}
		l.call("config.set", "cli", `{"id":"5"}`, wit.NewError(wit.CodeConflict, "no"))
		ids := func(r audit.Result) (s string) {
			for _, e := range r.Events {
				s += e.Call.About["id"]
			}
			return s
		}
		one := l.list(`{"limit":4}`)
		two := l.list(`{"limit":4,"cursor":"` + one.NextCursor + `"}`)
		if ids(one)+" "+ids(two) != "5432 10" || two.NextCursor != "" {
			t.Errorf("%s %s", ids(one), ids(two))
		}
		for params, want := range map[string]string{
			`{"method":"config.set"}`: "541", `{"method":"config."}`: "5431 0", `{"status":"failed"}`: "5", `{"kind":"agent_run"}`: "",
			fmt.Sprintf(`{"after":%d}`, two.Events[0].OccurredAt): "5432", fmt.Sprintf(`{"before":%d}`, two.Events[0].OccurredAt): "0",
		} {
			if got := ids(l.list(params)); got != strings.ReplaceAll(want, " ", "") {
				t.Errorf("%s: %s, want %s", params, got, want)
			}
		}
	})
}

// TestChangedInATransaction: also after the end, when what is kept is written at once, a record that a transaction finds changed does
// not begin another one inside of it.
func TestChangedInATransaction(t *testing.T) {
	l := newLedger(t, store.OpenMemory())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Service.Service().Run(ctx); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		done <- l.store.Update(t.Context(), func(store.Tx) error {
			l.Changed("usage/2026-11")
			return nil
		})
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the transaction waits for one inside of it")
	}
	l.call("config.patch", "cli", "", nil) // which writes both
	if events := l.list(`{}`).Events; len(events) != 2 {
		t.Errorf("%+v", events)
	}
}

// TestAChangedNote keeps no other one from being written.
func TestAChangedNote(t *testing.T) {
	file := store.OpenMemory()
	guarded := func() *store.Sealed {
		s, err := store.Seal(t.Context(), file, []byte(strings.Repeat("k", 32)), false)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	l := newLedger(t, guarded())
	l.call("config.patch", "cli", "", nil)
	if events := l.list(`{}`).Events; len(events) != 1 {
		t.Fatalf("%+v", events)
	}
	if err := file.Update(t.Context(), func(tx store.Tx) error {
		for rec, err := range tx.Scan("audit.calls", store.Range{}) {
			if err != nil {
				return err
			}
			return tx.Put("audit.calls", rec.Key, []byte("{}"))
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	l = newLedger(t, guarded())
	l.call("config.set", "cli", "", nil)
	if events := l.list(`{}`).Events; len(events) != 1 || events[0].Call.Method != "config.set" {
		t.Errorf("%+v: %s", events, l.log)
	}
}

// TestChangedRecords are noted with where they are, and with a person goes where the person's are, and nobody else's.
func TestChangedRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger(t, store.OpenMemory())
		records := []string{"usage/2026-11", "roster/chat\x00bot\x0042", "history/agent:main:chat:dm:42/0001", "history/agent:main:chat:dm:4242/0001", "kv/142"}
		for _, record := range records {
			l.Changed(record)
		}
		noted := func() (list []string) {
			for _, e := range l.list(`{"method":"store."}`).Events {
				list = append(list, e.Call.About["record"])
			}
			slices.Sort(list)
			return list
		}
		if got := noted(); len(got) != len(records) || !slices.Contains(got, "roster/chat bot 42") {
			t.Errorf("%q", got)
		}
		if n, err := (audit.People{Service: l.Service}).Forget(t.Context(), message.Party{Channel: "chat", ID: "42"}); n != 2 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		if got, want := noted(), []string{"", "", "history/agent:main:chat:dm:4242/0001", "kv/142", "usage/2026-11"}; !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	})
}
