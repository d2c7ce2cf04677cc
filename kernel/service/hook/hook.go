// Package hook asks plugins at named moments. Which fields of its event a plugin may give a new value, and whether
// it may cancel, stands in the contract with each hook's name.
//
// Fire calls the plugins of one hook one after the other, the highest priority first. Where something may be modified
// or cancelled each sees what those before it changed, and has a deadline of its own. One that fails, answers
// nonsense or is late is passed over when its policy is open; when it is closed Fire refuses. Fire returns when all have
// answered or given up.
//
// Observers are told of what has happened. Fire waits for them no longer than the longest of their deadlines, whatever
// they do: one that takes longer to be got ready is told when it is, and the others do not wait for it.
//
// Modifications are merged field by field, by the contract only: what a plugin says about other fields is
// logged and ignored. Nothing here is kept but what is on its way to observers; everything is safe for concurrent use.
package hook

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/carapace-gateway/carapace/wit"
	"github.com/hashicorp/go-hclog"
)

// Plugin is one plugin's entry for one hook.
type Plugin interface {
	// ID names the plugin.
	ID() string
	// Facts are what its manifest says.
	Facts() wit.HookFacts
	// Prepare makes it ready to be asked, which may take as long as a compiler; when it is, nothing.
	Prepare(ctx context.Context) error
	// Handle asks it. The event's Config is for the implementation to fill in.
	Handle(ctx context.Context, e *wit.HookEvent) (*wit.HookDecision, error)
}

// Source finds the plugins that are to be asked at a hook, in that order: higher priority first, then by id.
type Source func(name wit.HookName) []Plugin

// Hooks fires hooks.
type Hooks struct {
	source Source
	log    hclog.Logger
	news   *news
}

// New returns Hooks over the plugins of source.
func New(source Source, log hclog.Logger) *Hooks {
	return &Hooks{source: source, log: log.Named("hook"), news: newNews()}
}

// Run waits until ctx ends, and then stops telling observers anything. It returns nil when none is being told any more.
func (h *Hooks) Run(ctx context.Context) error {
	<-ctx.Done()
	h.news.stop()
	return nil
}

// defaultDeadline holds where a manifest names none.
const defaultDeadline = wit.HookFactsDeadlineDefault * time.Millisecond

// Kind is a hook with the type of its event.
type Kind[E any] struct{ name wit.HookName }

// Fire asks the plugins and returns the event as they left it.
//
// Errors: CodeForbidden with the plugin's reason when one cancels; CodeUnavailable when one whose
// policy is closed fails. The event comes back as it was then. A nil Hooks has no plugins.
func (k Kind[E]) Fire(ctx context.Context, h *Hooks, c wit.HookContext, event E) (E, error) {
	if h == nil {
		return event, nil
	}
	plugins := h.source(k.name)
	if len(plugins) == 0 {
		return event, nil
	}
	if !k.name.Cancels() && len(k.name.Modifies()) == 0 {
		k.observe(ctx, h, plugins, c, event)
		return event, nil
	}
	for _, p := range plugins {
		next, err := k.ask(ctx, h, p, c, event)
		if err != nil {
			return event, err
		}
		event = next
	}
	return event, nil
}

func (k Kind[E]) ask(ctx context.Context, h *Hooks, p Plugin, c wit.HookContext, event E) (E, error) {
	d, err := k.call(ctx, p, c, event)
	if err == nil && d.Cancel && k.name.Cancels() {
		reason := "no reason given"
		if d.Reason != nil && *d.Reason != "" {
			reason = *d.Reason
		}
		return event, wit.Errorf(wit.CodeForbidden, "plugin %s refused at %s: %s", p.ID(), k.name, reason)
	}
	next := event
	if err == nil {
		next, err = k.merge(h, p, event, d.Modify)
	}
	if err == nil {
		return next, nil
	}
	if ctx.Err() != nil {
		return event, wit.Errorf(wit.CodeTimeout, "hook %s: %w", k.name, context.Cause(ctx))
	}
	policy := policyOf(p, k.name)
	h.log.Warn("plugin failed at a hook", "hook", k.name, "plugin", p.ID(), "policy", policy, "error", err)
	if policy == wit.FailPolicyClosed {
		return event, wit.Errorf(wit.CodeUnavailable, "plugin %s failed at %s and must not be passed over: %w", p.ID(), k.name, err)
	}
	return event, nil
}

func (k Kind[E]) call(ctx context.Context, p Plugin, c wit.HookContext, event E) (*wit.HookDecision, error) {
	raw, err := json.Marshal(event)
	if err != nil {
		return nil, wit.Errorf(wit.CodeInternal, "hook %s: encode its event: %w", k.name, err)
	}
	if err := p.Prepare(ctx); err != nil {
		return nil, err
	}
	deadline := deadlineOf(p)
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	d, err := p.Handle(ctx, &wit.HookEvent{Name: k.name, Event: raw, Context: c})
	if err == nil && ctx.Err() != nil {
		err = wit.Errorf(wit.CodeTimeout, "no answer within %s", deadline)
	}
	if err == nil && d == nil {
		d = &wit.HookDecision{}
	}
	return d, err
}

// policyOf is what becomes of what a plugin is asked about at a hook when it fails.
func policyOf(p Plugin, name wit.HookName) wit.FailPolicy {
	facts := p.Facts()
	facts.Name = name
	return facts.Policy()
}

// deadlineOf is how long a plugin's answer is waited for.
func deadlineOf(p Plugin) time.Duration {
	if ms := p.Facts().Deadline; ms > 0 {
		return time.Duration(ms) * time.Millisecond
	}
	return defaultDeadline
}

// merge puts the fields of modify that the contract allows into event.
func (k Kind[E]) merge(h *Hooks, p Plugin, event E, modify wit.JSON) (E, error) {
	modifies := k.name.Modifies()
	if len(modify) == 0 || len(modifies) == 0 {
		return event, nil
	}
	var given map[string]json.RawMessage
	if err := json.Unmarshal(modify, &given); err != nil {
		return event, wit.Errorf(wit.CodeInvalid, "what it modifies is not an object: %w", err)
	}
	for field := range given {
		if !slices.Contains(modifies, field) {
			h.log.Warn("plugin may not modify this field", "hook", k.name, "plugin", p.ID(), "field", field)
			delete(given, field)
		}
	}
	if len(given) == 0 {
		return event, nil
	}
	merged, err := overlay(event, given)
	if err != nil {
		return event, err
	}
	var next E
	if err := json.Unmarshal(merged, &next); err != nil {
		return event, wit.Errorf(wit.CodeInvalid, "what it modifies has the wrong type: %w", err)
	}
	return next, nil
}

// overlay is event as JSON with these fields instead of its own.
func overlay(event any, fields map[string]json.RawMessage) ([]byte, error) {
	raw, err := json.Marshal(event)
	if err != nil {
		return nil, wit.Errorf(wit.CodeInternal, "encode the event: %w", err)
	}
	all := map[string]json.RawMessage{}
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, wit.Errorf(wit.CodeInternal, "decode the event: %w", err)
	}
	maps.Copy(all, fields)
	merged, err := json.Marshal(all)
	if err != nil {
		return nil, wit.Errorf(wit.CodeInvalid, "what it modifies cannot be read: %w", err)
	}
	return merged, nil
}
