package heartbeat

import (
	"context"
	"time"

	"github.com/carapace-gateway/carapace/kernel/schedule"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/wit"
)

// maxPreview bounds what is kept of what was said, in bytes.
const maxPreview = 200

// fire wakes the agent once, and keeps and tells how it went.
func (s *Service) fire(ctx context.Context, f schedule.Firing) (schedule.Result, error) {
	began := time.Now()
	agent := f.Job.ID
	b, err := s.beat(ctx, agent, f.Key)
	if ctx.Err() != nil {
		return schedule.Result{}, ctx.Err() // it comes again, with the same key
	}
	b.AgentID, b.Ts, b.DurationMs = agent, time.Now().UnixMilli(), time.Since(began).Milliseconds()
	if failed := s.keep(ctx, func(k *kept) { s.remember(k, b) }); failed != nil {
		return schedule.Result{}, failed
	}
	Kind.Publish(s.Bus, b)
	return schedule.Result{Summary: b.Preview}, err
}

// remember keeps how a heartbeat went, and the last ones of the agents that still wake.
func (s *Service) remember(k *kept, b Beat) {
	of := map[string]Beat{b.AgentID: b}
	for _, set := range s.Plan() {
		if last, ok := k.Of[set.Agent]; ok && set.Agent != b.AgentID {
			of[set.Agent] = last
		}
	}
	k.Last, k.Of = &b, of
}

// beat asks an agent.
func (s *Service) beat(ctx context.Context, agent, key string) (Beat, error) {
	set := s.PlanOf(agent)
	switch {
	case set.Every == 0:
		return Beat{Status: Skipped, Reason: "disabled"}, nil
	case set.Awake != nil && !set.Awake(time.Now()):
		return Beat{Status: Skipped, Reason: "quiet-hours"}, nil
	}
	a, err := s.Runs.Ask(ctx, Prompt{
		Key: key, Agent: set.Agent, Text: set.Prompt, Model: set.Model, Quiet: set.Quiet,
		Deliver: !set.Silent, Channel: set.Channel, To: set.To, Account: set.Account,
	})
	b := Beat{Status: Sent, Preview: message.Clip(a.Said, maxPreview), Channel: a.Channel, To: a.To}
	switch {
	case err != nil:
		b.Status, b.Reason = Failed, wit.AsError(err).Message
	case a.Said == "":
		b.Status = Quiet
	case set.Silent:
		b.Status, b.Reason = Skipped, "target-none"
	case a.Undelivered != nil:
		b.Status, b.Reason = Skipped, wit.AsError(a.Undelivered).Message
	}
	return b, err
}
