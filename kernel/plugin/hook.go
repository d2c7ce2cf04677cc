package plugin

import (
	"context"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// Hook is a plugin's handle at one named moment. Errors of its calls are as for Channel; what they mean
// for what was asked about is the fail policy in Facts.
type Hook struct {
	handle
	facts wit.HookFacts
}

// Hooks lists who is asked at a moment: higher priority first, then by plugin id.
func (r *Registry) Hooks(name wit.HookName) []*Hook { return r.table.offers.Load().hooks[name] }

// Facts returns priority, deadline and fail policy, as they were when the hook was listed.
func (h *Hook) Facts() wit.HookFacts { return h.facts }

// Prepare compiles the plugin if it has to be. Errors are those of Registry.Warm.
func (h *Hook) Prepare(ctx context.Context) error { return h.versions.warm(ctx, h.id) }

// Handle asks the plugin, within the deadline of its facts.
func (h *Hook) Handle(ctx context.Context, e *wit.HookEvent) (*wit.HookDecision, error) {
	own := *e // an event is handed to several hooks, each with a configuration of its own
	own.Name, own.Config = h.facts.Name, nil
	if err := h.fill(&own.Config, ""); err != nil {
		return nil, err
	}
	deadline := h.facts.Deadline
	if deadline == 0 {
		deadline = wit.HookFactsDeadlineDefault
	}
	return call[wit.HookDecision](ctx, h.versions, h.id, request{
		export: "hook_handle", deadline: time.Duration(deadline) * time.Millisecond, at: own.Context, hook: own.Name,
	}, &own)
}

// Fire hands a plugin the job that it scheduled. CodeNotFound once the plugin is gone.
func (r *Registry) Fire(ctx context.Context, id string, f *wit.Firing) error {
	_, err := call[wit.Done](ctx, r.versions, id, request{export: "schedule_fire"}, f)
	return err
}
