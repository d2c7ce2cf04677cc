package question_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/move"
	"github.com/carapace-gateway/carapace/kernel/service/question"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

var (
	home = message.Account{Channel: "chat", ID: "main"}
	room = wit.Conversation{Kind: wit.ConversationKindGroup, ID: "room"}
)

// world is a book, its outbox, and who acts on answers.
type world struct {
	t        *testing.T
	db       store.Store
	book     *question.Book
	numbered bool
	sent     []message.Outbound
	acted    []question.Answer
	said     string
	fail     error
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, db: store.OpenMemory()}
	w.book = question.NewBook(w, func(store.Tx, string) (message.Shown, error) { return message.Shown{Numbered: w.numbered}, nil })
	w.book.Handle("test", func(_ store.Tx, a question.Answer) (string, error) {
		if w.fail == nil {
			w.acted = append(w.acted, a)
		}
		return w.said, w.fail
	})
	return w
}

func (w *world) Enqueue(_ store.Tx, o message.Outbound) error {
	w.sent = append(w.sent, o)
	return nil
}
func (w *world) Wake() {}

func (w *world) update(fn func(store.Tx) error) error { return w.db.Update(context.Background(), fn) }

// ask asks and returns the message that does.
func (w *world) ask(q question.Question) message.Outbound {
	w.t.Helper()
	q.Kind, q.Account, q.Text = "test", home, "Sure?"
	if q.To.ID == "" {
		q.To = room
	}
	if q.ExpiresAt == 0 {
		q.ExpiresAt = time.Now().Add(time.Hour).UnixMilli()
	}
	q.Choices = []question.Choice{{Name: "y", Label: "Yes, please"}, {Name: "n", Label: "No"}}
	if err := w.update(func(tx store.Tx) error { return w.book.Ask(tx, q) }); err != nil {
		w.t.Fatal(err)
	}
	return w.sent[len(w.sent)-1]
}

// reply has somebody say or press something and returns what came of it.
func (w *world) reply(m wit.Message, owner bool) question.Outcome {
	w.t.Helper()
	if m.Conversation.ID == "" {
		m.Conversation = room
	}
	m.ID, m.Sender = fmt.Sprint("m", len(w.sent)), wit.Person{ID: "ann"}
	var out question.Outcome
	err := w.update(func(tx store.Tx) error {
		names, err := move.Names(tx, home, m.Conversation.ID)
		if err != nil {
			return err
		}
		out, err = w.book.Choose(tx, question.Reply{Account: home, Message: &m, Home: names[0], Owner: owner, At: time.Now().UnixMilli()})
		return err
	})
	if err != nil && w.fail == nil {
		w.t.Fatal(err)
	}
	return out
}

func (w *world) press(value string) question.Outcome {
	return w.reply(wit.Message{Kind: wit.MessageKindAction, Text: value, Target: new("p1")}, false)
}

func (w *world) say(text string) question.Outcome { return w.reply(wit.Message{Text: text}, false) }

// last is what was sent last.
func (w *world) last() message.Outbound { return w.sent[len(w.sent)-1] }

func TestAPressIsActedOnOnce(t *testing.T) {
	w := newWorld(t)
	asked := w.ask(question.Question{ID: "q", Subject: "it"})
	if n := len(w.sent); n != 1 || len(asked.Choices) != 2 || asked.Choices[1].Number != 2 || len(asked.Choices[0].Value) > 64 {
		t.Fatalf("%+v", w.sent)
	}
	if w.ask(question.Question{ID: "q"}); len(w.sent) != 1 {
		t.Errorf("asked twice: %+v", w.sent)
	}
	if out := w.press(asked.Choices[1].Value); out != question.Chosen || len(w.acted) != 1 || w.acted[0].Subject != "it" || w.acted[0].Choice != "n" || w.acted[0].By.ID != "ann" {
		t.Errorf("%v, %+v", out, w.acted)
	}
	if closing := w.last(); closing.Closes != asked.ID || closing.Text != "✓ No" {
		t.Errorf("%+v", closing)
	}
	for _, value := range []string{asked.Choices[1].Value, asked.Choices[0].Value, "", ".", "x.0", strings.Repeat("é", 5000)} {
		if out := w.press(value); out != question.Refused || len(w.acted) != 1 || w.last().Text != "This choice is over." || w.last().ReplyTo != "p1" {
			t.Errorf("%.20q: %v, %+v, %+v", value, out, w.acted, w.last())
		}
	}
	if a, b := w.sent[len(w.sent)-1].ID, w.sent[len(w.sent)-2].ID; a != b {
		t.Errorf("each press in vain is told: %s, %s", a, b)
	}
}

