package agent

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/retry"
	"github.com/carapace-gateway/carapace/kernel/service/agent/cooldown"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// failures is what has become of those who were asked for one answer.
type failures struct {
	list   []failed // in the order in which they failed first
	latest *failed
	by     map[cooldown.Subject]*wit.Error
	// small is the largest context for which the conversation was too long, in tokens.
	small uint32
}

// failed is one who was asked, and its last error.
type failed struct {
	seat  seat
	cause error
}

func newFailures() *failures { return &failures{by: map[cooldown.Subject]*wit.Error{}} }

// add takes note of an error.
func (f *failures) add(s seat, cause error) {
	e := wit.AsError(cause)
	f.by[s.subject(e.Code)], f.latest = e, &failed{s, cause}
	if i := slices.IndexFunc(f.list, func(x failed) bool { return x.seat == s }); i >= 0 {
		f.list[i].cause = cause
		return
	}
	f.list = append(f.list, failed{s, cause})
}

// has reports whether a seat needs not be asked: it, its key or its model has failed.
func (f *failures) has(s seat) bool {
	for _, subject := range []cooldown.Subject{{Provider: s.provider, Key: s.key}, {Provider: s.provider, Key: s.key, Model: s.model}, {Provider: s.provider, Key: cooldown.AnyKey, Model: s.model}} {
		if f.by[subject] != nil {
			return true
		}
	}
	return false
}

// again forgets what may be over after a pause of at least least, and returns how long that pause has to be; false where there
// is nothing to be had by waiting as long as anybody waits.
func (f *failures) again(least time.Duration) (wait time.Duration, ok bool) {
	for subject, e := range f.by {
		if !e.Retryable {
			continue
		}
		pause := max(least, retry.Asked(e.RetryAfter, 2*maxRetryDelay))
		if pause > maxRetryDelay {
			continue
		}
		if !ok || pause < wait {
			wait, ok = pause, true
		}
		delete(f.by, subject)
	}
	return wait, ok
}

// error is what the run fails with: the error of the only one who was asked, or what became of each, in one sentence.
func (f *failures) error() error {
	if len(f.list) == 0 {
		return wit.NewError(wit.CodeUnavailable, "nobody was there to answer")
	}
	last := f.list[len(f.list)-1].cause
	if len(f.list) == 1 {
		return last
	}
	codes, said := map[wit.Code]bool{}, []string{}
	for _, x := range f.list {
		e := publicError(x.cause)
		codes[e.Code] = true
		said = append(said, x.seat.String()+": "+clipped(e.Message))
	}
	e := *wit.AsError(last)
	if len(codes) > 1 {
		e.Code = wit.CodeUnavailable
	}
	e.Message = "no model could answer. " + strings.Join(said, "; ")
	return &e
}

