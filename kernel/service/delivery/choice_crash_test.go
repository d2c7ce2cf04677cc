package delivery_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/kernel/service/inbox"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/question"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// board is a platform with buttons. It outlives the gateways. What it tells, it tells until it is taken.
type board struct {
	buttons  []wit.ActionRow
	received map[string]int
	texts    map[string]string // of messages, by id
}

// asker is one process: what comes in is asked back with choices, and a choice is counted.
type asker struct {
	*life
	*board
	facts wit.ChannelFacts
	queue *delivery.Queue
	book  *question.Book
	done  store.Table[int]
}

func (a *asker) Wake(...string)                                  { a.queue.Wake() }
func (a *asker) Ready(string, string) error                      { return nil }
func (a *asker) ConnectedSince(string, string) time.Time         { return time.Time{} }
func (a *asker) Account(string, string) (message.Account, error) { return askerAccount, nil }
func (a *asker) Link(string, string) (delivery.Link, error)      { return &line{}, nil }
func (a *asker) Default() (string, bool)                         { return "chat", true }
func (a *asker) Sender(string) (delivery.Sender, bool)           { return a, true }
func (a *asker) Facts() *wit.ChannelFacts                        { return &a.facts }

var askerAccount = message.Account{Channel: "chat", ID: "main"}

// Accept asks about a message.
func (a *asker) Accept(tx store.Tx, m message.Inbound) (string, error) {
	return "", a.book.Ask(tx, question.Question{ID: m.ID, Kind: "count", Subject: m.Message.ID, Account: m.Account, To: m.Message.Conversation,
		Text: "Sure?", Choices: []question.Choice{{Name: "y", Label: "Yes"}, {Name: "n", Label: "No"}}, ExpiresAt: time.Now().Add(24 * time.Hour).UnixMilli()})
}

// count acts on a choice: it can be seen how often.
func (a *asker) count(tx store.Tx, answer question.Answer) (string, error) {
	n, err := a.done.Get(tx, answer.Subject)
	if err != nil && wit.CodeOf(err) != wit.CodeNotFound {
		return "", err
	}
	return "", a.done.Put(tx, answer.Subject, n+1)
}

func (a *asker) Send(_ context.Context, s *wit.ChannelSend) (*wit.Sent, error) {
	if err := a.step(); err != nil {
		return nil, err
	}
	a.received[s.IdempotencyKey]++
	a.texts[s.IdempotencyKey] = s.Text
	if len(s.Actions) > 0 || strings.Contains(s.Text, "Answer with a number") {
		a.buttons = s.Actions
	}
	if err := a.step(); err != nil {
		return nil, err
	}
	return &wit.Sent{IDs: []string{s.IdempotencyKey}}, nil
}

func (a *asker) Preview(context.Context, *wit.ChannelPreview) (*wit.Sent, error) {
	panic("not declared")
}

func (a *asker) Edit(_ context.Context, e *wit.ChannelEdit) (*wit.Sent, error) {
	if err := a.step(); err != nil {
		return nil, err
	}
	a.texts[e.ID] = e.Text
	if err := a.step(); err != nil {
		return nil, err
	}
	return &wit.Sent{IDs: []string{e.ID}}, nil
}

// live runs a process until the platform has told everything and nothing goes on, or it dies at a step (0 is never).
func live(b *board, db store.Store, facts wit.ChannelFacts, crashAt int) (steps int) {
	l := &life{crashAt: crashAt, crash: make(chan struct{})}
	a := &asker{life: l, board: b, facts: facts, queue: delivery.NewQueue(), done: "test.done"}
	a.book = question.NewBook(a.queue, a.queue.Shown)
	a.book.Handle("count", a.count)
	in := inbox.New(inbox.Deps{Store: mortal{db, l}, Log: hclog.NewNullLogger(), Acceptor: a, Outbox: a.queue, Questions: a.book})
	out := delivery.New(delivery.Deps{Store: mortal{db, l}, Bus: &event.Bus{}, Log: hclog.NewNullLogger(), Queue: a.queue, Accounts: a, Senders: a})
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		_ = out.Run(ctx)
	}()
	batch := inbox.Batch{Account: askerAccount, Access: inbox.Access{DM: inbox.PolicyOpen}}
	take := func(m wit.Message) bool {
		m.Conversation, m.Sender = wit.Conversation{Kind: wit.ConversationKindDirect, ID: "c"}, wit.Person{ID: "u"}
		batch.Messages = []wit.Message{m}
		_, err := in.Commit(ctx, batch)
		synctest.Wait()
		return err == nil
	}
	if take(wit.Message{ID: "m1", Kind: wit.MessageKindText, Text: "hello"}) && len(b.received) > 0 {
		answer := wit.Message{ID: "m2", Kind: wit.MessageKindText, Text: "1"}
		if len(b.buttons) > 0 {
			answer.Kind, answer.Text = wit.MessageKindAction, b.buttons[0].Actions[0].Value
		}
		if take(answer) { // and once more, as somebody presses twice
			answer.ID = "m3"
			take(answer)
		}
	}
	time.Sleep(time.Minute) // for what is tried again
	l.mu.Lock()
	l.dead = true
	steps = l.steps
	l.mu.Unlock()
	cancel()
	<-stopped
	return steps
}

// TestAChoiceIsActedOnOnceOverKills: a gateway is killed before and after each transaction and each call while somebody is
// asked and chooses, with buttons and with numbers. The platform tells everything again to the next one.
func TestAChoiceIsActedOnOnceOverKills(t *testing.T) {
	for name, facts := range map[string]wit.ChannelFacts{
		"buttons": {Operations: []string{"edit"}, Actions: &wit.ActionFacts{MaxPerRow: 2}, Deduplicates: true},
		"numbers": {Deduplicates: true},
	} {
		t.Run(name, func(t *testing.T) {
			steps := 1
			for at := 1; at <= steps && !t.Failed(); at++ {
				for _, crashes := range [][]int{{at}, {at, at}, {at, 5}} {
					synctest.Test(t, func(t *testing.T) {
						b, db := &board{received: map[string]int{}, texts: map[string]string{}}, store.OpenMemory()
						for _, crash := range crashes {
							live(b, db, facts, crash)
						}
						steps = max(steps, live(b, db, facts, 0))
						checkChosen(t, b, db, fmt.Sprint(crashes))
					})
				}
			}
			if steps < 10 {
				t.Errorf("%d steps only", steps)
			}
		})
	}
}

func checkChosen(t *testing.T, b *board, db store.Store, crashes string) {
	t.Helper()
	err := db.View(context.Background(), func(tx store.Tx) error {
		n, err := store.Table[int]("test.done").Get(tx, "m1")
		if err == nil && n != 1 {
			t.Errorf("crashes at %s: acted on %d times", crashes, n)
		}
		return err
	})
	if err != nil {
		t.Errorf("crashes at %s: %v", crashes, err)
	}
	var texts []string
	for _, text := range b.texts {
		texts = append(texts, text)
	}
	if !slices.ContainsFunc(texts, func(s string) bool { return strings.HasSuffix(s, "✓ Yes") }) {
		t.Errorf("crashes at %s: the platform shows %q", crashes, texts)
	}
}
