// Package question is what the gateway asks people in their chats, with answers to choose from: buttons where the platform
// has them, numbers in the text where it has none.
//
// Owns: the questions that are open, what their buttons bring back, who may answer them, and the notice that a button is
// of no use any more. It refuses to know what a choice means (a Handler does that) and to send (message.Outbox).
//
// Guarantees. All of it happens in the transaction of whoever asks or of the message that answers: a question and its
// message, a choice and what follows from it. So a choice that came in is acted on once, however often the platform tells
// it and wherever the gateway is killed, and a question has one answer. What a button brings back is random, belongs
// to one question in one conversation, and is worth nothing to those who may not answer it. A number or a label is
// taken for an answer only where the question was shown with numbers, which are different for all questions that are open
// in one conversation.
//
// Everything is safe for concurrent use; nothing here keeps state in memory.
package question

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"iter"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/move"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Question is what somebody is asked.
type Question struct {
	// ID is the asker's: the same twice is one question.
	ID string `json:"id"`
	// Kind names the Handler, and Subject what it knows the question by.
	Kind    string           `json:"kind"`
	Subject string           `json:"subject"`
	Account message.Account  `json:"account"`
	To      wit.Conversation `json:"to"`
	Text    string           `json:"text"`
	Choices []Choice         `json:"choices"`
	// Owner says that only the owner may answer; otherwise whoever may speak there.
	Owner bool `json:"owner,omitempty"`
	// ExpiresAt is in Unix milliseconds.
	ExpiresAt int64 `json:"expiresAt"`
}

// Choice is an answer to choose.
type Choice struct {
	// Name is what the Handler knows it by.
	Name  string          `json:"name"`
	Label string          `json:"label"`
	Style wit.ActionStyle `json:"style,omitempty"`
}

// Answer is a choice that somebody has made.
type Answer struct {
	Subject string
	Choice  string // its Name
	By      wit.Person
	At      int64 // in Unix milliseconds
}

// Handler acts on an answer, in tx. It returns what is said below the question, "" for the label of the choice.
type Handler func(tx store.Tx, a Answer) (said string, err error)

// open is a question that waits.
type open struct {
	Question
	Token string `json:"token"`
	First int    `json:"first"` // the number of its first choice
}

// The tables: questions by conversation and token, and their keys by what the asker calls them.
const (
	openTable = store.Table[open]("question.open")
	idTable   = store.Table[string]("question.id")
)

// Book is the open questions.
type Book struct {
	outbox   message.Outbox
	shown    Shown
	handlers map[string]Handler
}

// Shown says how a message with choices has been sent. Errors: CodeNotFound; the store's.
type Shown func(tx store.Tx, id string) (message.Shown, error)

// NewBook returns a book of questions that are sent through an outbox. shown is nil where nobody knows how they were: then
// only buttons are answers.
func NewBook(o message.Outbox, shown Shown) *Book {
	if shown == nil {
		shown = func(store.Tx, string) (message.Shown, error) { return message.Shown{}, nil }
	}
	return &Book{outbox: o, shown: shown, handlers: map[string]Handler{}}
}

// Handle names who acts on the answers to a kind of questions. It is called before anybody asks.
func (b *Book) Handle(kind string, h Handler) { b.handlers[kind] = h }

// Wake is called after a commit in which something was asked or closed. It returns at once.
func (b *Book) Wake() { b.outbox.Wake() }

// Ask records a question and the message that asks it; one that is open already changes nothing. Errors: the outbox's;
// the store's.
func (b *Book) Ask(tx store.Tx, q Question) error {
	if _, err := idTable.Get(tx, sum(q.ID)); wit.CodeOf(err) != wit.CodeNotFound {
		return err
	}
	prefix, err := prefixOf(tx, q.Account, q.To)
	if err != nil {
		return err
	}
	first, err := firstNumber(tx, prefix)
	if err != nil {
		return err
	}
	o := open{Question: q, Token: newToken(), First: first}
	if err := openTable.Insert(tx, prefix+sum(o.Token), o); err != nil {
		return err
	}
	if err := idTable.Insert(tx, sum(q.ID), prefix+sum(o.Token)); err != nil {
		return err
	}
	return b.outbox.Enqueue(tx, message.Outbound{
		ID: o.messageID(), Channel: q.Account.Channel, Account: q.Account.ID, To: q.To, Text: q.Text, Choices: o.choices(),
	})
}

