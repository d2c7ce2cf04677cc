package draft

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/kernel/retry"
	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/kernel/service/delivery/text"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/wit"
)

const (
	// patience is how long people wait before they see the beginning of an answer: a short one is there by then.
	patience = 1500 * time.Millisecond
	// writeTimeout bounds one change of a draft.
	writeTimeout = 20 * time.Second
	// pauseMost bounds the pause that a platform may ask for: after a longer one there is no point in a draft.
	pauseMost = time.Minute
	// previewLasts is how long a preview is left alone that does not change: platforms show one for half a minute or more.
	previewLasts = 20 * time.Second
)

// writer shows what one run writes. Its goroutine writes; the run tells it what.
type writer struct {
	drafts *Drafts
	run    run.Run
	id     string // of the message that the draft is for
	ended  chan struct{}
	once   sync.Once
	over   chan struct{} // the goroutine has ended

	mu       sync.Mutex
	said     strings.Builder
	anew     bool   // what comes next replaces what was said
	tool     string // that is called now
	deserted bool   // nothing will take the draft's place
	shown    string // what stands there

	// Of the goroutine alone:
	previewed time.Time // when the platform has shown it last as a preview
	stands    bool      // it is shown as a message, and not as a preview
}

func newWriter(d *Drafts, r run.Run) *writer {
	return &writer{drafts: d, run: r, id: agent.AnswerID(r.ID), ended: make(chan struct{}), over: make(chan struct{})}
}

// stop lets nothing more be written. It does not wait.
func (w *writer) stop() { w.once.Do(func() { close(w.ended) }) }

func (w *writer) next() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.anew = true
}

func (w *writer) add(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.anew {
		w.said.Reset()
		w.anew = false
	}
	w.said.WriteString(text)
}

func (w *writer) call(tool string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tool = tool
}

func (w *writer) abandon() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deserted, w.tool = true, ""
}

// text is what is to be seen now: whole words, and below them the tool that is at work.
func (w *writer) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	said := w.said.String()
	if !w.deserted {
		said = said[:strings.LastIndexAny(said, " \n\t")+1]
	}
	said = strings.TrimRight(said, " \n\t")
	if w.tool == "" {
		return said
	}
	return strings.TrimLeft(said+"\n\n*Using `"+w.tool+"` …*", "\n")
}

// work writes until the run ends, or the platform will not have it.
func (w *writer) work() {
	defer w.drafts.left(w)
	defer close(w.over)
	for pause := patience; pause > 0; {
		select {
		case <-w.ended:
			w.leave()
			return
		case <-w.drafts.life.Done():
			return
		case <-time.After(pause):
		}
		pause = w.look()
	}
	<-w.ended
	w.leave()
}

// look writes what is new, and returns how long to wait before the next look; 0 is for ever.
func (w *writer) look() time.Duration {
	sender, ok := w.drafts.Senders.Sender(w.run.Reply.Channel)
	if !ok {
		return patience
	}
	facts := sender.Facts()
	interval := w.interval(facts)
	now := w.text()
	if now == "" || now == w.shown && !w.fades() || w.behind() {
		return interval
	}
	ctx, cancel := context.WithTimeout(w.drafts.life, writeTimeout)
	defer cancel()
	err := w.write(ctx, sender, now)
	if err == nil {
		return w.interval(facts)
	}
	w.drafts.Log.Debug("draft not shown", "channel", w.run.Reply.Channel, "error", err)
	e := wit.AsError(err)
	pause := max(interval, retry.Asked(e.RetryAfter, 2*pauseMost))
	if pause > pauseMost || !e.Retryable && !e.Code.Transient() {
		return 0
	}
	return pause
}

// interval is how long a change comes after another one: each half as long again as the one before, where there can be so many and no
// more.
func (w *writer) interval(facts *wit.ChannelFacts) time.Duration {
	interval := time.Duration(max(facts.DraftInterval, facts.SendInterval)) * time.Millisecond
	draft, _ := w.drafts.find(w.drafts.life, w.id)
	for range draft.Changes {
		interval = min(interval*3/2, pauseMost)
	}
	return interval
}

// behind reports whether the draft has to wait for messages that are sent before it.
func (w *writer) behind() bool {
	_, begun := w.drafts.find(w.drafts.life, w.id)
	return !begun && w.drafts.Ahead(*w.run.Reply)
}

// write shows a text. Of one that is longer than a message the beginning is shown.
func (w *writer) write(ctx context.Context, sender delivery.Sender, now string) error {
	to, facts := w.run.Reply, sender.Facts()
	if err := w.drafts.Accounts.Ready(to.Channel, to.Account); err != nil {
		return err
	}
	seen, err := w.drafts.Hooks.Sending(ctx, wit.HookContext{Agent: w.run.Session.Agent(), Session: string(w.run.Session), Run: w.run.ID, Channel: &to.Channel, Account: &to.Account},
		wit.MessageSending{Channel: to.Channel, Account: to.Account, To: to.Conversation.ID, Text: now})
	if err != nil {
		return err
	}
	pieces := text.Pieces(seen.Text, facts)
	if len(pieces) == 0 {
		return nil
	}
	plain, formatted := text.Shown(pieces[0], facts)
	if err = w.show(ctx, sender, plain, formatted); err == nil {
		w.shown = now
	}
	return err
}

