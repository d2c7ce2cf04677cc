package delivery_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

type SendResult struct {
	RunID, MessageID, Channel, Status, DeliveryID string
	MessageIDs                                    []string
}

// files is a media store that forgets everything.
type files struct {
	puts int
	full bool
}

func (f *files) Put(_ context.Context, mime, name string, data []byte) (string, error) {
	if f.full {
		return "", wit.NewError(wit.CodeTooLarge, "there is no room for it")
	}
	f.puts++
	return fmt.Sprint("file", f.puts), nil
}

// manyChannels are accounts of which none is the only one.
type manyChannels struct{ *world }

func (manyChannels) Default() (string, bool) { return "", false }

func TestSend(t *testing.T) {
	inBubble("sent, and the same key again", t, func(t *testing.T) {
		w := newWorld(t)
		s, _ := w.run()
		for range 2 {
			var r SendResult
			err := call(t, s, "send", `{"to":"42","message":"hi","channel":"chat","idempotencyKey":"k1","sessionKey":"main"}`, &r)
			if err != nil || r.RunID != "k1" || r.MessageID != "p1" || r.Channel != "chat" || r.Status != "sent" {
				t.Errorf("%+v %v", r, err)
			}
		}
		if n := len(w.sent()); n != 1 {
			t.Errorf("%d sends", n)
		}
	})
	inBubble("failed", t, func(t *testing.T) {
		w := newWorld(t)
		w.answer = func(context.Context, int, *wit.ChannelSend) (*wit.Sent, error) {
			return nil, wit.NewError(wit.CodeForbidden, "the bot was blocked, token hunter2")
		}
		s, _ := w.run()
		for range 2 {
			err := call(t, s, "send", `{"to":"42","message":"hi","idempotencyKey":"k1"}`, nil)
			if wit.CodeOf(err) != wit.CodeForbidden || !strings.Contains(err.Error(), "the bot was blocked") || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%v", err)
			}
		}
	})
	inBubble("queued, honestly", t, func(t *testing.T) {
		w := newWorld(t)
		w.ready = wit.NewError(wit.CodeUnavailable, "needs a login")
		s, _ := w.run()
		var r SendResult
		began := time.Now()
		if err := call(t, s, "send", `{"to":"42","message":"hi","idempotencyKey":"k1"}`, &r); err != nil || r.Status != "queued" || r.MessageID != "" || time.Since(began) != 10*time.Second {
			t.Errorf("%+v %v after %v", r, err, time.Since(began))
		}
		w.setReady(nil)
		synctest.Wait()
		if err := call(t, s, "send", `{"to":"42","message":"hi","idempotencyKey":"k1"}`, &r); err != nil || r.Status != "sent" || len(w.sent()) != 1 {
			t.Errorf("%+v %v", r, err)
		}
	})
	inBubble("with files", t, func(t *testing.T) {
		w, f := newWorld(t), &files{}
		w.media = f
		var got []wit.Attachment
		w.answer = func(_ context.Context, _ int, s *wit.ChannelSend) (*wit.Sent, error) {
			got = s.Attachments
			return &wit.Sent{}, nil
		}
		s, _ := w.run()
		err := call(t, s, "send", `{"to":"42","mediaUrls":["https://example.org/a.png?x=1"],"buffer":"`+base64.StdEncoding.EncodeToString([]byte("sound"))+
			`","filename":"v.ogg","contentType":"audio/ogg","asVoice":false,"idempotencyKey":"k1"}`, nil)
		if err != nil || len(got) != 2 || got[0].Kind != wit.AttachmentKindImage || got[0].Fetch.URL != "https://example.org/a.png?x=1" ||
			got[1].Kind != wit.AttachmentKindAudio || *got[1].Media != "file1" || *got[1].Size != 5 {
			t.Errorf("%+v %v", got, err)
		}
	})
	inBubble("with a file that is not kept", t, func(t *testing.T) {
		w := newWorld(t)
		w.media = &files{full: true}
		s, _ := w.run()
		err := call(t, s, "send", `{"to":"42","buffer":"aGk=","idempotencyKey":"k1"}`, nil)
		if wit.CodeOf(err) != wit.CodeTooLarge || len(w.sent()) != 0 {
			t.Errorf("%v, %d sends", err, len(w.sent()))
		}
	})
	inBubble("cancelled by a hook", t, func(t *testing.T) {
		w := newWorld(t)
		w.hooks = &hooks{}
		s, _ := w.run()
		err := call(t, s, "send", `{"to":"42","message":"stop","idempotencyKey":"k1"}`, nil)
		if wit.CodeOf(err) != wit.CodeForbidden || !strings.Contains(err.Error(), "guard: not this") {
			t.Errorf("%v", err)
		}
	})
	inBubble("through the only channel", t, func(t *testing.T) {
		w := newWorld(t)
		s, _ := w.run()
		for i, channel := range []string{`"last"`, `""`, `"chat"`} {
			params := fmt.Sprintf(`{"to":"42","message":"hi","channel":%s,"idempotencyKey":"%d"}`, channel, i)
			var r SendResult
			if err := call(t, s, "send", params, &r); err != nil || r.Channel != "chat" {
				t.Errorf("%s: %+v, %v", params, r, err)
			}
		}
		d := w.deps()
		d.Accounts = manyChannels{w}
		err := call(t, delivery.New(d), "send", `{"to":"42","message":"hi","idempotencyKey":"k"}`, nil)
		if wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), "name the channel") {
			t.Errorf("without one: %v", err)
		}
	})
	inBubble("nobody is remembered who does not wait any more", t, func(t *testing.T) {
		w := newWorld(t)
		w.ready = wit.NewError(wit.CodeUnavailable, "needs a login")
		s, _ := w.run()
		if err := call(t, s, "send", `{"to":"42","message":"hi","idempotencyKey":"k1"}`, nil); err != nil || delivery.Waiters(s) != 0 {
			t.Errorf("%v, %d wait", err, delivery.Waiters(s))
		}
	})
	inBubble("refused", t, func(t *testing.T) {
		w := newWorld(t)
		s, _ := w.run()
		for params, want := range map[string]string{
			`{"message":"x","idempotencyKey":"a"}`:                               "'to'",
			`{"to":"1","message":"x"}`:                                           "idempotencyKey",
			`{"to":"1","message":" ","idempotencyKey":"a"}`:                      "text or an attachment",
			`{"to":"1","message":"x","channel":"other","idempotencyKey":"a"}`:    "unsupported channel: other",
			`{"to":"1","message":"x","accountId":"b","idempotencyKey":"a"}`:      "unsupported",
			`{"to":"1","message":"x","parseMode":"BBCode","idempotencyKey":"a"}`: "parseMode",
			`{"to":"1","message":"x","loud":true,"idempotencyKey":"a"}`:          "loud",
			`{"to":"1","mediaUrl":"file:///etc/passwd","idempotencyKey":"a"}`:    "https://",
			`{"to":"1","buffer":"!","idempotencyKey":"a"}`:                       "base64",
			`{"to":"1","buffer":"aGk=","idempotencyKey":"a"}`:                    "keeps no files",
		} {
			if err := call(t, s, "send", params, nil); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", params, err)
			}
		}
		if n := len(w.sent()); n != 0 {
			t.Errorf("%d sends", n)
		}
	})
}