// clipped is an error's text in one sentence of a bounded length.
func clipped(text string) string {
	const most = 300
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// asking is a request as one model is asked it, in one attempt.
type asking struct {
	attempt  int
	chat     *wit.Chat
	pictures pictured
}

// ask requests one answer of those who may give it, while nothing was shown of one.
func (l *loop) ask(ctx context.Context) (a answer, err error) {
	var q asking
	i := &inquiry{
		models: l.models, session: l.active.Run.SessionID, chain: l.order, log: l.log.With("run", l.active.Run.ID),
		waits: func(attempt int, pause time.Duration, cause error) {
			l.report.Retrying(Retry{Attempt: attempt, Max: retries, Delay: pause, Error: publicError(cause)})
		},
	}
	i.ask = func(ctx context.Context, s seat, f *failures, attempt int) (what outcome, err error) {
		a, what, err = l.askOne(ctx, &q, s, f, attempt)
		return what, err
	}
	err = i.run(ctx)
	return a, err
}

// askOne asks a seat. What was shown is not taken back, since another try could begin differently: an answer that breaks off then
// is one.
func (l *loop) askOne(ctx context.Context, q *asking, s seat, f *failures, attempt int) (a answer, what outcome, err error) {
	if q.attempt != attempt {
		*q = asking{attempt: attempt}
	}
	if err := l.prepare(ctx, q, s); err != nil {
		if store.Failed(err) || wit.CodeOf(err) == wit.CodeRateLimited {
			return a, ended, err
		}
		return a, unfit, err
	}
	l.tellMoved(s, f)
	a, shown, err := l.attempt(ctx, q, attempt == lastAttempt)
	switch {
	case err == nil:
		l.answered = true
	case ctx.Err() != nil:
	case shown && a.broken:
		l.log.Warn("answer broke off", "run", l.active.Run.ID, "provider", l.model.provider, "error", err)
		return a.cutOff(), ended, nil
	case shown:
		return a, ended, err
	}
	return a, replied, err
}

// order is who may answer: first whoever has answered in this run, so that a conversation with tools has one mind.
func (l *loop) order() []choice {
	if !l.answered || l.model.choice == l.chain[0] {
		return l.chain
	}
	mine := l.model.choice
	return append([]choice{mine}, slices.DeleteFunc(slices.Clone(l.chain), func(c choice) bool { return c == mine })...)
}

func (l *loop) several() bool { return len(l.chain) > 1 }

// prepare makes the request as a seat is asked it. With another key it is the same one. Errors: CodeUnavailable for a
// provider that cannot be called; CodeInvalid where it cannot do what is asked for; CodeRateLimited for a model for which the
// owner's limits leave no room; the store's.
func (l *loop) prepare(ctx context.Context, q *asking, s seat) (err error) {
	same := q.chat != nil && l.model.choice == s.choice
	if l.model, err = l.models.openSeat(s); err != nil || same {
		return err
	}
	// The window is read once a model: nothing that a failed request leaves behind belongs into it.
	chat, budget, err := l.request(ctx)
	if err != nil {
		return err
	}
	l.release() // what was kept for another model's answer
	release, err := l.models.afford(ctx, s.choice, chat)
	if err != nil {
		return err
	}
	l.kept = release
	files := newDisplay(l.files, l.models.sees(s.choice), budget)
	files.shows = l.models.shows(s.choice)
	shown := files.show(ctx, chat.Turns)
	q.chat, q.pictures = chat, pictured{pictures: files.pictures > files.results, results: files.results > 0, documents: files.documents > 0, shown: shown}
	return nil
}

// attempt asks once, and once more without pictures and documents where the model may take none.
func (l *loop) attempt(ctx context.Context, q *asking, last bool) (a answer, shown bool, err error) {
	for {
		a, shown, err = l.try(ctx, q.chat)
		if err == nil {
			l.models.noteRefused(l.model.choice, q.pictures)
		}
		if err == nil || shown || ctx.Err() != nil || !q.pictures.giveUp(wit.AsError(err), last) {
			return a, shown, err
		}
		l.log.Warn("model may take no such files; it is asked without them", "run", l.active.Run.ID, "provider", l.model.provider, "error", err)
		newDisplay(l.files, false, 0).show(ctx, q.chat.Turns)
	}
}

// tellMoved tells that another model than the first one is asked, or another key, and why.
func (l *loop) tellMoved(s seat, f *failures) {
	moved := Move{From: l.chain[0].String(), To: s.choice.String(), Key: cmp.Or(s.key, DefaultKey)}
	switch {
	case f.latest != nil && f.latest.seat == s:
		return
	case f.latest != nil:
		moved.From, moved.Error = f.latest.seat.choice.String(), publicError(f.latest.cause)
	case s.choice == l.chain[0] || l.answered:
		return
	default:
		moved.Error = wit.NewError(wit.CodeUnavailable, "it rests: `carapace status` says why")
	}
	if l.moved == s {
		return
	}
	l.moved = s
	l.log.Warn("the chain has moved on", "run", l.active.Run.ID, "from", moved.From, "to", s.String(), "error", moved.Error)
	l.report.Moved(moved)
}

// replaced is the model that was to answer where another one has, "" where it has itself.
func (l *loop) replaced(r run.Run) string {
	if !l.answered || l.model.choice == l.chain[0] {
		return r.Replaced
	}
	return l.chain[0].String()
}
