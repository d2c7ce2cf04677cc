package inbox

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/move"
	"github.com/carapace-gateway/carapace/kernel/service/question"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Batch is what one answer of a plugin brings to be committed.
type Batch struct {
	Account message.Account
	// Access are the rules of this moment.
	Access Access
	// Self is the bot's id on its platform; empty while it is not known.
	Self string
	// Moved are conversations that have another id; the messages are those of afterwards.
	Moved []wit.Move
	// Messages have been checked against the contract.
	Messages []wit.Message
	// Confirmed is what became of sends that wait for it.
	Confirmed []wit.Confirmation
	// Pushes are what the browsers of visitors are to get.
	Pushes []wit.Push
	// State becomes the account's; nil leaves it as it is.
	State *State
	// Replayed is the id of the dead letter that brought the messages, which is removed; empty for none.
	Replayed string
}

// Result counts what a commit did, by verdict.
type Result struct {
	Accepted, Chosen, Duplicates, Kept, Paired, Dropped int
	// News are to be published as ReceivedKind, in order; duplicates are no news.
	News []Received
}

// Commit writes a batch in one transaction and wakes whoever has something to do then.
//
// Errors: a *StoreError when the store has failed, so that the same batch is to be committed again; otherwise
// what the Acceptor refused a message with, or the Pusher what is pushed. Nothing is written in either case.
func (s *Service) Commit(ctx context.Context, b Batch) (Result, error) {
	now := time.Now().UnixMilli()
	var in *intake
	err := write(ctx, s.store, func(tx store.Tx) error {
		in = &intake{
			tx: tx, batch: &b, now: now, acceptor: s.acceptor, questions: s.questions, pairing: s.pairing, movers: s.movers, confirmer: s.confirmer,
			pusher: s.pusher,
		}
		return in.run()
	})
	switch {
	case in != nil && in.refused != nil && errors.Is(err, in.refused): // it is not what a store says that broke meanwhile
		return Result{}, in.refused
	case err != nil:
		return Result{}, err
	}
	for _, news := range in.result.News {
		s.received.Add(news.Channel, string(news.Verdict))
	}
	for _, m := range in.moved {
		s.announce(m)
	}
	if len(b.Pushes) > 0 {
		s.pusher.Pushed(b.Account, b.Pushes)
	}
	if len(b.Confirmed) > 0 {
		s.confirmer.Confirmed(b.Account, b.Confirmed)
	}
	for _, token := range in.unknown {
		s.log.Debug("confirmed, and no send waits for it", "account", b.Account, "token", message.Clip(s.redact(token), maxToken))
	}
	s.tell(b, in.result.News)
	if in.result.Accepted > 0 {
		s.acceptor.Wake(in.sessions...)
	}
	if in.says {
		s.outbox.Wake()
	}
	return in.result, nil
}

// tell logs what the owner may have to do something about: who asks to write, and what was turned away and why.
func (s *Service) tell(b Batch, news []Received) {
	for _, n := range news {
		switch n.Verdict {
		case VerdictPairing:
			s.log.Info("somebody asks to write: see `carapace pairing list`", "account", b.Account, "sender", n.Sender)
		case VerdictDenied:
			s.log.Info("message refused", "account", b.Account, "conversation", n.Conversation, "sender", n.Sender, "why", b.why(n))
		}
	}
}

// why says which rule refused a message.
func (b *Batch) why(n Received) string {
	for i := range b.Messages {
		m := &b.Messages[i]
		switch {
		case m.ID != n.ID:
		case m.Conversation.Kind == wit.ConversationKindDirect:
			return "dmPolicy is " + cmp.Or(string(b.Access.DM), string(PolicyPairing)) + " and the sender is not in allowFrom"
		case b.Access.Group == "" || b.Access.Group == PolicyAllowlist:
			return "groupPolicy is allowlist and the group is not in groups"
		default:
			return "groupPolicy is " + string(b.Access.Group)
		}
	}
	return "the rules have changed"
}

// intake takes a batch in within one transaction.
type intake struct {
	tx        store.Tx
	batch     *Batch
	now       int64
	acceptor  message.Acceptor
	questions *question.Book
	pairing   *pairing
	movers    movers
	confirmer message.Confirmer
	pusher    message.Pusher

	result  Result
	moved   []message.Move // that were news
	unknown []string       // tokens that no send waits for
	says    bool           // something waits to be sent
	refused error          // by the acceptor, or as nothing that can be pushed

	sessions []string // that answer what was accepted
}

// maxToken is how much of a token the log shows, in bytes.
const maxToken = 80