func TestAddress(t *testing.T) {
	thread := func(s string) *string { return &s }
	for in, want := range map[[2]string]wit.Conversation{
		{"42", ""}:                {Kind: wit.ConversationKindDirect, ID: "42"},
		{"chat:42", ""}:           {Kind: wit.ConversationKindDirect, ID: "42"},
		{"user:42", ""}:           {Kind: wit.ConversationKindDirect, ID: "42"},
		{"group:-100", ""}:        {Kind: wit.ConversationKindGroup, ID: "-100"},
		{"chat:group:-1", "7"}:    {Kind: wit.ConversationKindGroup, ID: "-1", Thread: thread("7")},
		{"channel:C1", ""}:        {Kind: wit.ConversationKindChannel, ID: "C1"},
		{"group:-1:topic:9", ""}:  {Kind: wit.ConversationKindGroup, ID: "-1", Thread: thread("9")},
		{"group:-1:topic:9", "3"}: {Kind: wit.ConversationKindGroup, ID: "-1", Thread: thread("3")},
		{"group:", ""}:            {Kind: wit.ConversationKindDirect, ID: "group:"},
		{":topic:9", ""}:          {Kind: wit.ConversationKindDirect, ID: ":topic:9"},
		{"42:topic:", ""}:         {Kind: wit.ConversationKindDirect, ID: "42:topic:"},
		{"other:42", ""}:          {Kind: wit.ConversationKindDirect, ID: "other:42"},
		{"+15555550123", ""}:      {Kind: wit.ConversationKindDirect, ID: "+15555550123"},
	} {
		got := delivery.Address("chat", in[0], in[1])
		if got.Kind != want.Kind || got.ID != want.ID || (got.Thread == nil) != (want.Thread == nil) || got.Thread != nil && *got.Thread != *want.Thread {
			t.Errorf("%v: %+v, want %+v", in, got, want)
		}
	}
}

