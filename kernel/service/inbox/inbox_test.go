package inbox_test

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
	"github.com/carapace-gateway/carapace/kernel/service/inbox"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

var (
	account = message.Account{Channel: "chat", ID: "main"}
	open    = inbox.Access{DM: inbox.PolicyOpen, Group: inbox.PolicyOpen}
)

// world is what an inbox stands on, in memory.
type world struct {
	*inbox.Service
	t        *testing.T
	store    store.Store
	down     bool  // the store fails
	refuse   error // what Accept answers
	accepted []message.Inbound
	sent     []message.Outbound
	moves    []message.Move
	wakes    int
	woken    []string

	unmovable bool // who is told of a move fails
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, store: store.OpenMemory()}
	w.Service = inbox.New(inbox.Deps{
		Store: flaky{w.store, w}, Log: hclog.NewNullLogger(), Acceptor: w, Outbox: outbox{w}, Accounts: w,
		Moved:  []func(store.Tx, message.Move) error{w.move},
		Redact: func(s string) string { return strings.ReplaceAll(s, "hunter2", "…") },
	})
	return w
}

type flaky struct {
	store.Store
	w *world
}

func (f flaky) Update(ctx context.Context, fn func(store.Tx) error) error {
	if f.w.down {
		return wit.NewError(wit.CodeUnavailable, "the disk is full")
	}
	return f.Store.Update(ctx, fn)
}

func (w *world) Accept(_ store.Tx, m message.Inbound) (string, error) {
	if w.refuse == nil {
		w.accepted = append(w.accepted, m)
	}
	return m.Message.Conversation.ID, w.refuse
}
func (w *world) move(_ store.Tx, m message.Move) error {
	if w.unmovable {
		return errUnmovable
	}
	w.moves = append(w.moves, m)
	return nil
}
func (w *world) Wake(sessions ...string) { w.wakes++; w.woken = append(w.woken, sessions...) }
func (w *world) Accounts() []message.Account {
	return []message.Account{account, {Channel: "chat", ID: "other"}}
}
func (w *world) Account(channel, _ string) (message.Account, error) {
	if channel != account.Channel {
		return message.Account{}, wit.NewError(wit.CodeNotFound, "there is no such channel")
	}
	return account, nil
}
func (w *world) Label(string) string { return "Chat" }

type outbox struct{ *world }

func (o outbox) Wake() { o.wakes++ }

func (o outbox) Enqueue(_ store.Tx, m message.Outbound) error {
	o.sent = append(o.sent, m)
	return nil
}

func (w *world) commit(b inbox.Batch) inbox.Result {
	w.t.Helper()
	b.Account = account
	r, err := w.Commit(w.t.Context(), b)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) call(method, params string, out any) error {
	w.t.Helper()
	table, err := rpc.NewTable(w.Service.Service().Methods...)
	if err != nil {
		w.t.Fatal(err)
	}
	owner := &rpc.Caller{Role: wire.RoleOperator, Scopes: []wire.Scope{wire.ScopeAdmin}}
	res, err := table.Call(w.t.Context(), owner, method, json.RawMessage(params), nil)
	if err != nil || out == nil {
		return err
	}
	b, err := json.Marshal(res)
	if err != nil {
		w.t.Fatal(err)
	}
	return json.Unmarshal(b, out)
}

func (w *world) rows(table string) (n int) {
	_ = w.store.View(context.Background(), func(tx store.Tx) error {
		for range tx.Scan(table, store.Range{}) {
			n++
		}
		return nil
	})
	return n
}

func text(id, body string) wit.Message {
	return wit.Message{
		ID: id, Kind: wit.MessageKindText, Text: body, Sender: wit.Person{ID: "u1"},
		Conversation: wit.Conversation{Kind: wit.ConversationKindDirect, ID: "c1"},
	}
}

func inGroup(m wit.Message, mentioned bool, thread *string) wit.Message {
	m.Conversation = wit.Conversation{Kind: wit.ConversationKindGroup, ID: "g1", Thread: thread}
	m.Mentioned = mentioned
	return m
}

