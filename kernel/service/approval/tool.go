package approval

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/approval/policy"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// patience is how long may be taken to answer about the call of a tool; its run waits so long.
const patience = 10 * time.Minute

// Call is a call of a tool that is about to be made.
type Call struct {
	// Run and ID name the call, and are the same when it comes again after a crash. Models may use an ID twice.
	Run, ID string
	// Agent and Session are whose call it is.
	Agent, Session string
	Tool           string
	Effects        []wit.Effect
	Args           wit.JSON
	// For is whoever the call is made for, where that is somebody on a channel.
	For *wit.Person
}

// Why a call is not made, in words for a model.
const (
	refusedByPolicy = "the policy for approvals does not allow it"
	refusedNobody   = "somebody has to approve it, and nobody can be asked: the owner has no chat in which to be asked, and no client is connected that may approve"
	refusedDenied   = "the owner has denied it"
	refusedSilence  = "the owner has not answered in time"
	refusedOver     = "its approval was given up"
)

// Approve returns "" for a call that may be made, by the policy or because somebody has said so; else why it is not made, in words
// for a model. waits is called with the approval's id when somebody is asked. Where ctx ends first the approval waits on, since the
// call may come again: Withdraw ends it. Errors: ctx's cause; CodeRateLimited where too much waits; the store's.
func (s *Service) Approve(ctx context.Context, c Call, waits func(id string)) (refused string, err error) {
	if !policy.Gated(c.Effects) {
		return "", nil
	}
	o, err := s.open(ctx, c)
	if err != nil || o.id == "" {
		return o.refused, err
	}
	if waits != nil {
		waits(o.id)
	}
	r, err := s.await(ctx, o.id)
	if err != nil {
		return "", err
	}
	if err := s.d.Store.Update(ctx, func(tx store.Tx) error { return callTable.Delete(tx, c.key()) }); err != nil {
		return "", err // what was said is used up by this, or waits for the call to come again
	}
	switch r.Status {
	case Approved:
		return "", nil
	case Denied:
		return refusedDenied, nil
	case Expired:
		return s.unanswered(ctx, c, refusedSilence)
	}
	return refusedOver, nil
}

// Withdraw ends the approval of a call that will not be made, if there is one. Errors: the store's.
func (s *Service) Withdraw(ctx context.Context, c Call) error {
	if !policy.Gated(c.Effects) {
		return nil
	}
	err := s.d.Store.Update(ctx, func(tx store.Tx) error {
		id, err := callTable.Get(tx, c.key())
		if wit.CodeOf(err) == wit.CodeNotFound {
			return nil
		} else if err != nil {
			return err
		}
		if err := callTable.Delete(tx, c.key()); err != nil {
			return err
		}
		r, err := find(tx, id)
		if err != nil || r.Status != Pending {
			return err
		}
		return s.conclude(tx, r, outcome{Status: Cancelled, By: Resolver{Kind: bySystem}})
	})
	s.d.Questions.Wake()
	if err != nil {
		return err
	}
	return s.announce(ctx)
}

// opened is what became of a call so far: an approval to wait for, or why it is refused, or neither.
type opened struct{ id, refused string }

// open decides about a call by the policy, and asks where that says so, unless that was done before.
func (s *Service) open(ctx context.Context, c Call) (o opened, err error) {
	var quick bool // nothing has to be written down
	err = s.d.Store.View(ctx, func(tx store.Tx) error {
		if _, err := callTable.Get(tx, c.key()); wit.CodeOf(err) != wit.CodeNotFound {
			return err
		}
		v, err := s.judge(tx, c)
		quick = err == nil && !v.hit && v.verdict != policy.Asked
		o = opened{refused: v.refused()}
		return err
	})
	if err != nil || quick {
		return o, err
	}
	return o, s.commit(ctx, func(tx store.Tx) (asked *record, err error) {
		o, asked, err = s.openIn(tx, c)
		return asked, err
	})
}

