package channel

import (
	"context"
	"time"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// committed counts what one transaction did.
type committed struct {
	accepted, duplicates, dropped, kept, paired int
	told                                        bool // notices were enqueued
	news                                        []Received
}

// commit writes an answer's messages, the turns that they start and the state in one transaction. A
// state without messages is written later. Errors: *storeDown, or what Inbound refuses.
func (a *actor) commit(in *input, answer *wit.ChannelAnswer, next, prev savedState) (committed, error) {
	replayed := in.aside != ""
	next.At = time.Now().UnixMilli()
	if len(answer.Messages) == 0 && !replayed {
		if answer.State != nil || next.Version != prev.Version && next.State != nil {
			a.keep(next)
		}
		return committed{}, nil
	}
	done, refused, err := a.write(in, answer, next)
	switch {
	case err != nil && !refused:
		return committed{}, &storeDown{err}
	case err == nil && !replayed:
		a.state, a.loaded, a.dirty = next, true, false
	}
	return done, err
}

// write is the transaction. refused says that the error is not the store's.
func (a *actor) write(in *input, answer *wit.ChannelAnswer, next savedState) (done committed, refused bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	a.mu.Lock()
	r := receiver{actor: a, settings: a.settings, self: a.report.status.Self, now: next.At}
	a.mu.Unlock()
	err = a.Store.Update(ctx, func(tx store.Tx) error {
		r.committed, r.refused = committed{}, false
		for i := range answer.Messages {
			if err := r.receive(tx, &answer.Messages[i]); err != nil {
				return err
			}
		}
		if in.aside != "" {
			return asideTable.Delete(tx, in.aside)
		}
		return stateTable.Put(tx, key(a.channel, a.account), next)
	})
	return r.committed, r.refused, err
}

// receiver takes messages in within one transaction.
type receiver struct {
	*actor
	committed
	settings Account
	self     *wit.Person
	now      int64
	refused  bool
}

// receive records a message, and does with it what the account's access rules say.
func (r *receiver) receive(tx store.Tx, m *wit.Message) error {
	entry := inboxEntry{Kind: m.Kind, Conversation: m.Conversation.ID, Sender: m.Sender.ID, At: r.now}
	if m.Target != nil {
		entry.Target = *m.Target
	}
	fresh, err := insert(tx, key(r.channel, r.account, m.ID), entry)
	if err != nil {
		return err
	}
	if !fresh {
		r.duplicates++
		return nil
	}
	verdict, err := r.judge(tx, m)
	if err == nil {
		err = r.follow(tx, m, verdict)
	}
	r.news = append(r.news, Received{Channel: r.channel, Account: r.account, ID: m.ID, Kind: m.Kind,
		Conversation: m.Conversation.ID, Sender: m.Sender.ID, Verdict: verdict})
	return err
}

func (r *receiver) follow(tx store.Tx, m *wit.Message, v Verdict) error {
	switch v {
	case VerdictAccepted:
		return r.accept(tx, m)
	case VerdictKept:
		r.kept++
		return r.remember(tx, m)
	case VerdictPairing:
		r.paired++
		return r.invite(tx, m)
	}
	r.dropped++
	return nil
}

func (r *receiver) accept(tx store.Tx, m *wit.Message) error {
	history, err := r.recall(tx, m)
	if err != nil {
		return err
	}
	t := Turn{ID: key(r.channel, r.account, m.ID), Channel: r.channel, Account: r.account,
		Message: *m, History: history, ReceivedAt: r.now}
	if err := r.Inbound.Accept(tx, t); err != nil {
		r.refused = true
		return wit.Errorf(wit.CodeOf(err), "accept message %s: %w", m.ID, err)
	}
	r.accepted++
	return nil
}
