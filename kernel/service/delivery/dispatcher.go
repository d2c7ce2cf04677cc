package delivery

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/service/delivery/text"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of a send.
const (
	sendTimeout = 2 * time.Minute
	// stopGrace is how long a stop of the gateway waits for a send, so that it does not end in the send window.
	stopGrace = 5 * time.Second
	// maxInterval bounds the spacing that a channel may ask for.
	maxInterval = time.Hour
)

// dispatcher does the next thing for one message: hooks, pieces, one send, its record. It keeps nothing
// between two looks, so that a look after a crash does what the next one would have done.
type dispatcher struct {
	log      hclog.Logger
	accounts Accounts
	senders  Senders
	hooks    Hooks
	records  records
	awaiting *awaiting
	outcomes *outcomes
	moved    func(context.Context, message.Move) error
	redact   func(string) string
	voice    Voice
	drafts   Drafts
	// aside lets a channel's other messages be looked at while one waits, until back is called.
	aside func(channel string) (back func())
	// hold keeps a piece that may have arrived for the owner, unless the channel deduplicates.
	hold bool
}

// look prepares a message, sends one piece of it, or finds that it has to wait.
func (d *dispatcher) look(ctx context.Context, key string, notBefore time.Time) step {
	e, err := d.records.read(ctx, key)
	switch {
	case wit.CodeOf(err) == wit.CodeNotFound || e.Held:
		return step{pop: true}
	case err != nil:
		d.log.Error("message waits for the store", "error", err)
		return step{wait: retryStore}
	}
	if wait := e.rest(time.Now()); wait > 0 && !d.back(&e) {
		return step{wait: wait, watch: e.unreached()}
	}
	if err := d.accounts.Ready(e.Channel, e.Account); err != nil {
		return step{park: err}
	}
	sender, ok := d.senders.Sender(e.Channel)
	if !ok {
		return step{park: wit.Errorf(wit.CodeUnavailable, "channel %s is not loaded now", e.Channel)}
	}
	if wait := time.Until(notBefore); wait > 0 {
		return step{wait: wait}
	}
	if e.Pieces == nil {
		if s, ready := d.prepare(ctx, &e, sender.Facts()); !ready {
			return s
		}
	}
	return d.advance(ctx, &e, sender)
}

// back reports whether a platform that could not be reached can be reached again: its account has connected since.
func (d *dispatcher) back(e *entry) bool {
	return e.unreached() && d.accounts.ConnectedSince(e.Channel, e.Account).After(time.UnixMilli(e.FailedAt))
}

// prepare lets the hooks see a message and cuts it into pieces. ready is false when the step says all. The
// pieces are written with the first send; a crash before it asks the hooks again.
func (d *dispatcher) prepare(ctx context.Context, e *entry, facts *wit.ChannelFacts) (s step, ready bool) {
	draft, drafted, err := d.drafts.Take(ctx, e.ID)
	if err != nil {
		return d.failed(ctx, e, wit.AsError(err)), false
	}
	if wait := time.Until(draft.At.Add(interval(facts))); drafted && wait > 0 {
		return step{wait: wait}, false
	}
	m, err := d.hooks.Sending(ctx, e.hookContext(), wit.MessageSending{Channel: e.Channel, Account: e.Account, To: e.To.ID, Text: e.Text})
	switch {
	case wit.CodeOf(err) == wit.CodeForbidden:
		return d.outcomes.finish(ctx, e, StateCancelled, wit.AsError(err)), false
	case err != nil:
		return d.failed(ctx, e, wit.AsError(err)), false
	}
	switch {
	case e.Closes != "":
		if err := d.close(ctx, e, m.Text, facts); wit.CodeOf(err) == wit.CodeNotFound {
			return d.outcomes.finish(ctx, e, StateCancelled, wit.AsError(err)), false
		} else if err != nil {
			d.log.Error("message waits for the store", "error", err)
			return step{wait: retryStore}, false
		}
	default:
		e.compose(m.Text, facts)
	}
	if len(e.Pieces) == 0 {
		return d.outcomes.finish(ctx, e, StateCancelled, wit.NewError(wit.CodeInvalid, "nothing was left to send")), false
	}
	d.speak(ctx, e, m.Text, facts)
	if drafted && e.Edits == "" {
		e.replace(draft.ID)
	}
	return step{}, ctx.Err() == nil
}

// close plans a message that closes another one. Errors: plan's.
func (d *dispatcher) close(ctx context.Context, e *entry, text string, facts *wit.ChannelFacts) error {
	closed, err := d.records.find(ctx, e.Closes)
	if err != nil {
		return err
	}
	return e.plan(text, &closed.record, facts)
}

// compose makes the pieces of a message that a channel takes: with buttons at the last one, or with its choices in words.
func (r *record) compose(s string, facts *wit.ChannelFacts) {
	var rows []wit.ActionRow
	if len(r.Choices) > 0 {
		if rows = actionsOf(r.Choices, facts.Actions); rows == nil {
			s, r.Numbered = numbered(s, r.Choices), true
		}
	}
	if r.Pieces = cut(s, facts); len(r.Pieces) == 0 && len(r.Attachments) > 0 {
		r.Pieces = []piece{{}} // the files go out with an empty text
	}
	if len(r.Pieces) > 0 {
		r.Pieces[len(r.Pieces)-1].Actions = rows
	}
}