// run takes the moves and then the messages in, in order, and then writes what goes with them.
func (i *intake) run() error {
	for _, w := range i.batch.Moved {
		m := message.Move{Account: i.batch.Account, From: w.From, Thread: w.Thread, To: w.To}
		fresh, err := i.movers.moved(i.tx, m)
		if err != nil {
			return err
		}
		if fresh {
			i.moved = append(i.moved, m)
		}
	}
	for n := range i.batch.Messages {
		if err := i.receive(&i.batch.Messages[n]); err != nil {
			return err
		}
	}
	for _, c := range i.batch.Confirmed {
		known, err := i.confirmer.Confirm(i.tx, i.batch.Account, c)
		if err != nil {
			return err
		}
		if !known {
			i.unknown = append(i.unknown, c.Token)
		}
	}
	if err := i.push(); err != nil {
		return err
	}
	if i.batch.Replayed != "" {
		if err := forgetLetter(i.tx, i.batch.Replayed); err != nil {
			return err
		}
	}
	if i.batch.State == nil {
		return nil
	}
	return stateTable.Put(i.tx, accountKey(i.batch.Account), *i.batch.State)
}

// push keeps what is for visitors.
func (i *intake) push() error {
	err := i.pusher.Push(i.tx, i.batch.Account, i.batch.Pushes)
	if err != nil && !store.Failed(err) {
		i.refused = err
	}
	return err
}

// receive records a message, and does with it what the account's access rules say.
func (i *intake) receive(m *wit.Message) error {
	a := i.batch.Account
	e := entry{Kind: m.Kind, Conversation: m.Conversation.ID, Sender: m.Sender.ID, At: i.now}
	if m.Target != nil {
		e.Target = *m.Target
	}
	fresh, err := insert(i.tx, key(a.Channel, a.ID, m.ID), e)
	if err != nil {
		return err
	}
	if !fresh {
		i.result.Duplicates++
		return nil
	}
	names, err := i.names(m)
	if err != nil {
		return err
	}
	verdict, err := judge(i.batch, m, names, func() (bool, error) { return approved(i.tx, a, m.Sender.ID) })
	if err == nil && verdict == VerdictAccepted {
		verdict, err = i.choose(m, names[0])
	}
	if err != nil {
		return err
	}
	i.result.News = append(i.result.News, Received{
		Channel: a.Channel, Account: a.ID, ID: m.ID, Kind: m.Kind,
		Conversation: m.Conversation.ID, Sender: m.Sender.ID, Verdict: verdict,
	})
	return i.follow(m, names[0], verdict)
}

// choose has a message of somebody who may speak acted on where it answers a question; else it is to be answered itself,
// unless it is a choice.
func (i *intake) choose(m *wit.Message, home string) (Verdict, error) {
	a := i.batch.Account
	owner := i.batch.Access.owned(m.Sender)
	if owner && m.Conversation.Kind == wit.ConversationKindDirect {
		if err := noteOwner(i.tx, a, m); err != nil {
			return "", err
		}
	}
	outcome, err := i.questions.Choose(i.tx, question.Reply{Account: a, Message: m, Home: home, Owner: owner, At: i.now})
	i.says = i.says || outcome != question.Other
	switch {
	case outcome == question.Chosen:
		return VerdictChosen, err
	case outcome == question.Refused || m.Kind == wit.MessageKindAction:
		return VerdictRecorded, err
	}
	return VerdictAccepted, err
}

// follow does what a verdict asks for; home is the first id of the conversation. What is only recorded or denied is in the inbox already.
func (i *intake) follow(m *wit.Message, home string, v Verdict) error {
	switch v {
	case VerdictAccepted:
		i.result.Accepted++
		return i.accept(m, home)
	case VerdictKept:
		i.result.Kept++
		if _, _, err := move.Spoken(i.tx, i.batch.Account, m.Conversation); err != nil {
			return err
		}
		return remember(i.tx, i.batch.Account, m)
	case VerdictPairing:
		i.result.Paired++
		invited, err := i.pairing.invite(i.tx, i.batch, m, i.now)
		i.says = i.says || invited
		return err
	case VerdictChosen:
		i.result.Chosen++
		return nil
	}
	i.result.Dropped++
	return nil
}

// accept hands a message on, with what was said in its group before.
func (i *intake) accept(m *wit.Message, home string) error {
	a := i.batch.Account
	if home == m.Conversation.ID {
		home = ""
	}
	thread, moved, err := move.Spoken(i.tx, a, m.Conversation)
	if err != nil {
		return err
	}
	if moved {
		home = thread.Conversation
	}
	history, err := recall(i.tx, a, m)
	if err != nil {
		return err
	}
	session, err := i.acceptor.Accept(i.tx, message.Inbound{
		ID: key(a.Channel, a.ID, m.ID), Account: a, Message: *m, Home: home, HomeThread: thread.Thread, History: history, ReceivedAt: i.now,
	})
	if err != nil {
		i.refused = wit.Errorf(wit.CodeOf(err), "accept message %.80q: %w", m.ID, err)
		return i.refused
	}
	i.sessions = append(i.sessions, session)
	return nil
}