func TestAMessageIsAcceptedOnce(t *testing.T) {
	w := newWorld(t)
	state := inbox.State{Version: "1.0.0", State: wit.JSON(`7`)}
	r := w.commit(inbox.Batch{Access: open, Messages: []wit.Message{text("1", "a"), text("2", "b"), text("1", "a")}, State: &state})
	if r.Accepted != 2 || r.Duplicates != 1 || len(r.News) != 2 || w.wakes != 1 {
		t.Errorf("%+v, %d wakes", r, w.wakes)
	}
	if !slices.Equal(w.woken, []string{"c1", "c1"}) {
		t.Errorf("woken %v", w.woken)
	}
	r = w.commit(inbox.Batch{Access: open, Messages: []wit.Message{text("2", "b")}})
	if r.Accepted != 0 || r.Duplicates != 1 || len(w.accepted) != 2 || w.wakes != 1 {
		t.Errorf("again: %+v", r)
	}
	if m := w.accepted[1]; m.ID != "chat/main/2" || m.Account != account || m.Message.Text != "b" || m.ReceivedAt == 0 {
		t.Errorf("accepted %+v", m)
	}
	if got, err := w.State(t.Context(), account); string(got.State) != "7" || err != nil {
		t.Errorf("state %+v, %v", got, err)
	}
	if got, err := w.State(t.Context(), message.Account{Channel: "chat", ID: "other"}); got.State != nil || err != nil {
		t.Errorf("another account's state %+v, %v", got, err)
	}
}

