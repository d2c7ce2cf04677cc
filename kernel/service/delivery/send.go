package delivery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/carapace-gateway/carapace/kernel/retry"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Pauses between attempts.
const (
	retryMin   = time.Second
	retryMax   = 5 * time.Minute
	retryStore = time.Second
	// maxInternal is how often an error that a plugin should not make is tried again.
	maxInternal = 5
)

// errGone says that the owner has removed the message meanwhile.
var errGone = errors.New("the message was removed from the queue")

// look does the next thing for a message: prepare it, send one piece, or find that it has to wait.
func (s *Service) look(ctx context.Context, l *lane, item string) step {
	r, err := s.read(ctx, item)
	switch {
	case wit.CodeOf(err) == wit.CodeNotFound || err == nil && r.Held:
		return step{pop: true}
	case err != nil:
		s.Log.Error("an outgoing message waits for the store", "error", err)
		return step{wait: retryStore}
	}
	if d := time.Until(time.UnixMilli(r.NextAt)); r.NextAt > 0 && d > 0 {
		return step{wait: d}
	}
	if err := s.Accounts.Ready(r.Channel, r.Account); err != nil {
		return step{park: err}
	}
	sender, ok := s.Senders.Sender(r.Channel)
	if !ok {
		return step{park: wit.Errorf(wit.CodeUnavailable, "channel %s is not loaded now", r.Channel)}
	}
	if d := s.spacing(l, sender.Facts()); d > 0 {
		return step{wait: d}
	}
	if r.Pieces == nil {
		if next, ready := s.prepare(ctx, item, &r, sender.Facts()); !ready {
			return next
		}
	}
	return s.advance(ctx, l, item, &r, sender)
}

// prepare lets the hooks see a message and cuts it into pieces. ready is false when the step says all.
func (s *Service) prepare(ctx context.Context, item string, r *record, facts *wit.ChannelFacts) (next step, ready bool) {
	text := r.Text
	if s.Hooks != nil {
		m, err := s.Hooks.Sending(ctx, r.hookContext(), wit.MessageSending{Channel: r.Channel, Account: r.Account, To: r.To.ID, Text: text})
		switch {
		case wit.CodeOf(err) == wit.CodeForbidden:
			return s.finish(ctx, item, r, StateCancelled, wit.AsError(err)), false
		case err != nil:
			return s.failed(ctx, item, r, wit.AsError(err)), false
		}
		text = m.Text
	}
	if facts.Markup != wit.MarkupMarkdown {
		text = Plain(text)
	}
	for _, t := range Chunk(text, LimitsOf(facts)) {
		r.Pieces = append(r.Pieces, piece{Text: t})
	}
	if len(r.Pieces) == 0 && len(r.Attachments) > 0 {
		r.Pieces = []piece{{}}
	}
	if len(r.Pieces) == 0 {
		return s.finish(ctx, item, r, StateCancelled, wit.NewError(wit.CodeInvalid, "nothing was left to send")), false
	}
	return step{}, true
}

// advance sends the next piece.
func (s *Service) advance(ctx context.Context, l *lane, item string, r *record, sender Sender) step {
	i, facts := r.next(), sender.Facts()
	if i == len(r.Pieces) {
		return s.finish(ctx, item, r, StateSent, nil)
	}
	p := &r.Pieces[i]
	if p.Sending != 0 && s.Hold && !facts.Deduplicates {
		return s.hold(ctx, item, r, "the gateway stopped while it was being sent: it may have arrived")
	}
	now := time.Now().UnixMilli()
	p.Sending = now
	if r.FirstAttempt == 0 {
		r.FirstAttempt = now
	}
	if err := s.save(item, r); err != nil {
		return s.unsaved(err)
	}
	sent, err := s.send(ctx, sender, r, i)
	s.mu.Lock()
	l.lastSend = time.Now()
	s.mu.Unlock()
	if err != nil && ctx.Err() != nil && !answered(err) {
		return step{} // stopped in the send window: the record says so
	}
	if err != nil {
		if s.Hold && !facts.Deduplicates && wit.CodeOf(err) == wit.CodeTimeout {
			return s.hold(ctx, item, r, "the channel did not say in time whether it was sent: it may have arrived")
		}
		p.Sending = 0
		return s.failed(ctx, item, r, wit.AsError(err))
	}
	p.Sending, p.Sent, p.IDs = 0, true, sent.IDs
	r.Attempts, r.NextAt, r.Error = 0, 0, nil
	if r.next() == len(r.Pieces) {
		return s.finish(ctx, item, r, StateSent, nil)
	}
	return s.settle(ctx, func() error { return s.save(item, r) }, step{})
}