func TestHoldReleaseAndDrop(t *testing.T) {
	for decision, sends := range map[string]int{"release": 2, "drop": 1} {
		inBubble(decision, t, func(t *testing.T) {
			w := newWorld(t)
			w.hold = true
			w.answer = func(_ context.Context, n int, s *wit.ChannelSend) (*wit.Sent, error) {
				if n == 1 {
					return nil, wit.NewError(wit.CodeTimeout, "no answer")
				}
				return &wit.Sent{IDs: []string{s.IdempotencyKey}}, nil
			}
			_, stop := w.run()
			w.enqueue(outgoing("a", "c", "doubtful"), outgoing("b", "c", "next"))
			synctest.Wait()
			if got := strings.Join(w.news(), ", "); got != "held a conflict, delivered b [b:0]" {
				t.Fatalf("events %q", got)
			}
			stop()
			s, _ := w.run()
			synctest.Wait()
			var list struct{ Messages []struct{ ID, State string } }
			if err := call(t, s, "delivery.list", `{}`, &list); err != nil || len(list.Messages) != 1 || list.Messages[0].State != "held" {
				t.Fatalf("%+v %v", list, err)
			}
			if q, err := s.Service().Queues(t.Context()); err != nil || q["held"] != 1 {
				t.Errorf("%v %v", q, err)
			}
			var done struct {
				OK bool
				ID string
			}
			if err := call(t, s, "delivery."+decision, `{"id":"a"}`, &done); err != nil || !done.OK || done.ID != "a" {
				t.Fatal(done, err)
			}
			synctest.Wait()
			if n := len(w.sent()); n != sends+1 {
				t.Errorf("%d sends", n)
			}
			if err := call(t, s, "delivery."+decision, `{"id":"a"}`, nil); wit.CodeOf(err) != wit.CodeConflict {
				t.Errorf("a second %s: %v", decision, err)
			}
			if err := call(t, s, "delivery."+decision, `{"id":"z"}`, nil); wit.CodeOf(err) != wit.CodeNotFound {
				t.Errorf("%s of nothing: %v", decision, err)
			}
			if err := call(t, s, "delivery.list", `{}`, &list); err != nil || len(list.Messages) != 0 {
				t.Errorf("%+v %v", list, err)
			}
		})
	}
	inBubble("drop what waits", t, func(t *testing.T) {
		w := newWorld(t)
		w.answer = func(context.Context, int, *wit.ChannelSend) (*wit.Sent, error) {
			return nil, wit.NewError(wit.CodeUnavailable, "down")
		}
		s, _ := w.run()
		w.enqueue(outgoing("a", "c", "x"))
		time.Sleep(time.Minute)
		synctest.Wait()
		n := len(w.sent())
		if err := call(t, s, "delivery.drop", `{"id":"a"}`, nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(w.sent()) != n || w.news()[0] != "cancelled a forbidden" {
			t.Errorf("%d sends after %d, events %q", len(w.sent()), n, w.news())
		}
	})
}

func TestOutcomesAreForgottenInTheEnd(t *testing.T) {
	inBubble("by age and by count", t, func(t *testing.T) {
		w := newWorld(t)
		s, _ := w.run()
		w.enqueue(outgoing("old", "c", "x"))
		time.Sleep(6 * 24 * time.Hour)
		synctest.Wait()
		w.enqueue(outgoing("new", "c", "x"))
		time.Sleep(2 * 24 * time.Hour)
		synctest.Wait()
		var list struct{ Messages []struct{ ID string } }
		if err := call(t, s, "delivery.list", `{"state":"sent"}`, &list); err != nil || len(list.Messages) != 1 || list.Messages[0].ID != "new" {
			t.Errorf("%+v %v", list, err)
		}
		w.enqueue(outgoing("new", "c", "again"), outgoing("old", "c", "again"))
		synctest.Wait()
		if got := strings.Join(w.texts(), " "); got != "x x again" {
			t.Errorf("sends %q", got)
		}
		for i := range 20 {
			w.enqueue(outgoing(fmt.Sprint("m", i), "c", "x"))
		}
		synctest.Wait()
		err := w.store.Update(t.Context(), func(tx store.Tx) error {
			_, err := delivery.PruneDone(tx, 0, 5)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := call(t, s, "delivery.list", `{"state":"sent"}`, &list); err != nil || len(list.Messages) != 5 || list.Messages[0].ID != "m19" {
			t.Errorf("%+v %v", list, err)
		}
	})
}

func TestAStopLetsSendsEnd(t *testing.T) {
	inBubble("within the grace", t, func(t *testing.T) {
		w := newWorld(t)
		w.hold = true
		w.answer = func(ctx context.Context, n int, s *wit.ChannelSend) (*wit.Sent, error) {
			select {
			case <-time.After(3 * time.Second):
				return &wit.Sent{IDs: []string{"id"}}, nil
			case <-ctx.Done():
				return nil, wit.Errorf(wit.CodeTimeout, "%w", ctx.Err())
			}
		}
		_, stop := w.run()
		w.enqueue(outgoing("a", "c", "x"), outgoing("b", "c", "y"))
		time.Sleep(time.Second)
		synctest.Wait()
		stop()
		if got := strings.Join(w.news(), ", "); got != "delivered a [id]" {
			t.Errorf("events %q", got)
		}
		_, _ = w.run()
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := strings.Join(w.texts(), " "); got != "x y" {
			t.Errorf("sends %q", got)
		}
	})
	inBubble("beyond it", t, func(t *testing.T) {
		w := newWorld(t)
		w.hold = true
		w.answer = func(ctx context.Context, n int, s *wit.ChannelSend) (*wit.Sent, error) {
			<-ctx.Done()
			return nil, wit.Errorf(wit.CodeTimeout, "%w", ctx.Err())
		}
		_, stop := w.run()
		w.enqueue(outgoing("a", "c", "x"))
		time.Sleep(time.Second)
		synctest.Wait()
		began := time.Now()
		stop()
		if d := time.Since(began); d != 5*time.Second {
			t.Errorf("the stop took %v", d)
		}
		_, _ = w.run()
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := strings.Join(w.news(), ", "); got != "held a conflict" || len(w.sent()) != 1 {
			t.Errorf("events %q", got)
		}
	})
}