func TestACommitIsAllOrNothing(t *testing.T) {
	w := newWorld(t)
	b := inbox.Batch{Account: account, Access: open, Messages: []wit.Message{text("1", "a")}, State: &inbox.State{State: wit.JSON(`1`)}}
	w.refuse = wit.NewError(wit.CodeRateLimited, "full")
	if _, err := w.Commit(t.Context(), b); wit.CodeOf(err) != wit.CodeRateLimited || inbox.IsStoreError(err) {
		t.Errorf("refused: %v", err)
	}
	w.refuse, w.down = nil, true
	if _, err := w.Commit(t.Context(), b); !inbox.IsStoreError(err) {
		t.Errorf("the store is down: %v", err)
	}
	if err := w.PutState(t.Context(), account, inbox.State{}); !inbox.IsStoreError(err) {
		t.Errorf("the store is down: %v", err)
	}
	w.down = false
	if n := w.rows("channel.inbox") + w.rows("channel.state"); n != 0 || w.wakes != 0 {
		t.Errorf("%d rows after commits that failed", n)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if r, err := w.Commit(ended, b); err != nil || r.Accepted != 1 {
		t.Errorf("a commit ends with its caller: %+v %v", r, err)
	}
}

func TestAGroupsHistory(t *testing.T) {
	w := newWorld(t)
	var all []wit.Message
	for i := range 60 {
		all = append(all, inGroup(text(fmt.Sprint("h", i), fmt.Sprint("said ", i)), false, nil))
	}
	long := inGroup(text("long", strings.Repeat("é", 1500)), false, new("t1"))
	all = append(all, long, inGroup(text("m1", "bot?"), true, nil), inGroup(text("m2", "bot!"), true, nil), inGroup(text("m3", "bot"), true, new("t1")))
	r := w.commit(inbox.Batch{Access: open, Messages: all})
	if r.Kept != 61 || r.Accepted != 3 {
		t.Fatalf("%+v", r)
	}
	a := w.accepted
	if len(a[0].History) != 50 || a[0].History[0].Text != "said 10" || a[0].History[49].Text != "said 59" || len(a[1].History) != 0 {
		t.Errorf("history of %d and %d", len(a[0].History), len(a[1].History))
	}
	if h := a[2].History; len(h) != 1 || len(h[0].Text) > 2003 || !strings.HasSuffix(h[0].Text, "é…") {
		t.Errorf("a thread has its own history, of bounded texts: %d", len(h))
	}
	if w.rows("channel.pending") != 0 {
		t.Error("the history is kept after it was handed on")
	}
}

func TestPairing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		from := func(id, sender string) wit.Message {
			m := text(id, "hello")
			m.Sender.ID = sender
			return m
		}
		r := w.commit(inbox.Batch{Messages: []wit.Message{from("1", "u1"), from("2", "u1"), from("3", "u2"), from("4", "u3"), from("5", "u4"), from("6", "")}})
		if r.Paired != 6 || len(w.sent) != 3 || w.wakes != 1 {
			t.Fatalf("%+v, %d invitations", r, len(w.sent))
		}
		var list inbox.PairingListResult
		if err := w.call("channels.pairing.list", `{"channel":"chat","accountId":"main"}`, &list); err != nil || len(list.Requests) != 3 || len(list.Accounts) != 1 {
			t.Fatalf("%+v %v", list, err)
		}
		q := list.Requests[0]
		if text := w.sent[0].Text; q.SenderID != "u1" || q.ChannelLabel != "Chat" || !strings.Contains(text, q.RequestID) || !strings.Contains(text, "u1") {
			t.Errorf("%+v, invitation %q", q, text)
		}
		if err := w.call("channels.pairing.approve", `{"channel":"chat","requestId":"`+q.RequestID+`","notify":true}`, nil); err != nil || len(w.sent) != 4 {
			t.Errorf("%v, %d notices", err, len(w.sent))
		}
		if r := w.commit(inbox.Batch{Messages: []wit.Message{from("7", "u1")}}); r.Accepted != 1 {
			t.Errorf("approved: %+v", r)
		}
		time.Sleep(61 * time.Minute)
		if err := w.call("channels.pairing.approve", `{"channel":"chat","code":"`+list.Requests[1].RequestID+`"}`, nil); wit.CodeOf(err) != wit.CodeNotFound {
			t.Errorf("a code of an hour ago: %v", err)
		}
		if w.commit(inbox.Batch{Messages: []wit.Message{from("8", "u9")}}); len(w.sent) != 5 || w.rows("channel.pairing") != 1 {
			t.Errorf("%d notices, %d requests", len(w.sent), w.rows("channel.pairing"))
		}
		if err := w.call("channels.pairing.revoke", `{"channel":"chat","senderId":"u1"}`, nil); err != nil {
			t.Error(err)
		}
		if err := w.call("channels.pairing.revoke", `{"channel":"chat","senderId":"u1"}`, nil); wit.CodeOf(err) != wit.CodeNotFound {
			t.Errorf("twice: %v", err)
		}
		if err := w.call("channels.pairing.revoke", `{"channel":"chat","accountId":"gone","senderId":"u1"}`, nil); err == nil || !strings.Contains(err.Error(), "chat/gone") {
			t.Errorf("an account that is gone may still be named: %v", err)
		}
		if err := w.call("channels.pairing.revoke", `{"channel":"none","senderId":"u1"}`, nil); wit.CodeOf(err) != wit.CodeNotFound {
			t.Errorf("an unknown channel: %v", err)
		}
	})
}

