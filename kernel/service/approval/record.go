package approval

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service/approval/policy"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Decision is what somebody says.
type Decision string

// The decisions. allow-always is remembered where there is a pattern for it.
const (
	AllowOnce   Decision = "allow-once"
	AllowAlways Decision = "allow-always"
	Deny        Decision = "deny"
)

// Status is where an approval stands.
type Status string

// The states.
const (
	Pending   Status = "pending"
	Approved  Status = "approved"
	Denied    Status = "denied"
	Expired   Status = "expired"
	Cancelled Status = "cancelled" // what it was for is not to be done any more
)

// Kind is what is asked about.
type Kind string

// The kinds: calls of tools and commands, and what plugins of clients ask.
const (
	Exec   Kind = "exec"
	Plugin Kind = "plugin"
)

// Resolver is who has decided.
type Resolver struct {
	// Kind is device (a client), channel (somebody in a chat) or system (the clock, the policy, or the run's end).
	Kind string `json:"kind" rpc:"enum=device|channel|runtime|system"`
	// ID is the device's, or channel:sender.
	ID string `json:"id,omitempty"`
	// Name is what people call them.
	Name string `json:"-"`
}

// Kinds of who has decided.
const (
	byDevice  = "device"
	byChannel = "channel"
	bySystem  = "system"
)

// record is one approval.
type record struct {
	ID     string         `json:"id"`
	Kind   Kind           `json:"kind"`
	Exec   *ExecRequest   `json:"exec,omitempty"`
	Plugin *PluginRequest `json:"plugin,omitempty"`
	Agent  string         `json:"agent"`
	// Pattern is what allow-always remembers for the agent, "" for nothing.
	Pattern string `json:"pattern,omitempty"`
	// Channel is where the owner was asked too, "" for nowhere.
	Channel   string `json:"channel,omitempty"`
	CreatedAt int64  `json:"createdAt"`
	ExpiresAt int64  `json:"expiresAt"`
	outcome
}

// outcome is how an approval has ended.
type outcome struct {
	Status   Status   `json:"status"`
	Decision Decision `json:"decision,omitempty"`
	By       Resolver `json:"by,omitzero"`
	// ByName is the resolver's, which is not part of what clients get of it.
	ByName string `json:"byName,omitempty"`
	At     int64  `json:"at,omitempty"`
	// Pressed says that it was decided by a button in a chat, and not by a call.
	Pressed bool `json:"pressed,omitempty"`
}

// The tables: what waits and what is over, the latter by time; the key of what is over by id; what has to be told; and which
// approval the call of a tool waits for.
const (
	pendingTable = store.Table[record]("approval.pending")
	doneTable    = store.Table[record]("approval.done")
	doneKeyTable = store.Table[string]("approval.doneKey")
	newsTable    = store.Table[string]("approval.news")
	callTable    = store.Table[string]("approval.call")
)

// Bounds.
const (
	maxPending = 256
	maxDone    = 1000
)

// newID returns 64 random bits.
func newID() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // it never fails: the program would end
	return hex.EncodeToString(b)
}

// find returns an approval by its id. Errors: what unknown says; the store's.
func find(tx store.Tx, id string) (record, error) {
	r, err := pendingTable.Get(tx, id)
	if wit.CodeOf(err) != wit.CodeNotFound {
		return r, err
	}
	key, err := doneKeyTable.Get(tx, id)
	if wit.CodeOf(err) == wit.CodeNotFound {
		return r, unknown(id)
	} else if err != nil {
		return r, err
	}
	return doneTable.Get(tx, key)
}

// unknown is CodeNotFound in the words by which clients know it.
func unknown(id string) error {
	return rpc.WithDetails(wit.Errorf(wit.CodeNotFound, "unknown approval id: %.128s", id), map[string]string{"code": "NOT_FOUND", "reason": "APPROVAL_NOT_FOUND"})
}