func TestValuesOfAnotherPlaceAreWorthNothing(t *testing.T) {
	w := newWorld(t)
	asked := w.ask(question.Question{ID: "q"})
	elsewhere := wit.Message{Kind: wit.MessageKindAction, Text: asked.Choices[0].Value, Conversation: wit.Conversation{ID: "other"}}
	if out := w.reply(elsewhere, true); out != question.Refused || len(w.acted) != 0 {
		t.Errorf("in another conversation: %v", out)
	}
	for _, index := range []string{"2", "-1", "99999999999999999999", "x"} {
		value := strings.TrimSuffix(asked.Choices[0].Value, "0") + index
		if out := w.press(value); out != question.Refused || len(w.acted) != 0 {
			t.Errorf("choice %s: %v", index, out)
		}
	}
	to := room
	to.ID = "room2"
	if err := w.update(func(tx store.Tx) error {
		_, err := move.Record(tx, message.Move{Account: home, From: room.ID, To: to})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	moved := wit.Message{Kind: wit.MessageKindAction, Text: asked.Choices[0].Value, Conversation: to}
	if out := w.reply(moved, false); out != question.Chosen || len(w.acted) != 1 {
		t.Errorf("where its conversation has moved: %v", out)
	}
}

func TestTheOwnersQuestion(t *testing.T) {
	w := newWorld(t)
	asked := w.ask(question.Question{ID: "q", Owner: true})
	if out := w.press(asked.Choices[0].Value); out != question.Refused || w.last().Text != "Only the owner can choose this." {
		t.Errorf("%v, %+v", out, w.last())
	}
	w.numbered = true
	if out := w.say("1"); out != question.Other {
		t.Errorf("a number of somebody else: %v", out)
	}
	if out := w.reply(wit.Message{Text: "1"}, true); out != question.Chosen || w.acted[0].Choice != "y" {
		t.Errorf("%v, %+v", out, w.acted)
	}
}

func TestNumbersAndLabels(t *testing.T) {
	for words, want := range map[string]string{
		"1": "y", " 2.\n": "n", "2)": "n", "YES, please": "y", "no": "n",
		"": "", "0": "", "3": "", "-1": "", "1 2": "", "yes": "", "nope": "", "no thanks": "", "1.5": "",
		strings.Repeat("1", 300): "",
	} {
		w := newWorld(t)
		w.numbered = true
		w.ask(question.Question{ID: "q"})
		out, got := w.say(words), ""
		if out == question.Chosen {
			got = w.acted[0].Choice
		}
		if got != want || out == question.Refused {
			t.Errorf("%.20q: %v, %q", words, out, got)
		}
		w = newWorld(t)
		w.ask(question.Question{ID: "q"})
		if out := w.say(words); out != question.Other {
			t.Errorf("%.20q under buttons: %v", words, out)
		}
	}
	w := newWorld(t)
	w.numbered = true
	w.ask(question.Question{ID: "q", To: wit.Conversation{ID: "room", Thread: new("5")}})
	if out := w.say("1"); out != question.Other {
		t.Errorf("in another thread: %v", out)
	}
	if out := w.reply(wit.Message{Text: "1", Attachments: []wit.Attachment{{}}}, false); out != question.Other {
		t.Errorf("with a file: %v", out)
	}
	if out := w.reply(wit.Message{Text: "1", Forwarded: &wit.Forward{}, Conversation: wit.Conversation{ID: "room", Thread: new("5")}}, false); out != question.Other {
		t.Errorf("forwarded: %v", out)
	}
}

func TestSeveralQuestions(t *testing.T) {
	w := newWorld(t)
	w.numbered = true
	w.ask(question.Question{ID: "q1", Subject: "1"})
	second := w.ask(question.Question{ID: "q2", Subject: "2"})
	if second.Choices[0].Number != 3 {
		t.Fatalf("%+v", second.Choices)
	}
	if out := w.say("No"); out != question.Refused || !strings.Contains(w.last().Text, "answer with a number") {
		t.Errorf("%v, %+v", out, w.last())
	}
	if w.say("4"); len(w.acted) != 1 || w.acted[0].Subject != "2" || w.acted[0].Choice != "n" {
		t.Errorf("%+v", w.acted)
	}
	if w.say("No"); len(w.acted) != 2 || w.acted[1].Subject != "1" {
		t.Errorf("%+v", w.acted)
	}
}

func TestAQuestionEnds(t *testing.T) {
	w := newWorld(t)
	w.numbered = true
	past := time.Now().Add(-time.Minute).UnixMilli()
	old := w.ask(question.Question{ID: "old", ExpiresAt: past})
	w.ask(question.Question{ID: "young"})
	if out := w.press(old.Choices[0].Value); out != question.Refused {
		t.Errorf("too late: %v", out)
	}
	if out := w.say("1"); out != question.Other {
		t.Errorf("too late, in words: %v", out)
	}
	closed := 0
	expire := func(tx store.Tx) (err error) { closed, err = w.book.Expire(tx, time.Now().UnixMilli()); return err }
	if err := w.update(expire); err != nil || closed != 1 || w.last().Closes != old.ID {
		t.Errorf("%d, %v, %+v", closed, err, w.last())
	}
	for _, want := range []bool{true, false} {
		var was bool
		if err := w.update(func(tx store.Tx) (err error) { was, err = w.book.Close(tx, "young", "Done"); return err }); err != nil || was != want {
			t.Errorf("%v, %v", was, err)
		}
	}
	if w.last().Text != "Done" {
		t.Errorf("%+v", w.last())
	}
}

func TestAHandlerThatFails(t *testing.T) {
	w := newWorld(t)
	asked := w.ask(question.Question{ID: "q"})
	w.fail = wit.NewError(wit.CodeUnavailable, "not now")
	w.press(asked.Choices[0].Value)
	if w.fail, w.said = nil, "Well chosen"; w.press(asked.Choices[0].Value) != question.Chosen || w.last().Text != "Well chosen" {
		t.Errorf("%+v", w.last())
	}
}

// TestADamagedQuestion stands in nobody's way.
func TestADamagedQuestion(t *testing.T) {
	w := newWorld(t)
	w.numbered = true
	asked := w.ask(question.Question{ID: "q"})
	if err := w.update(func(tx store.Tx) error {
		for row, err := range tx.Scan("question.open", store.Range{}) {
			if err != nil {
				return err
			}
			return tx.Put("question.open", row.Key, []byte("{"))
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if out := w.press(asked.Choices[0].Value); out != question.Refused {
		t.Errorf("%v", out)
	}
	if out := w.say("1"); out != question.Other {
		t.Errorf("%v", out)
	}
	if err := w.update(func(tx store.Tx) error { _, err := w.book.Expire(tx, 0); return err }); err != nil {
		t.Error(err)
	}
	if again := w.ask(question.Question{ID: "another"}); again.Choices[0].Number != 1 {
		t.Errorf("%+v", again)
	}
}