func TestDeadLetters(t *testing.T) {
	w := newWorld(t)
	d := w.DeadLetters()
	webhook := func(body string) wit.ChannelEvent {
		return wit.ChannelEvent{Kind: wit.EventKindWebhook, Account: "main", State: wit.JSON(`1`), Now: 99, Webhook: &wit.WebhookRequest{Text: &body}}
	}
	fail := inbox.Failure{Account: account, Event: webhook("bad hunter2"), Cause: errors.New("cannot read hunter2"), Next: &inbox.State{State: wit.JSON(`2`)}}
	first, err := d.Record(t.Context(), fail)
	if err != nil || first.Stopped || strings.Contains(first.Reason, "hunter2") {
		t.Fatalf("%+v %v", first, err)
	}
	if s, err := w.State(t.Context(), account); string(s.State) != "2" || err != nil {
		t.Errorf("the state does not step over it: %+v %v", s, err)
	}
	fail.Next, fail.Event.State, fail.Event.Now = nil, wit.JSON(`5`), 100
	again, err := d.Record(t.Context(), fail)
	if err != nil || again.ID != first.ID || !again.Stopped {
		t.Errorf("the same event again: %+v %v", again, err)
	}
	l, err := d.Get(t.Context(), first.ID)
	if err != nil || l.Count != 2 || !l.Stopped || strings.Contains(string(l.Event), "hunter2") || strings.Contains(string(l.Event), `"state"`) {
		t.Errorf("%+v %s %v", l, l.Event, err)
	}
	w.down = true
	if _, err := d.Record(t.Context(), fail); !inbox.IsStoreError(err) {
		t.Errorf("the store is down: %v", err)
	}
	w.down = false
	for i := range 1000 {
		fail.Event, fail.Next = webhook(fmt.Sprint(i)), &inbox.State{State: wit.JSON(`3`)}
		if r, err := d.Record(t.Context(), fail); err != nil || r.Stopped != (i == 999) {
			t.Fatalf("dead letter %d: %+v %v", i, r, err)
		}
	}
	var list inbox.DeadLetterListResult
	if err := w.call("channels.poison.list", `{"channel":"chat","limit":1000}`, &list); err != nil || len(list.Events) != 1000 {
		t.Errorf("%d in a list, %v", len(list.Events), err)
	}
	if err := w.call("channels.poison.list", `{"channel":"cha"}`, &list); err != nil || len(list.Events) != 0 {
		t.Errorf("%d of another channel, %v", len(list.Events), err)
	}
	r := w.commit(inbox.Batch{Access: open, Messages: []wit.Message{text("1", "a")}, Replayed: first.ID})
	if _, err := d.Get(t.Context(), first.ID); r.Accepted != 1 || wit.CodeOf(err) != wit.CodeNotFound {
		t.Errorf("a replay: %+v, %v", r, err)
	}
	if err := d.Drop(t.Context(), list1(t, w)); err != nil {
		t.Error(err)
	}
	q, err := w.Service.Service().Queues(t.Context())
	if q["dead_letters"] != 999 || err != nil {
		t.Errorf("queues %v %v", q, err)
	}
}

// TestASecretAtTheCutIsNotShownInPart: what is left of a secret that was cut is not recognized any more.
func TestASecretAtTheCutIsNotShownInPart(t *testing.T) {
	w := newWorld(t)
	cause := errors.New(strings.Repeat("x", 1995) + "hunter2 and more")
	r, err := w.DeadLetters().Record(t.Context(), inbox.Failure{Account: account, Cause: cause})
	if err != nil || strings.Contains(r.Reason, "hunt") || len(r.Reason) > 2003 || len(r.Reason) < 1995 {
		t.Errorf("%q %v", r.Reason, err)
	}
}

// list1 is the id of one dead letter.
func list1(t *testing.T, w *world) string {
	var list inbox.DeadLetterListResult
	if err := w.call("channels.poison.list", `{"limit":1}`, &list); err != nil || len(list.Events) != 1 {
		t.Fatalf("%+v %v", list, err)
	}
	return list.Events[0].ID
}