// cut makes the pieces of a text that a channel takes.
func cut(s string, facts *wit.ChannelFacts) (pieces []piece) {
	for _, t := range text.Pieces(s, facts) {
		pieces = append(pieces, piece{Text: t})
	}
	return pieces
}

// advance sends the next piece, between the two writes that make the send window.
func (d *dispatcher) advance(ctx context.Context, e *entry, sender Sender) step {
	i, facts := e.next(), sender.Facts()
	if i == len(e.Pieces) {
		return d.outcomes.finish(ctx, e, StateSent, nil)
	}
	p := &e.Pieces[i]
	if p.taken() {
		return d.sent(ctx, e, i, &wit.Sent{IDs: p.IDs})
	}
	if p.Sending != 0 && d.holds(e, facts) {
		return d.outcomes.hold(ctx, e, "the gateway stopped while it was being sent: it may have arrived")
	}
	began := time.Now()
	link, state, err := d.link(ctx, e)
	if err != nil {
		return d.failed(ctx, e, wit.AsError(err))
	}
	p.Sending, p.IDs = time.Now().UnixMilli(), nil
	if err := d.records.save(e); err != nil {
		return d.unsaved(e, err)
	}
	sent, err := d.carry(ctx, e, i, sender, link, state)
	spaced := time.Now().Add(interval(facts))
	var s step
	switch {
	case err != nil:
		e.began = began
		s = d.unsent(ctx, e, facts, err)
	case elsewhere(sent):
		s = d.redirected(ctx, e, i, sent.Moved)
	default:
		s = d.sent(ctx, e, i, sent)
		_ = d.follow(ctx, e, sent.Moved) // it has arrived all the same
	}
	s.notBefore = spaced
	return s
}

// carry sends the ith piece, and waits for what its plugin awaits.
func (d *dispatcher) carry(ctx context.Context, e *entry, i int, sender Sender, link Link, state wit.JSON) (*wit.Sent, error) {
	f := d.awaiting.begin(message.Account{Channel: e.Channel, ID: e.Account})
	defer f.end()
	sent, err := d.send(ctx, e, i, sender, state)
	if err == nil && !elsewhere(sent) && (len(sent.Frames) > 0 || sent.Awaits != nil) {
		return d.over(ctx, e, i, link, sent, f)
	}
	return sent, err
}

// holds reports whether a piece that may have arrived waits for the owner. A channel that deduplicates can be
// sent the same key again without doubt, and a change can be made again.
func (d *dispatcher) holds(e *entry, facts *wit.ChannelFacts) bool {
	return d.hold && !facts.Deduplicates && e.Edits == "" && !e.redraws()
}

// unsaved is the step after a write that failed before anything was done.
func (d *dispatcher) unsaved(e *entry, err error) step {
	if isGone(err) {
		return step{pop: true}
	}
	d.log.Error("message waits for the store", "id", e.ID, "error", err)
	return step{wait: retryStore}
}

// link finds a message's account, and what its plugin has left there.
func (d *dispatcher) link(ctx context.Context, e *entry) (Link, wit.JSON, error) {
	link, err := d.accounts.Link(e.Channel, e.Account)
	if err != nil {
		return nil, nil, err
	}
	state, err := link.State(ctx)
	return link, state, err
}

// send calls the plugin with the ith piece; what belongs to the message as a whole goes with the first one. Of a message that was
// shown while it was written the first one is there already, and is changed.
func (d *dispatcher) send(ctx context.Context, e *entry, i int, sender Sender, state wit.JSON) (*wit.Sent, error) {
	ctx, cancel := graceful(ctx)
	defer cancel()
	plain, formatted := text.Shown(e.Pieces[i].Text, sender.Facts())
	if id := cmp.Or(e.Edits, e.Draft); id != "" && i == 0 {
		sent, err := sender.Edit(ctx, &wit.ChannelEdit{Account: e.Account, To: e.To, ID: id, Text: plain, Formatted: formatted, State: state, Actions: e.Pieces[i].Actions})
		if sent = cmp.Or(sent, &wit.Sent{}); e.Draft != "" && len(sent.IDs) == 0 {
			sent.IDs = []string{id}
		}
		return sent, err
	}
	msg := &wit.ChannelSend{
		Account: e.Account, To: e.To, Text: plain, Formatted: formatted, Silent: e.Silent, State: state,
		IdempotencyKey: fmt.Sprintf("%s:%d", e.ID, i), Actions: e.Pieces[i].Actions,
	}
	if e.Mute {
		msg.IdempotencyKey += ":mute" // the plugin may remember how far it came with the voice note
	}
	if cut := e.Pieces[i].Cut; cut > 0 {
		msg.IdempotencyKey += fmt.Sprintf(":cut%d", cut) // likewise with the longer piece
	}
	if i == e.filesAt() {
		msg.Attachments = e.Attachments
	}
	if i == 0 && e.ReplyTo != "" {
		msg.ReplyTo = &e.ReplyTo
	}
	sent, err := sender.Send(ctx, msg)
	return cmp.Or(sent, &wit.Sent{}), err
}