// send calls the plugin. A stop of the gateway gives it a little time to come to an end.
func (s *Service) send(ctx context.Context, sender Sender, r *record, i int) (*wit.Sent, error) {
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		t := time.AfterFunc(stopGrace, cancel)
		context.AfterFunc(own, func() { t.Stop() })
	})
	defer stop()
	msg := &wit.ChannelSend{Account: r.Account, To: r.To, Text: r.Pieces[i].Text, Silent: r.Silent,
		IdempotencyKey: fmt.Sprintf("%s:%d", r.ID, i)}
	if i == 0 {
		msg.Attachments = r.Attachments
		if r.ReplyTo != "" {
			msg.ReplyTo = &r.ReplyTo
		}
	}
	sent, err := sender.Send(own, msg)
	if err == nil && sent == nil {
		sent = &wit.Sent{}
	}
	return sent, err
}

// answered reports whether an error is the plugin's word, and not the end of the call's time.
func answered(err error) bool {
	return !errors.Is(err, context.Canceled) && wit.CodeOf(err) != wit.CodeTimeout && wit.CodeOf(err) != wit.CodeUnavailable
}

// failed plans the next attempt, or ends the message when there is none.
func (s *Service) failed(ctx context.Context, item string, r *record, cause *wit.Error) step {
	now := time.Now()
	if r.FirstAttempt == 0 {
		r.FirstAttempt = now.UnixMilli()
	}
	clean := *cause
	clean.Message = s.Redact(clean.Message)
	cause = &clean
	r.Attempts++
	r.Error = cause
	delay := pause(r.Attempts, cause)
	over := now.Add(delay).Sub(time.UnixMilli(r.FirstAttempt)) > s.GiveUp
	if permanent(cause, r.Attempts) || over {
		return s.finish(ctx, item, r, StateFailed, cause)
	}
	s.Log.Warn("a message was not sent and is tried again", "id", r.ID, "channel", r.Channel, "attempt", r.Attempts, "in", delay, "error", cause)
	r.NextAt = now.Add(delay).UnixMilli()
	return s.settle(ctx, func() error { return s.save(item, r) }, step{wait: delay})
}

// permanent reports whether trying again is useless.
func permanent(e *wit.Error, attempts int) bool {
	switch e.Code {
	case wit.CodeRateLimited, wit.CodeUnavailable, wit.CodeTimeout:
		return false
	case wit.CodeInternal:
		return !e.Retryable && attempts >= maxInternal
	}
	return !e.Retryable
}

// pause is how long to wait after the nth failed attempt: doubling, with jitter, and never less than
// what the platform asked for.
func pause(n int, e *wit.Error) time.Duration {
	d := retry.Backoff{Min: retryMin, Max: retryMax, Jitter: true}.Delay(n)
	if e.RetryAfter != nil && *e.RetryAfter > 0 {
		asked := time.Duration(min(*e.RetryAfter, giveUp.Milliseconds())) * time.Millisecond
		d = max(d, asked)
	}
	return d
}

func (s *Service) spacing(l *lane, facts *wit.ChannelFacts) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.lastSend.IsZero() || facts.SendInterval <= 0 {
		return 0
	}
	return time.Until(l.lastSend.Add(time.Duration(min(facts.SendInterval, 3_600_000)) * time.Millisecond))
}

// hold takes a message out of its lane until the owner decides.
func (s *Service) hold(ctx context.Context, item string, r *record, why string) step {
	r.Held = true
	r.Error = wit.NewError(wit.CodeConflict, why+": release it to send it again, or drop it")
	next := s.settle(ctx, func() error { return s.save(item, r) }, step{pop: true})
	if next.pop {
		s.announce(ctx, r, StateHeld)
	}
	return next
}

func (s *Service) read(ctx context.Context, item string) (r record, err error) {
	err = s.Store.View(ctx, func(tx store.Tx) error {
		r, err = queueTable.Get(tx, item)
		return err
	})
	return r, err
}

// save replaces a message's record, or fails with errGone when it is no longer in the queue.
func (s *Service) save(item string, r *record) error {
	return s.update(func(tx store.Tx) error {
		if _, err := tx.Get(string(queueTable), item); err != nil {
			return gone(err)
		}
		return queueTable.Put(tx, item, *r)
	})
}

func gone(err error) error {
	if wit.CodeOf(err) == wit.CodeNotFound {
		return errGone
	}
	return err
}

func (s *Service) update(fn func(store.Tx) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	return s.Store.Update(ctx, fn)
}

// settle writes what cannot be taken back: it tries until the store takes it or the gateway stops.
func (s *Service) settle(ctx context.Context, write func() error, then step) step {
	for {
		err := write()
		switch {
		case err == nil:
			return then
		case errors.Is(err, errGone):
			return step{pop: true}
		}
		s.Log.Error("what became of a message cannot be written", "error", err)
		if !retry.Sleep(ctx, retryStore) {
			return step{}
		}
	}
}

// unsaved is the step after a write that failed before anything was done.
func (s *Service) unsaved(err error) step {
	if errors.Is(err, errGone) {
		return step{pop: true}
	}
	s.Log.Error("an outgoing message waits for the store", "error", err)
	return step{wait: retryStore}
}
