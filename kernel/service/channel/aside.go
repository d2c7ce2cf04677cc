package channel

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// aside is an event that the plugin could not handle. The event has lost its secrets, its
// configuration and its state; a replay fills in those of its moment.
type aside struct {
	Channel string          `json:"channel"`
	Account string          `json:"accountId"`
	Kind    wit.EventKind   `json:"kind"`
	Code    wit.Code        `json:"code"`
	Reason  string          `json:"reason"`
	Event   json.RawMessage `json:"event,omitempty"`
	// Count is how often the same event has come; At and LastAt are the first and last time.
	Count  int   `json:"count"`
	At     int64 `json:"at"`
	LastAt int64 `json:"lastAt"`
	// Stopped says that the account stopped at it.
	Stopped bool `json:"stopped"`
}

const asideTable = store.Table[aside]("channel.poison")

// maxAside bounds what is kept of one account; at it the account stops instead of stepping over.
const maxAside = 1000

// setAside keeps an event that cannot be handled and steps over it, or stops the account.
func (a *actor) setAside(ctx context.Context, in *input, cause error) {
	next, skipped := a.skip(ctx, in)
	k, rec := a.asideRecord(in, cause)
	for {
		full, err := a.putAside(k, rec, next, skipped)
		if err == nil {
			skipped = skipped && !full
			break
		}
		a.Log.Error("an event could not be kept aside", "account", a.ref, "error", err)
		if in.event.Kind == wit.EventKindWebhook || !a.pause(ctx, in, retryStore) {
			in.finish(outcome{err: err})
			return
		}
	}
	if skipped {
		a.state, a.loaded, a.dirty = next, true, false
		a.Log.Error("an event was kept aside", "account", a.ref, "event", in.event.Kind, "error", cause)
		a.goOn(in)
	} else {
		a.stopAt(in, cause)
	}
	in.finish(outcome{})
	AsideKind.Publish(a.Bus, Aside{Channel: a.channel, Account: a.account, ID: k, Reason: rec.Reason})
	a.publish(a)
}

// skip asks the plugin for the state that steps over the event.
func (a *actor) skip(ctx context.Context, in *input) (savedState, bool) {
	p, ok := a.Plugins.Channel(a.channel)
	if !ok || !slices.Contains(p.Facts().Operations, "skip") {
		return savedState{}, false
	}
	e := a.fill(in.event, a.state)
	to, err := p.Skip(ctx, &e)
	if err != nil || to == nil {
		a.Log.Error("the plugin could not step over an event", "account", a.ref, "error", err)
		return savedState{}, false
	}
	return savedState{Version: p.Version(), State: to.State, At: time.Now().UnixMilli()}, true
}

// goOn starts the account anew after an event that was stepped over, where its answer was to say what
// comes next: the next poll, a timer, a connection. Webhooks and frames come by themselves.
func (a *actor) goOn(in *input) {
	switch in.event.Kind {
	case wit.EventKindResponse, wit.EventKindTimer, wit.EventKindOpened, wit.EventKindClosed:
		a.beginIf(func() bool { return a.phase == phaseRunning && a.gen == in.gen })
	}
}

func (a *actor) asideRecord(in *input, cause error) (string, aside) {
	e := in.event
	e.Account, e.Config, e.State, e.Now = "", nil, nil, 0
	raw := wit.Marshal(&e)
	sum := sha256.Sum256(raw)
	text := json.RawMessage(a.Redact(string(raw)))
	if !json.Valid(text) || len(text) > store.MaxValue/2 {
		text = nil
	}
	now := time.Now().UnixMilli()
	return key(a.channel, a.account, hex.EncodeToString(sum[:8])), aside{Channel: a.channel, Account: a.account, Kind: e.Kind,
		Code: wit.CodeOf(cause), Reason: a.Redact(clip(cause.Error(), 2000)), Event: text, Count: 1, At: now, LastAt: now}
}