// graceful returns a context for a send, which outlives ctx by the grace.
func graceful(ctx context.Context) (context.Context, context.CancelFunc) {
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTimeout)
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(stopGrace, cancel) })
	return own, func() {
		stop()
		cancel()
	}
}

// sent records that the ith piece has arrived.
func (d *dispatcher) sent(ctx context.Context, e *entry, i int, sent *wit.Sent) step {
	p := &e.Pieces[i]
	p.Sending, p.Sent, p.IDs = 0, true, sent.IDs
	e.Attempts, e.NextAt, e.Error = 0, 0, nil
	if e.next() == len(e.Pieces) {
		return d.outcomes.finish(ctx, e, StateSent, nil)
	}
	return after(d.records.persist(ctx, d.records.save, e), step{})
}

// elsewhere reports whether nothing was sent, since the conversation has another id.
func elsewhere(sent *wit.Sent) bool {
	return len(sent.IDs)+len(sent.Frames) == 0 && sent.Awaits == nil && sent.Moved != nil && sent.Moved.ID != ""
}

// redirected has the ith piece sent again, to where the conversation is now. That is recorded first: whoever answers to
// what is seen there then finds it known. A plugin that moves it to where it is gets the piece no more often than with
// any other failure.
func (d *dispatcher) redirected(ctx context.Context, e *entry, i int, to *wit.Conversation) step {
	e.Pieces[i].Sending = 0
	was := e.To.ID
	if err := d.records.persist(ctx, d.records.save, e); err != nil {
		return after(err, step{})
	}
	if err := d.follow(ctx, e, to); err != nil {
		return step{wait: retryStore}
	}
	now, err := d.records.read(ctx, e.key)
	if err == nil && now.To.ID == was {
		return d.failed(ctx, e, wit.NewError(wit.CodeInternal, "the channel sent nothing to "+was+", and says that it is "+to.ID+" now, which is not believed"))
	}
	return step{} // the next look finds it where it is, or finds out that the store fails
}

// follow tells of a conversation that turned out to have another id. Should that fail, the next send there tells it
// again.
func (d *dispatcher) follow(ctx context.Context, e *entry, to *wit.Conversation) error {
	if to == nil || to.ID == "" {
		return nil
	}
	m := message.Move{Account: message.Account{Channel: e.Channel, ID: e.Account}, From: e.To.ID, To: *to}
	err := d.moved(ctx, m)
	if err != nil {
		d.log.Warn("a conversation's new id was not recorded", "channel", e.Channel, "from", m.From, "to", to.ID, "error", err)
	}
	return err
}

// unsent decides about a piece whose send ended with an error.
func (d *dispatcher) unsent(ctx context.Context, e *entry, facts *wit.ChannelFacts, err error) step {
	if ctx.Err() != nil && !Answered(err) {
		return step{} // stopped in the send window: the record says so
	}
	if d.holds(e, facts) && wit.CodeOf(err) == wit.CodeTimeout {
		return d.outcomes.hold(ctx, e, "the channel did not say in time whether it was sent: it may have arrived")
	}
	e.Pieces[e.next()].Sending = 0
	if d.halve(e, wit.AsError(err), facts) {
		return after(d.records.persist(ctx, d.records.save, e), step{})
	}
	return d.failed(ctx, e, wit.AsError(err))
}

// failed plans the next attempt, or ends the message when there is none.
func (d *dispatcher) failed(ctx context.Context, e *entry, cause *wit.Error) step {
	now := time.Now()
	if e.FirstAttempt == 0 || e.FirstAttempt > now.UnixMilli() { // the clock was ahead
		e.FirstAttempt = now.UnixMilli()
	}
	clean := *cause // it is the plugin's, and others may hold it
	clean.Message = d.redact(clean.Message)
	e.Attempts++
	e.Error = &clean
	e.FailedAt = now.UnixMilli()
	if !e.began.IsZero() {
		e.FailedAt = e.began.UnixMilli()
	}
	if d.mute(e, &clean) || d.undraw(e, &clean) {
		return after(d.records.persist(ctx, d.records.save, e), step{})
	}
	delay := pause(e.Attempts, &clean)
	over := now.Add(delay).Sub(time.UnixMilli(e.FirstAttempt)) > giveUp
	if permanent(&clean, e.Attempts) || over {
		return d.outcomes.finish(ctx, e, StateFailed, &clean)
	}
	d.log.Warn("send failed, retrying", "id", e.ID, "channel", e.Channel, "attempt", e.Attempts, "in", delay, "error", &clean)
	e.NextAt = now.Add(delay).UnixMilli()
	return after(d.records.persist(ctx, d.records.save, e), step{wait: delay, watch: e.unreached()})
}

// interval is the spacing of sends in a conversation that a channel asks for.
func interval(facts *wit.ChannelFacts) time.Duration {
	ms := max(0, min(facts.SendInterval, maxInterval.Milliseconds()))
	return time.Duration(ms) * time.Millisecond
}