// show shows a text as a preview, where the platform has that, or as a message.
func (w *writer) show(ctx context.Context, sender delivery.Sender, plain string, formatted *string) error {
	to := w.run.Reply
	if w.stands || to.Conversation.Kind != wit.ConversationKindDirect || !slices.Contains(sender.Facts().Operations, "preview") {
		return w.place(ctx, sender, plain, formatted)
	}
	err := w.preview(ctx, sender, plain, formatted)
	if e := wit.AsError(err); err == nil || e.Retryable || e.Code.Transient() {
		return err
	}
	w.drafts.Log.Debug("a draft is shown as a message", "channel", to.Channel, "error", err)
	w.stands = true
	return w.place(ctx, sender, plain, formatted)
}

// preview shows a text so that nothing of it stays. Nothing is recorded of it: the whole message is sent as if there were no draft.
func (w *writer) preview(ctx context.Context, sender delivery.Sender, plain string, formatted *string) error {
	to := w.run.Reply
	_, state, err := w.link(ctx)
	if err != nil {
		return err
	}
	_, err = sender.Preview(ctx, &wit.ChannelPreview{Account: to.Account, To: *to.Conversation, Text: plain, Formatted: formatted, Key: "draft:" + w.run.ID, State: state})
	if err == nil {
		w.previewed = time.Now()
	}
	return err
}

// fades reports whether what is shown is a preview that has to be shown again.
func (w *writer) fades() bool {
	return !w.previewed.IsZero() && time.Since(w.previewed) >= previewLasts
}

// link is the account's, with what its plugin has left there.
func (w *writer) link(ctx context.Context) (delivery.Link, wit.JSON, error) {
	link, err := w.drafts.Accounts.Link(w.run.Reply.Channel, w.run.Reply.Account)
	if err != nil {
		return nil, nil, err
	}
	state, err := link.State(ctx)
	return link, state, err
}

// place shows a text as a message: a new one the first time, then as a change of it.
func (w *writer) place(ctx context.Context, sender delivery.Sender, plain string, formatted *string) (err error) {
	to := w.run.Reply
	switch draft, begun := w.drafts.find(ctx, w.id); {
	case !begun:
		err = w.begin(ctx, sender, &wit.ChannelSend{
			Account: to.Account, To: *to.Conversation, Text: plain, Formatted: formatted, IdempotencyKey: "draft:" + w.run.ID, ReplyTo: replyTo(to),
		})
	case draft.ID == "" && !sender.Facts().Deduplicates:
		return wit.NewError(wit.CodeConflict, "it may stand there already: a second one would stay beside it")
	case draft.ID == "":
		if draft, err = w.drafts.begin(ctx, sender, w.id, draft); err == nil {
			err = w.change(ctx, sender, draft, plain, formatted)
		}
	default:
		err = w.change(ctx, sender, draft, plain, formatted)
	}
	return err
}

// begin sends the first of the draft. That it is sent is recorded before, and forgotten where it is certain that it was not.
func (w *writer) begin(ctx context.Context, sender delivery.Sender, send *wit.ChannelSend) error {
	r := record{Draft: delivery.Draft{At: time.Now()}, Begun: &begun{Channel: w.run.Reply.Channel, Send: *send}}
	if err := w.drafts.keep(w.id, r); err != nil {
		return err
	}
	_, err := w.drafts.begin(ctx, sender, w.id, r)
	if err != nil && delivery.Answered(err) {
		w.drafts.Drop(ctx, w.id)
	}
	return err
}

// change changes what stands there. The last change that there can be is for the whole answer, or for what is left where none comes.
func (w *writer) change(ctx context.Context, sender delivery.Sender, draft record, plain string, formatted *string) error {
	to, most := w.run.Reply, sender.Facts().MaxEdits
	if most > 0 {
		if draft.Changes++; draft.Changes >= most && !w.isDeserted() || draft.Changes > most {
			return wit.NewError(wit.CodeConflict, "the message can be changed once more, for the whole answer")
		}
	}
	link, state, err := w.link(ctx)
	if err != nil {
		return err
	}
	sent, err := sender.Edit(ctx, &wit.ChannelEdit{Account: to.Account, To: *to.Conversation, ID: draft.ID, Text: plain, Formatted: formatted, State: state})
	if err == nil {
		err = overConnection(ctx, link, sent)
	}
	if err != nil {
		return err
	}
	draft.At = time.Now()
	return w.drafts.keep(w.id, draft)
}

// isDeserted reports whether nothing will take the draft's place.
func (w *writer) isDeserted() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.deserted
}

// replyTo is the message that is answered, where several people read along: as of the whole answer.
func replyTo(to *message.Origin) *string {
	if to.MessageID == "" || to.Conversation.Kind == wit.ConversationKindDirect {
		return nil
	}
	return &to.MessageID
}

// leave writes a draft as it is to stay, where nothing takes its place.
func (w *writer) leave() {
	_, stands := w.drafts.find(w.drafts.life, w.id)
	if !w.isDeserted() || !stands && w.previewed.IsZero() {
		return
	}
	if !w.previewed.IsZero() {
		w.stands, w.previewed, w.shown = true, time.Time{}, "" // a preview goes: a message stays
	}
	if w.text() != "" {
		_ = w.look()
	}
	w.drafts.Drop(w.drafts.life, w.id)
}
