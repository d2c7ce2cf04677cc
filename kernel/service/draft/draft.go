// Package draft shows a long answer in its conversation while it is written, on platforms that let a message be changed.
//
// Owns: the drafts, which it writes itself, at the platform's rate, and not through delivery's queue: a draft that is late is of no
// use, and one that is lost no loss. The whole answer goes through the queue as ever, and takes the place of its draft: see
// delivery.Drafts.
//
// Guarantees. A run has one draft at most, also over a restart: that it is begun is recorded before, and where its message stands once
// the platform has said so. Where it has not, because of a crash or a broken connection, a platform that knows a send which comes again
// is asked; on another one the beginning of an answer can stay where it stands. In direct conversations of a platform that has
// previews nothing can stay, and nothing is recorded: the whole answer is a message of its own. A draft begins behind all that waits to be sent to its
// conversation, whose order it would change. What a draft shows has been past the hooks that see
// outgoing messages, and ends with a whole word, so that they do not see half a secret. Thinking is not shown.
//
// Everything is safe for concurrent use.
package draft

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// table has the drafts that stand in conversations, by the ids of the messages that will take their place.
const table = store.Table[record]("draft")

// record is a draft: where it stands or, as long as its platform has not said so, how it was begun.
type record struct {
	delivery.Draft
	Begun *begun `json:"begun,omitempty"`
	// Changes counts those of a message that can be changed so often and no more.
	Changes uint32 `json:"changes,omitempty"`
}

// begun is a send that the platform may have taken.
type begun struct {
	Channel string          `json:"channel"`
	Send    wit.ChannelSend `json:"send"` // without the account's state
}

const (
	// maxAge is how long a draft is known whose message never comes.
	maxAge = 24 * time.Hour
	// stopGrace is how long a stop of the gateway waits for what is written to a platform.
	stopGrace = 5 * time.Second
)

// Deps is what the service uses.
type Deps struct {
	Store    store.Store
	Accounts delivery.Accounts
	Senders  delivery.Senders
	Hooks    delivery.Hooks
	// Shows reports whether the owner wants drafts in an account.
	Shows func(channel, account string) bool
	// Ahead reports whether messages wait to be sent to where a run is answered.
	Ahead func(message.Origin) bool
	// Observer is told of runs too.
	Observer agent.Observer
	Log      hclog.Logger
}

// Drafts is an agent.Observer that shows what runs write, and the delivery.Drafts that their answers take the place of.
type Drafts struct {
	Deps

	life context.Context
	end  context.CancelFunc

	mu      sync.Mutex
	writers map[string]*writer
	// standing are the drafts in conversations, nil until they are read.
	standing map[string]record
	writing  sync.WaitGroup
}

// New returns drafts that can be used at once.
func New(d Deps) *Drafts {
	d.Log = d.Log.Named("draft")
	life, end := context.WithCancel(context.Background())
	return &Drafts{Deps: d, life: life, end: end, writers: map[string]*writer{}}
}

// Service names what drafts are to the kernel.
func (d *Drafts) Service() service.Service { return service.Service{Name: "draft", Run: d.Run} }

// Run forgets old drafts, and waits for ctx to end; then for what is being written. The error is nil. It is called once.
func (d *Drafts) Run(ctx context.Context) error {
	d.prune(ctx)
	<-ctx.Done()
	stop := time.AfterFunc(stopGrace, d.end)
	defer stop.Stop()
	d.writing.Wait()
	d.end()
	return nil
}

// Begin implements agent.Observer.
func (d *Drafts) Begin(r run.Run, verbose bool) agent.Reporter {
	told := d.Observer.Begin(r, verbose)
	if !d.wanted(r) {
		return told
	}
	w := newWriter(d, r)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.writers[w.id] = w
	d.writing.Go(w.work)
	return &reporter{told, w}
}

// wanted reports whether a run's answer is shown while it is written: somebody waits for it, and the platform lets a message be
// changed. One that may have nothing to say is not.
func (d *Drafts) wanted(r run.Run) bool {
	if r.Reply == nil || r.Reply.Conversation == nil || r.Quiet > 0 || !d.Shows(r.Reply.Channel, r.Reply.Account) {
		return false
	}
	sender, ok := d.Senders.Sender(r.Reply.Channel)
	return ok && sender.Facts().DraftInterval > 0 && slices.Contains(sender.Facts().Operations, "edit")
}

// Ended implements agent.Observer.
func (d *Drafts) Ended(r run.Run, said ...session.Message) { d.Observer.Ended(r, said...) }

