// Package approval asks the owner whether a tool may be called, in the owner's chat.
//
// Owns: the calls that wait and what the owner has said of them. It refuses to decide: who says nothing in time, or cannot be
// asked, has not approved.
//
// Guarantees. The answer is written in the transaction that takes the choice in (question), and a gateway that ends while the
// owner is asked asks no second time, but waits on, or finds what was said. An answer is for one call with the arguments that
// were shown, and is used up by it: of two calls that are alike each is asked about.
//
// Everything is safe for concurrent use.
package approval

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/question"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Deps is what the service stands on.
type Deps struct {
	Store     store.Store
	Bus       *event.Bus
	Questions *question.Book
	// Owner finds a chat in which the owner can be asked; false where there is none. Errors: the store's.
	Owner func(tx store.Tx) (at message.Account, to wit.Conversation, ok bool, err error)
	// Effects are those that need the owner's word; none: no call does.
	Effects func() []wit.Effect
}

// Service asks.
type Service struct{ d Deps }

// Call is a call of a tool that is about to be made.
type Call struct {
	// Run and ID name the call, and are the same when it comes again after a crash. Models may use an ID twice.
	Run, ID string
	Tool    string
	Effects []wit.Effect
	Args    wit.JSON
	// For is whoever the call is made for, where that is somebody on a channel.
	For *wit.Person
}

const (
	kind = "approval"
	// patience is how long the owner may take; the run waits so long.
	patience = 10 * time.Minute
	// kept is how long what was said is kept for a run that goes on after a crash.
	kept    = 24 * time.Hour
	maxArgs = 1500 // bytes that the owner reads
)

// The owner's choices.
const (
	approve = "approve"
	deny    = "deny"
)

// said is what the owner has chosen.
type said struct {
	Choice string `json:"choice"`
	At     int64  `json:"at"`
}

const saidTable = store.Table[said]("approval.said")

// New returns the service. It acts on the answers to its questions from now on.
func New(d Deps) *Service {
	d.Questions.Handle(kind, func(tx store.Tx, a question.Answer) (string, error) {
		return "", saidTable.Put(tx, a.Subject, said{a.Choice, a.At})
	})
	return &Service{d}
}

// Approve returns "" once the owner has approved the call, or where it needs no word; else why it is not made, in words for a
// model. Errors: ctx's; the store's.
func (s *Service) Approve(ctx context.Context, c Call) (refused string, err error) {
	needed := s.d.Effects()
	if !slices.ContainsFunc(c.Effects, func(e wit.Effect) bool { return slices.Contains(needed, e) }) {
		return "", nil
	}
	changed := make(chan struct{}, 1)
	defer s.d.Bus.Subscribe(func(e event.Event) {
		if e.Name == "message.received" {
			select {
			case changed <- struct{}{}:
			default: // it will be looked at
			}
		}
	})()
	id := c.key()
	asked, choice, err := s.ask(ctx, c)
	switch {
	case err != nil:
		return "", err
	case !asked:
		return "the owner has to approve it, and has no chat in which to be asked", nil
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	for choice == "" && err == nil {
		select {
		case <-changed:
			choice, err = s.choice(ctx, id)
		case <-late.C:
			choice, err = s.giveUp(id, "Not answered in time.")
		case <-ctx.Done():
			_, _ = s.giveUp(id, "This was given up.") // the question expires otherwise
			return "", context.Cause(ctx)
		}
	}
	switch {
	case err != nil:
		return "", err
	case choice == approve:
		return "", nil
	case choice == deny:
		return "the owner has denied it", nil
	}
	return "the owner has not answered in time", nil
}

// ask asks the owner about a call, unless that was done before. It returns what was said, if anything was.
func (s *Service) ask(ctx context.Context, c Call) (asked bool, choice string, err error) {
	err = s.d.Store.Update(ctx, func(tx store.Tx) error {
		asked = true
		if choice, err = take(tx, c.key()); err != nil || choice != "" {
			return err
		}
		if err := forget(tx, time.Now().Add(-kept).UnixMilli()); err != nil {
			return err
		}
		at, to, ok, err := s.d.Owner(tx)
		if asked = ok; err != nil || !ok {
			return err
		}
		return s.d.Questions.Ask(tx, question.Question{
			ID: kind + "/" + c.key(), Kind: kind, Subject: c.key(), Account: at, To: to, Text: c.text(), Owner: true,
			Choices: []question.Choice{
				{Name: approve, Label: "Approve", Style: wit.ActionStylePrimary},
				{Name: deny, Label: "Deny", Style: wit.ActionStyleDanger},
			},
			ExpiresAt: time.Now().Add(patience).UnixMilli(),
		})
	})
	s.d.Questions.Wake()
	return asked, choice, err
}

// text is what the owner reads. The arguments are one line between fences, which nothing in it can end.
func (c *Call) text() string {
	effects := make([]string, len(c.Effects))
	for i, e := range c.Effects {
		effects[i] = string(e)
	}
	text := "May the assistant call " + message.Name(c.Tool) + ", which " + strings.Join(effects, ", ") + "?"
	if c.For != nil {
		text = message.Who(*c.For) + " is talking to the assistant. " + text
	}
	var line bytes.Buffer
	if json.Compact(&line, c.Args) != nil {
		line.Reset()
	}
	return text + "\n\n```\n" + message.Clip(line.String(), maxArgs) + "\n```"
}

// giveUp takes the question back, unless an answer has come meanwhile, which is returned; else it returns over.
func (s *Service) giveUp(id, why string) (choice string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err = s.d.Store.Update(ctx, func(tx store.Tx) error {
		if choice, err = take(tx, id); err != nil || choice != "" {
			return err
		}
		choice = "over"
		_, err = s.d.Questions.Close(tx, kind+"/"+id, why)
		return err
	})
	s.d.Questions.Wake()
	return choice, err
}

// choice is what the owner has chosen, "" so far.
func (s *Service) choice(ctx context.Context, id string) (choice string, err error) {
	err = s.d.Store.Update(ctx, func(tx store.Tx) error {
		choice, err = take(tx, id)
		return err
	})
	return choice, err
}

// take uses up what was said of a call, "" for nothing.
func take(tx store.Tx, id string) (string, error) {
	v, err := saidTable.Get(tx, id)
	if wit.CodeOf(err) == wit.CodeNotFound {
		return "", nil
	} else if err != nil {
		return "", err
	}
	return v.Choice, saidTable.Delete(tx, id)
}

// key is one for each call and its arguments, however long they are.
func (c *Call) key() string {
	sum := sha256.New()
	for _, part := range []string{c.Run, c.ID, c.Tool, string(c.Args)} {
		fmt.Fprintf(sum, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// forget removes what was said before a time.
func forget(tx store.Tx, before int64) error {
	var old []string
	for row, err := range saidTable.Scan(tx, store.Range{}) {
		if err != nil && !store.Damaged(err) {
			return err
		}
		if err != nil || row.Value.At < before {
			old = append(old, row.Key)
		}
	}
	for _, k := range old {
		if err := saidTable.Delete(tx, k); err != nil {
			return err
		}
	}
	return nil
}