// commit runs ask in a transaction and tells of the approval that it returns, which waits from now on, before anybody can be
// told that it is over.
func (s *Service) commit(ctx context.Context, ask func(store.Tx) (*record, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var asked *record
	err := s.d.Store.Update(ctx, func(tx store.Tx) (err error) {
		asked, err = ask(tx)
		return err
	})
	s.d.Questions.Wake()
	if err == nil && asked != nil {
		s.waiting.Add(1)
		s.publish(*asked)
		s.lookAgain()
	}
	return err
}

func (s *Service) openIn(tx store.Tx, c Call) (o opened, asked *record, err error) {
	if id, err := callTable.Get(tx, c.key()); wit.CodeOf(err) != wit.CodeNotFound {
		return opened{id: id}, nil, err
	}
	v, err := s.judge(tx, c)
	if err != nil {
		return o, nil, err
	}
	if v.verdict != policy.Asked {
		if v.hit && v.verdict == policy.Allowed {
			err = v.use(tx, s.d.Redact(c.line()))
		}
		return opened{refused: v.refused()}, nil, err
	}
	now := time.Now()
	r := record{
		ID: newID(), Kind: Exec, Agent: c.Agent, Pattern: v.subject.Remember(func(t string) bool { return s.d.Redact(t) != t }),
		CreatedAt: now.UnixMilli(), ExpiresAt: now.Add(patience).UnixMilli(), outcome: outcome{Status: Pending}, Exec: s.shown(c, v.rules),
	}
	chat, err := s.askOwner(tx, &r, s.d.Redact(c.question()))
	switch {
	case err != nil:
		return o, nil, err
	case !chat && !s.d.Approvers():
		if v.rules.Unanswered(v.hit) == policy.Allowed {
			return o, nil, nil
		}
		return opened{refused: refusedNobody}, nil, nil
	}
	if err := insert(tx, r); err != nil {
		return o, nil, err
	}
	return opened{id: r.ID}, &r, callTable.Put(tx, c.key(), r.ID)
}

// unanswered is what becomes of a call about which nobody has said anything.
func (s *Service) unanswered(ctx context.Context, c Call, why string) (refused string, err error) {
	err = s.d.Store.View(ctx, func(tx store.Tx) error {
		v, err := s.judge(tx, c)
		if refused = why; err == nil && v.verdict != policy.Refused && v.rules.Unanswered(v.hit) == policy.Allowed {
			refused = ""
		}
		return err
	})
	return refused, err
}

// judged is what the policy says of a call.
type judged struct {
	rules   policy.Resolved
	verdict policy.Verdict
	subject policy.Subject
	hit     bool
	owner   string // whose allowlist has it
	entry   policy.Entry
}

func (v judged) refused() string {
	if v.verdict == policy.Refused {
		return refusedByPolicy
	}
	return ""
}

func (s *Service) judge(tx store.Tx, c Call) (v judged, err error) {
	f, _, err := load(tx)
	if err != nil {
		return v, err
	}
	v.subject = policy.Subject{Tool: c.Tool, Args: c.Args, Effects: c.Effects}
	if slices.Contains(c.Effects, wit.EffectExecutes) {
		v.subject.Executables = policy.Executables(policy.CommandOf(c.Args))
	}
	return s.look(f, c.Agent, v.subject), nil
}

// look is what a policy says of an agent's subject.
func (s *Service) look(f policy.File, agent string, subject policy.Subject) (v judged) {
	v.subject = subject
	v.rules = f.Resolve(agent, s.d.Settings(), subject.Effects)
	v.owner, v.entry, v.hit = f.Match(agent, s.d.Home, subject)
	v.verdict = v.rules.Decide(v.hit)
	return v
}

// shown is what clients read of a call.
func (s *Service) shown(c Call, rules policy.Resolved) *ExecRequest {
	r := &ExecRequest{
		Command: s.d.Redact(message.Clip(c.line(), maxCommand)), Host: some("gateway"), Security: some(string(rules.Security)), Ask: some(string(rules.Ask)),
		AgentID: some(c.Agent), SessionKey: some(c.Session), RunID: some(c.Run), ToolCallID: some(c.ID), ToolName: some(c.Tool),
		AllowedDecisions: []Decision{AllowOnce, AllowAlways, Deny},
	}
	for _, e := range c.Effects {
		r.Effects = append(r.Effects, string(e))
	}
	return r
}

// line is a call on one line.
func (c *Call) line() string { return c.Tool + " " + compact(c.Args) }

// question is what the owner reads about a call.
func (c *Call) question() string {
	effects := make([]string, len(c.Effects))
	for i, e := range c.Effects {
		effects[i] = string(e)
	}
	head := "May the assistant call " + message.Name(c.Tool) + ", which " + strings.Join(effects, ", ") + "?"
	if c.For != nil {
		head = message.Who(*c.For) + " is talking to the assistant. " + head
	}
	return fenced(head, compact(c.Args))
}

// key is one for each call and its arguments, however long they are.
func (c *Call) key() string {
	sum := sha256.New()
	for _, part := range []string{c.Run, c.ID, c.Tool, string(c.Args)} {
		fmt.Fprintf(sum, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(sum.Sum(nil))
}
