package cron

import (
	"context"
	"time"

	"github.com/carapace-gateway/carapace/kernel/schedule"
	"github.com/carapace-gateway/carapace/wit"
)

// add answers a Job, or a DeclareResult for one with a declaration key.
func (s *Service) add(ctx context.Context, p AddParams) (any, error) {
	patch := p.patch()
	if protocol(ctx) >= 4 {
		patch.complete()
	}
	if err := s.address(ctx, &patch); err != nil {
		return nil, err
	}
	fill := func(j *schedule.Job) error {
		if err := s.change(ctx, patch, j); err != nil {
			return err
		}
		if err := p.declare(j); err != nil {
			return err
		}
		return s.checkAgents(*j)
	}
	if p.DeclarationKey != "" {
		return s.declare(ctx, p.DeclarationKey, fill)
	}
	return s.create(ctx, fill)
}

// create adds the job that fill makes.
func (s *Service) create(ctx context.Context, fill func(*schedule.Job) error) (Job, error) {
	j := schedule.Job{Owner: owner, Enabled: true}
	if err := fill(&j); err != nil {
		return Job{}, err
	}
	j, err := s.scheduler.Add(ctx, j)
	if err != nil {
		return Job{}, err
	}
	return view(j, protocol(ctx)), nil
}

// declare adds the job with this declaration key, or changes the one that has it.
func (s *Service) declare(ctx context.Context, key string, fill func(*schedule.Job) error) (DeclareResult, error) {
	s.declaring.Lock()
	defer s.declaring.Unlock()
	id := "" // the first one, of those that earlier versions may have made
	err := s.cards.each(ctx, s.scheduler, func(c *card) {
		if c.declared == key && (id == "" || c.id < id) {
			id = c.id
		}
	})
	if err != nil {
		return DeclareResult{}, err
	}
	if id == "" {
		j, err := s.create(ctx, fill)
		return DeclareResult{Created: true, Job: j}, err
	}
	j, err := s.scheduler.Update(ctx, owner, id, fill)
	return DeclareResult{Updated: true, Job: view(j, protocol(ctx))}, err
}

// DeclareResult says what became of a job with a declaration key.
type DeclareResult struct {
	Created bool `json:"created"`
	Updated bool `json:"updated,omitempty"`
	Job     Job  `json:"job"`
}

// complete fills in what protocol 4 takes for granted. An answer is delivered unless somebody says otherwise;
// without a place to deliver to the job is still well.
func (p *PatchParams) complete() {
	yes := true
	if p.Delivery == nil && p.Payload.Kind == agentTurn && p.Payload.Deliver == nil {
		p.Delivery = &DeliveryParams{Mode: "announce", BestEffort: &yes}
	}
	if p.WakeMode == "" {
		p.WakeMode = "now"
	}
	if p.DeleteAfterRun == nil && p.Schedule.Kind == "at" {
		p.DeleteAfterRun = &yes
	}
}

// change applies a patch and checks what depends on the moment.
func (s *Service) change(ctx context.Context, p PatchParams, j *schedule.Job) error {
	if err := p.apply(j); err != nil {
		return err
	}
	if at := j.Spec.At; p.Schedule != nil && at != 0 && protocol(ctx) >= 4 && at < time.Now().Add(-pastGrace).UnixMilli() {
		return wit.Errorf(wit.CodeInvalid, "schedule.at is in the past: %s", time.UnixMilli(at).UTC().Format(time.RFC3339))
	}
	return nil
}

// pastGrace is how late a time may be when it is asked for: clocks differ, and a message takes its time.
const pastGrace = time.Minute

// checkAgents refuses a job for an agent that there is not, or in a session that can be none.
func (s *Service) checkAgents(j schedule.Job) error {
	d, err := readDetails(j)
	if err != nil {
		return err
	}
	named, _ := d.session()
	whose := []Owner{{SessionKey: named, AgentID: d.AgentID}, {SessionKey: d.SessionKey}}
	if d.Owner != nil {
		whose = append(whose, *d.Owner)
	}
	for _, o := range whose {
		if err := s.answers(o.SessionKey, o.AgentID); err != nil {
			return err
		}
	}
	return nil
}