// insert records an approval that waits. Errors: CodeConflict for an id that there is; CodeRateLimited for too many.
func insert(tx store.Tx, r record) error {
	if _, err := find(tx, r.ID); err == nil {
		return wit.Errorf(wit.CodeConflict, "approval id already pending: %.128s", r.ID)
	} else if wit.CodeOf(err) != wit.CodeNotFound {
		return err
	}
	count := 0
	for _, err := range tx.Scan(string(pendingTable), store.Range{}) {
		if err != nil {
			return err
		}
		count++
	}
	if count >= maxPending {
		return wit.ErrorAfter(wit.CodeRateLimited, time.Minute, "%d approvals wait already: answer some of them, or try again later", count)
	}
	return pendingTable.Insert(tx, r.ID, r)
}

// conclude ends an approval that nobody in the chat has answered, and takes its buttons back.
func (s *Service) conclude(tx store.Tx, r record, o outcome) error {
	if err := settle(tx, r, o); err != nil {
		return err
	}
	_, err := s.d.Questions.Close(tx, questionID(r.ID), o.words())
	return err
}

// settle ends an approval: with what is remembered, and what has to be told.
func settle(tx store.Tx, r record, o outcome) error {
	o.At, o.ByName = time.Now().UnixMilli(), o.By.Name
	r.outcome = o
	if o.Decision == AllowAlways && r.Pattern != "" {
		if err := remember(tx, r); err != nil {
			return err
		}
	}
	key := fmt.Sprintf("%015d/%s", o.At, r.ID)
	for _, step := range []func() error{
		func() error { return pendingTable.Delete(tx, r.ID) },
		func() error { return doneTable.Put(tx, key, r) },
		func() error { return doneKeyTable.Put(tx, r.ID, key) },
		func() error { return newsTable.Put(tx, key, r.ID) },
		func() error { return prune(tx) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// words are what stands below the question in a chat.
func (o outcome) words() string {
	by := ""
	if o.By.Name != "" {
		by = " by " + o.By.Name
	}
	switch o.Status {
	case Approved:
		if o.Decision == AllowAlways {
			return "✓ Always allowed" + by
		}
		return "✓ Approved" + by
	case Denied:
		return "✓ Denied" + by
	case Expired:
		return "Not answered in time."
	}
	return "This was given up."
}

// remember puts the pattern of a call on the agent's allowlist.
func remember(tx store.Tx, r record) error {
	f, _, err := load(tx)
	if err != nil {
		return err
	}
	f, added := f.Add(r.Agent, policy.Entry{Pattern: r.Pattern, Source: string(AllowAlways), LastUsedAt: float64(time.Now().UnixMilli()), LastUsedCommand: r.command()})
	if added.ID == "" {
		return nil // it was there
	}
	if err := grants(tx, added, r); err != nil {
		return err
	}
	return policyTable.Put(tx, policyKey, f)
}

func (r *record) command() string {
	if r.Exec != nil {
		return r.Exec.Command
	}
	return ""
}

// decide ends an approval of a kind ("" for any) by somebody's word. The same word again is no error. Errors: CodeNotFound;
// CodeConflict where something else was said, or nothing in time; CodeInvalid for a word that was not to choose.
func (s *Service) decide(ctx context.Context, id string, kind Kind, d Decision, by Resolver) (r record, applied bool, err error) {
	err = s.d.Store.Update(ctx, func(tx store.Tx) error {
		applied = false
		if r, err = find(tx, id); err != nil {
			return err
		}
		switch {
		case kind != "" && r.Kind != kind:
			return unknown(id)
		case r.Status == Pending && r.ExpiresAt <= time.Now().UnixMilli():
			return over("the approval has expired: nothing was said in time")
		case r.Status != Pending && r.Decision == d:
			return nil
		case r.Status != Pending:
			return over("the approval is over: it is " + string(r.Status) + " already")
		case !slices.Contains(r.allowed(), d):
			return wit.Errorf(wit.CodeInvalid, "%s cannot be chosen here: choose one of %s", d, words(r.allowed()))
		}
		applied = true
		if err := s.conclude(tx, r, outcome{Status: statusOf(d), Decision: d, By: by}); err != nil {
			return err
		}
		r, err = find(tx, id)
		return err
	})
	if err != nil {
		return r, false, err
	}
	s.d.Questions.Wake()
	if applied {
		err = s.announce(ctx)
	}
	return r, applied, err
}

// over is CodeConflict in the words by which clients know it.
func over(text string) error {
	return rpc.WithDetails(wit.NewError(wit.CodeConflict, text), map[string]string{"code": "CONFLICT", "reason": "APPROVAL_ALREADY_RESOLVED"})
}

func statusOf(d Decision) Status {
	if d == Deny {
		return Denied
	}
	return Approved
}

func words(list []Decision) string {
	var out []string
	for _, d := range list {
		out = append(out, string(d))
	}
	return strings.Join(out, ", ")
}

// allowed are the decisions to choose from.
func (r *record) allowed() []Decision {
	if r.Exec != nil {
		return r.Exec.AllowedDecisions
	}
	return r.Plugin.AllowedDecisions
}

// await waits until an approval is over. Errors: CodeNotFound; the cause of ctx.
func (s *Service) await(ctx context.Context, id string) (r record, err error) {
	for {
		changed := s.news()
		err := s.d.Store.View(ctx, func(tx store.Tx) (err error) {
			r, err = find(tx, id)
			return err
		})
		if ctx.Err() != nil {
			return r, context.Cause(ctx)
		}
		if err != nil || r.Status != Pending {
			return r, err
		}
		late := time.NewTimer(time.Until(time.UnixMilli(r.ExpiresAt)))
		select {
		case <-changed:
		case <-late.C:
			s.expire(ctx)
		case <-ctx.Done():
		}
		late.Stop()
	}
}

// expire has what is due ended now.
func (s *Service) expire(ctx context.Context) {
	if _, err := s.sweep(ctx); err != nil && ctx.Err() == nil {
		s.log.Warn("approvals not ended", "error", err)
		select {
		case <-time.After(retryAfter):
		case <-ctx.Done():
		}
	}
}

// pending lists what waits of a kind ("" for all), the oldest first.
func (s *Service) pending(ctx context.Context, kind Kind) (list []record, err error) {
	err = s.d.Store.View(ctx, func(tx store.Tx) error {
		now := time.Now().UnixMilli()
		list = nil
		for row, err := range pendingTable.Scan(tx, store.Range{}) {
			if store.Damaged(err) {
				continue
			} else if err != nil {
				return err
			}
			if (kind == "" || row.Value.Kind == kind) && row.Value.ExpiresAt > now {
				list = append(list, row.Value)
			}
		}
		return nil
	})
	slices.SortStableFunc(list, func(a, b record) int { return int(a.CreatedAt - b.CreatedAt) })
	return list, err
}

// prune forgets the oldest of what is over.
func prune(tx store.Tx) error {
	var keys []string
	count := 0
	for rec, err := range tx.Scan(string(doneTable), store.Range{Reverse: true}) {
		if err != nil {
			return err
		}
		if count++; count > maxDone {
			keys = append(keys, rec.Key)
		}
	}
	for _, key := range keys {
		_, id, _ := strings.Cut(key, "/")
		if err := doneTable.Delete(tx, key); err != nil {
			return err
		}
		if err := doneKeyTable.Delete(tx, id); err != nil {
			return err
		}
	}
	return forgetCalls(tx)
}

// forgetCalls forgets which approvals calls wait for that never came again, and whose approvals are forgotten.
func forgetCalls(tx store.Tx) error {
	var gone []string
	for row, err := range callTable.Scan(tx, store.Range{}) {
		if err != nil && !store.Damaged(err) {
			return err
		}
		if err == nil {
			_, err = find(tx, row.Value)
		}
		if wit.CodeOf(err) == wit.CodeNotFound || store.Damaged(err) {
			gone = append(gone, row.Key)
		} else if err != nil {
			return err
		}
	}
	for _, key := range gone {
		if err := callTable.Delete(tx, key); err != nil {
			return err
		}
	}
	return nil
}