// Close takes back the choices of a question that was answered elsewhere, and puts said below it. It reports whether the
// question was open; one that is not is no error. Errors: the outbox's; the store's.
func (b *Book) Close(tx store.Tx, id, said string) (was bool, err error) {
	key, err := idTable.Get(tx, sum(id))
	if wit.CodeOf(err) == wit.CodeNotFound {
		return false, nil
	} else if err != nil {
		return false, err
	}
	o, err := openTable.Get(tx, key)
	if store.Damaged(err) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	return true, b.close(tx, key, &o, said)
}

// Expire closes the questions that nobody has answered in time, and returns how many there were. Errors: the outbox's; the
// store's.
func (b *Book) Expire(tx store.Tx, now int64) (int, error) {
	var over []store.Row[open]
	for row, err := range all(tx, "") {
		if err != nil {
			return 0, err
		}
		if row.Value.ExpiresAt <= now {
			over = append(over, row)
		}
	}
	for _, row := range over {
		if err := b.close(tx, row.Key, &row.Value, "Not answered in time."); err != nil {
			return 0, err
		}
	}
	return len(over), nil
}

// close forgets a question, and has its choices taken away.
func (b *Book) close(tx store.Tx, key string, o *open, said string) error {
	if err := openTable.Delete(tx, key); err != nil {
		return err
	}
	if err := idTable.Delete(tx, sum(o.ID)); err != nil {
		return err
	}
	return b.outbox.Enqueue(tx, message.Outbound{
		ID: o.messageID() + "/over", Channel: o.Account.Channel, Account: o.Account.ID, To: o.To, Text: said, Closes: o.messageID(),
	})
}

// messageID names the question's message. The token is in it, since the same may be asked again later.
func (o *open) messageID() string { return "question/" + o.Token }

// choices are those of the message.
func (o *open) choices() []message.Choice {
	list := make([]message.Choice, len(o.Choices))
	for i, c := range o.Choices {
		list[i] = message.Choice{Label: c.Label, Value: o.Token + "." + strconv.Itoa(i), Number: o.First + i, Style: c.Style}
	}
	return list
}

// prefixOf is where the questions of a conversation are, under the id that it had first.
func prefixOf(tx store.Tx, a message.Account, c wit.Conversation) (string, error) {
	names, err := move.Names(tx, a, c.ID)
	return a.Key(names[0]) + "/", err
}

// all are the questions under a prefix. What is damaged cannot be answered, and stands in nobody's way.
func all(tx store.Tx, prefix string) iter.Seq2[store.Row[open], error] {
	return func(yield func(store.Row[open], error) bool) {
		for row, err := range openTable.Scan(tx, store.Range{Prefix: prefix}) {
			if !store.Damaged(err) && !yield(row, err) {
				return
			}
		}
	}
}

// firstNumber is behind those of all questions that are open in a conversation.
func firstNumber(tx store.Tx, prefix string) (int, error) {
	first := 1
	for row, err := range all(tx, prefix) {
		if err != nil {
			return 0, err
		}
		first = max(first, row.Value.First+len(row.Value.Choices))
	}
	return first, nil
}

// newToken returns 128 random bits in 22 characters, of which none is a dot.
func newToken() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // it never fails: the program would end
	return base64.RawURLEncoding.EncodeToString(b)
}

// sum keeps an id within the store's bounds on keys.
func sum(id string) string {
	s := sha256.Sum256([]byte(id))
	return hex.EncodeToString(s[:])
}

// sameThread reports whether two places are one thread of a conversation.
func sameThread(a, b *string) bool {
	none := ""
	return *cmp.Or(a, &none) == *cmp.Or(b, &none)
}

// named reports which choice a text names: by its number, with a dot or a bracket behind it at most, or by its label.
func (o *open) named(s string) (index int, byNumber, ok bool) {
	s = strings.TrimSpace(s)
	if n, err := strconv.Atoi(strings.TrimRight(s, ".)")); err == nil {
		i := n - o.First
		return i, true, i >= 0 && i < len(o.Choices)
	}
	for i, c := range o.Choices {
		if strings.EqualFold(s, c.Label) {
			return i, false, true
		}
	}
	return 0, false, false
}