func TestOldRecordsGo(t *testing.T) {
	t.Run("by age", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- w.Run(ctx) }()
			w.commit(inbox.Batch{Access: open, Messages: []wit.Message{text("old", "")}})
			time.Sleep(20 * 24 * time.Hour)
			w.commit(inbox.Batch{Access: open, Messages: []wit.Message{text("new", "")}})
			time.Sleep(11 * 24 * time.Hour)
			synctest.Wait()
			if a, b := w.rows("channel.inbox"), w.rows("channel.inbox.order"); a != 1 || b != 1 {
				t.Errorf("%d records, %d in order", a, b)
			}
			if r := w.commit(inbox.Batch{Access: open, Messages: []wit.Message{text("new", "")}}); r.Duplicates != 1 {
				t.Errorf("a recent message was taken twice: %+v", r)
			}
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("by count", func(t *testing.T) {
		w := newWorld(t)
		for i := range 12 {
			var b inbox.Batch
			b.Access = open
			for j := range 100 {
				b.Messages = append(b.Messages, text(fmt.Sprint("m", 100*i+j), ""))
			}
			w.commit(b)
		}
		batches := 0
		for more := true; more; batches++ {
			err := w.store.Update(t.Context(), func(tx store.Tx) (err error) {
				more, err = inbox.PruneEntries(tx, 0, 100)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if n, order := w.rows("channel.inbox"), w.rows("channel.inbox.order"); n != 100 || order != 100 || batches != 3 {
			t.Errorf("%d records, %d in order, %d batches", n, order, batches)
		}
		w.commit(inbox.Batch{Access: open, Messages: []wit.Message{text("m1150", ""), text("next", "")}})
		if n := w.rows("channel.inbox"); n != 101 {
			t.Errorf("%d records after one old and one new message", n)
		}
	})
}

func TestLongIDsAreNotMistakenForEachOther(t *testing.T) {
	w := newWorld(t)
	long := strings.Repeat("i", 900)
	r := w.commit(inbox.Batch{Access: open, Messages: []wit.Message{text(long, ""), text(long, ""), text(long+"i", ""), text("a/b c%", ""), text("a", "")}})
	if r.Accepted != 4 || r.Duplicates != 1 {
		t.Errorf("%+v", r)
	}
}

// TestAGroupThatNobodyAnswers keeps no more of what was said than the next answer sees, in rows that are read and written fast, and
// what an earlier version has kept.
func TestAGroupThatNobodyAnswers(t *testing.T) {
	w := newWorld(t)
	early := message.Remark{ID: "e1", Text: "kept by an earlier version"}
	err := w.store.Update(t.Context(), func(tx store.Tx) error {
		return store.Table[[]message.Remark]("channel.pending").Put(tx, "chat/main/g1/", []message.Remark{early})
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 45 {
		w.commit(inbox.Batch{Access: open, Messages: []wit.Message{inGroup(text(fmt.Sprint("h", i), fmt.Sprint("said ", i)), false, nil)}})
	}
	w.commit(inbox.Batch{Access: open, Messages: []wit.Message{inGroup(text("m1", "bot?"), true, nil)}})
	if h := w.accepted[0].History; len(h) != 46 || h[0].Text != early.Text || h[1].Text != "said 0" || h[45].Text != "said 44" {
		t.Errorf("history of %d: %.300s", len(h), fmt.Sprint(h))
	}
	for i := range 500 {
		w.commit(inbox.Batch{Access: open, Messages: []wit.Message{inGroup(text(fmt.Sprint("i", i), fmt.Sprint("said ", i)), false, nil)}})
	}
	if n := w.rows("channel.pending"); n < 5 || n > 6 {
		t.Errorf("%d rows are kept", n)
	}
	w.commit(inbox.Batch{Access: open, Messages: []wit.Message{inGroup(text("m2", "bot?"), true, nil)}})
	if h := w.accepted[1].History; len(h) != 50 || h[0].Text != "said 450" || h[49].Text != "said 499" {
		t.Errorf("history of %d: %.300s", len(h), fmt.Sprint(h))
	}
}

// TestFilesOfAGroupsHistoryAreNamed, since they are not kept: nobody is answered about what was silently left out.
func TestFilesOfAGroupsHistoryAreNamed(t *testing.T) {
	w := newWorld(t)
	files := func(n int, body string) wit.Message {
		m := inGroup(text(fmt.Sprint("f", n), body), false, nil)
		for i := range n {
			m.Attachments = append(m.Attachments, wit.Attachment{Kind: wit.AttachmentKindImage})
			if i == 0 {
				m.Attachments[0] = wit.Attachment{Kind: wit.AttachmentKindDocument, Name: new("plan.pdf")}
			}
		}
		return m
	}
	w.commit(inbox.Batch{Access: open, Messages: []wit.Message{files(1, ""), files(2, "look"), files(6, strings.Repeat("x", 3000)), inGroup(text("m", "bot?"), true, nil)}})
	h := w.accepted[0].History
	const four = "[attached: document plan.pdf] [attached: image] [attached: image] [attached: image]"
	for i, want := range []string{"[attached: document plan.pdf]", "look [attached: document plan.pdf] [attached: image]", strings.Repeat("x", 2000) + "… " + four + " [and 2 more]"} {
		if h[i].Text != want {
			t.Errorf("%d is remembered as %q", i, h[i].Text)
		}
	}
}