// Take implements delivery.Drafts.
func (d *Drafts) Take(ctx context.Context, id string) (delivery.Draft, bool, error) {
	d.mu.Lock()
	w := d.writers[id]
	d.mu.Unlock()
	if w != nil {
		w.stop()
		select {
		case <-w.over:
		case <-ctx.Done():
			return delivery.Draft{}, false, nil // the gateway stops; the message is looked at again
		}
	}
	r, ok := d.find(ctx, id)
	if !ok || r.Begun == nil {
		return r.Draft, ok, nil
	}
	return d.seek(ctx, id, r)
}

// seek finds out where a draft stands of which its platform has not said so. One that cannot tell is left alone with it.
func (d *Drafts) seek(ctx context.Context, id string, r record) (found delivery.Draft, ok bool, err error) {
	sender, here := d.Senders.Sender(r.Begun.Channel)
	if !here {
		return found, false, wit.Errorf(wit.CodeUnavailable, "channel %s is not loaded now", r.Begun.Channel)
	}
	if sender.Facts().Deduplicates {
		r, err = d.begin(ctx, sender, id, r)
		if e := wit.AsError(err); err == nil || e.Retryable || e.Code.Transient() {
			return r.Draft, err == nil, err
		}
		d.Log.Warn("a draft may stand that nothing takes the place of", "id", id, "error", err)
	}
	d.Drop(ctx, id)
	return found, false, nil
}

// begin sends the first of a draft, or the same again, and records where it stands.
func (d *Drafts) begin(ctx context.Context, sender delivery.Sender, id string, r record) (record, error) {
	send := r.Begun.Send
	link, err := d.Accounts.Link(r.Begun.Channel, send.Account)
	if err == nil {
		send.State, err = link.State(ctx)
	}
	if err != nil {
		return r, err
	}
	sent, err := sender.Send(ctx, &send)
	if err == nil {
		err = overConnection(ctx, link, sent)
	}
	if err != nil {
		return r, err
	}
	if sent == nil || len(sent.IDs) != 1 {
		return r, wit.NewError(wit.CodeInvalid, "the channel did not say what to change")
	}
	r = record{Draft: delivery.Draft{ID: sent.IDs[0], At: time.Now()}}
	if err := d.keep(id, r); err != nil {
		d.Log.Warn("draft not recorded", "id", id, "error", err)
	}
	return r, nil
}

// overConnection writes what is to be written on the account's connections. What a message waits for, a draft does not: the whole
// answer does.
func overConnection(ctx context.Context, link delivery.Link, sent *wit.Sent) error {
	if sent == nil || len(sent.Frames) == 0 {
		return nil
	}
	_, err := link.Write(ctx, sent.Frames)
	return err
}

// find returns the draft of a message.
func (d *Drafts) find(ctx context.Context, id string) (found record, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.standing == nil {
		d.standing = d.read(ctx)
	}
	found, ok = d.standing[id]
	return found, ok
}

// read returns all drafts that are recorded; nil where they could not be read, and are read again.
func (d *Drafts) read(ctx context.Context) map[string]record {
	all := map[string]record{}
	err := d.Store.View(ctx, func(tx store.Tx) error {
		for row, err := range table.Scan(tx, store.Range{}) {
			if err != nil && !store.Damaged(err) {
				return err
			}
			if err == nil {
				all[row.Key] = row.Value
			}
		}
		return nil
	})
	if err != nil {
		d.Log.Warn("drafts not read", "error", err)
		return nil
	}
	return all
}

// keep records a draft. When one that stands was changed last is of no use to another life.
func (d *Drafts) keep(id string, r record) error {
	was, _ := d.find(d.life, id)
	d.mu.Lock()
	if d.standing == nil {
		d.standing = map[string]record{}
	}
	d.standing[id] = r
	d.mu.Unlock()
	if r.ID != "" && r.ID == was.ID && r.Changes == was.Changes {
		return nil
	}
	return d.Store.Update(d.life, func(tx store.Tx) error { return table.Put(tx, id, r) })
}

// Drop implements delivery.Drafts.
func (d *Drafts) Drop(ctx context.Context, id string) {
	if _, ok := d.find(ctx, id); !ok {
		return
	}
	d.mu.Lock()
	delete(d.standing, id)
	d.mu.Unlock()
	err := d.Store.Update(context.WithoutCancel(ctx), func(tx store.Tx) error { return table.Delete(tx, id) })
	if err != nil {
		d.Log.Warn("draft not forgotten", "id", id, "error", err)
	}
}

// prune forgets drafts whose messages never came.
func (d *Drafts) prune(ctx context.Context) {
	for id, draft := range d.read(ctx) {
		if time.Since(draft.At) > maxAge {
			d.Drop(ctx, id)
		}
	}
}

// left is told by a writer that it has ended.
func (d *Drafts) left(w *writer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.writers[w.id] == w {
		delete(d.writers, w.id)
	}
}