// putAside writes the record, and the state that steps over the event when there is one. full says
// that the account has too many.
func (a *actor) putAside(k string, rec aside, next savedState, skipped bool) (full bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	err = a.Store.Update(ctx, func(tx store.Tx) error {
		count := 0
		for _, err := range tx.Scan(string(asideTable), store.Range{Prefix: key(a.channel, a.account) + "/", Limit: maxAside}) {
			if err != nil {
				return err
			}
			count++
		}
		full = count >= maxAside
		old, err := asideTable.Get(tx, k)
		if err == nil {
			rec.Count, rec.At = old.Count+1, old.At
		} else if wit.CodeOf(err) != wit.CodeNotFound {
			return err
		}
		rec.Stopped = !skipped || full
		if err := asideTable.Put(tx, k, rec); err != nil || rec.Stopped {
			return err
		}
		return stateTable.Put(tx, key(a.channel, a.account), next)
	})
	return full, err
}

// stopAt stops the account visibly.
func (a *actor) stopAt(in *input, cause error) {
	hint := fmt.Sprintf("it stopped at an event (%s) that its plugin could not handle: %s. Update the plugin, or replay or drop the event, to go on",
		in.event.Kind, a.Redact(clip(cause.Error(), 500)))
	a.halt(phaseStopped, &wit.AccountStatus{State: wit.ConnectionStateFailed, Message: &hint})
	p, ok := a.Plugins.Channel(a.channel)
	a.mu.Lock()
	a.report.LastError = hint
	if ok {
		a.build = p.Build()
	}
	a.mu.Unlock()
	a.Log.Error("an account stopped", "account", a.ref, "reason", hint)
}

// replay handles a kept-aside event again. Its messages and the record's removal are one transaction.
func (s *Service) replay(ctx context.Context, id string) error {
	rec, a, err := s.kept(ctx, id)
	if err != nil {
		return err
	}
	var e wit.ChannelEvent
	if rec.Event == nil {
		return wit.NewError(wit.CodeInvalid, "the event was too large to be kept: it can only be dropped")
	}
	if err := wit.Unmarshal(rec.Event, &e); err != nil {
		return wit.Errorf(wit.CodeInternal, "the event %s is damaged: %w", id, err)
	}
	if _, err := a.call(ctx, &input{event: e, aside: id}); err != nil {
		return err
	}
	a.resume()
	return nil
}

// drop forgets a kept-aside event.
func (s *Service) drop(ctx context.Context, id string) error {
	_, a, err := s.kept(ctx, id)
	if err != nil && a == nil {
		return err
	}
	if err := s.Store.Update(ctx, func(tx store.Tx) error { return asideTable.Delete(tx, id) }); err != nil {
		return err
	}
	a.resume()
	return nil
}

func (s *Service) kept(ctx context.Context, id string) (rec aside, a *actor, err error) {
	err = s.Store.View(ctx, func(tx store.Tx) error {
		rec, err = asideTable.Get(tx, id)
		return err
	})
	if err != nil {
		return rec, nil, wit.Errorf(wit.CodeOf(err), "there is no event %q: %w", id, err)
	}
	a, err = s.find(rec.Channel, rec.Account)
	return rec, a, err
}

// resume starts an account that stopped at an event.
func (a *actor) resume() { a.beginIf(func() bool { return a.phase == phaseStopped }) }

// call posts an input and waits for what comes of it.
func (a *actor) call(ctx context.Context, in *input) (outcome, error) {
	if _, ok := a.Plugins.Channel(a.channel); !ok {
		return outcome{}, wit.Errorf(wit.CodeUnavailable, "channel %s is not loaded now: see plugins.status", a.channel)
	}
	if a.lifetime().Err() != nil {
		return outcome{}, wit.NewError(wit.CodeUnavailable, "the gateway is stopping")
	}
	in.done = make(chan outcome, 1)
	a.post(in)
	life := a.lifetime()
	select {
	case o := <-in.done:
		return o, o.err
	case <-life.Done():
		return outcome{}, wit.NewError(wit.CodeUnavailable, "the gateway is stopping")
	case <-ctx.Done():
		return outcome{}, wit.Errorf(wit.CodeTimeout, "account %s has not answered yet: %w", a.ref, ctx.Err())
	}
}
