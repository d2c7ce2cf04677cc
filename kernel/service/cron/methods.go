package cron

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/schedule"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Methods returns the rows of the method table.
func (s *Service) Methods() []rpc.Method {
	return []rpc.Method{
		rpc.New("cron.list", wire.ScopeRead, s.list),
		rpc.New("cron.get", wire.ScopeRead, s.get),
		rpc.New("cron.status", wire.ScopeRead, s.status),
		rpc.New("cron.runs", wire.ScopeRead, s.runs),
		rpc.New("cron.add", wire.ScopeAdmin, s.add),
		rpc.New("cron.update", wire.ScopeAdmin, s.update),
		rpc.New("cron.remove", wire.ScopeAdmin, s.remove),
		rpc.New("cron.run", wire.ScopeAdmin, s.run),
	}
}

// protocol is the caller's, 3 if there is none.
func protocol(ctx context.Context) int {
	if c := rpc.CallerOf(ctx); c != nil && c.Protocol > 3 {
		return c.Protocol
	}
	return 3
}

// idParams names a job by either of the two names that clients use.
type idParams struct {
	ID    string `json:"id" rpc:"max=128"`
	JobID string `json:"jobId" rpc:"max=128"`
}

func (p idParams) id() (string, error) {
	switch {
	case p.ID != "":
		return p.ID, nil
	case p.JobID != "":
		return p.JobID, nil
	}
	return "", wit.NewError(wit.CodeInvalid, "name the job: id is missing")
}

// unknown turns the scheduler's not_found into what clients look for.
func unknown(err error, id string) error {
	if wit.CodeOf(err) != wit.CodeNotFound {
		return err
	}
	return rpc.WithDetails(wit.Errorf(wit.CodeNotFound, "unknown cron job id: %s", id),
		map[string]string{"code": "CRON_JOB_NOT_FOUND", "jobId": id})
}

func (s *Service) get(ctx context.Context, p idParams) (Job, error) {
	id, err := p.id()
	if err != nil {
		return Job{}, err
	}
	j, err := s.Scheduler.Get(ctx, owner, id)
	if err != nil {
		return Job{}, unknown(err, id)
	}
	return view(j, protocol(ctx)), nil
}

func (s *Service) add(ctx context.Context, p addParams) (Job, error) {
	j := schedule.Job{Owner: owner, Enabled: true}
	patch := p.patch()
	if protocol(ctx) >= 4 && p.Delivery == nil && p.Payload.Kind == agentTurn && p.Payload.Deliver == nil {
		// Protocol 4 delivers unless told otherwise; without a place to deliver to the job is still well.
		yes := true
		patch.Delivery = &deliveryParams{Mode: "announce", BestEffort: &yes}
	}
	if err := patch.apply(&j); err != nil {
		return Job{}, err
	}
	j, err := s.Scheduler.Add(ctx, j)
	if err != nil {
		return Job{}, err
	}
	return view(j, protocol(ctx)), nil
}

type updateParams struct {
	idParams
	Patch patchParams `json:"patch" rpc:"required"`
}

func (s *Service) update(ctx context.Context, p updateParams) (Job, error) {
	id, err := p.id()
	if err != nil {
		return Job{}, err
	}
	j, err := s.Scheduler.Update(ctx, owner, id, p.Patch.apply)
	if err != nil {
		return Job{}, unknown(err, id)
	}
	return view(j, protocol(ctx)), nil
}

type removed struct {
	OK      bool `json:"ok"`
	Removed bool `json:"removed"`
}

func (s *Service) remove(ctx context.Context, p idParams) (removed, error) {
	id, err := p.id()
	if err != nil {
		return removed{}, err
	}
	err = s.Scheduler.Remove(ctx, owner, id)
	if wit.CodeOf(err) == wit.CodeNotFound {
		return removed{OK: true}, nil
	}
	return removed{OK: true, Removed: true}, err
}

type runParams struct {
	idParams
	Mode string `json:"mode" rpc:"enum=due|force|if-enabled"`
	// ExpectedProcessInstanceID guards a client against a gateway that was restarted meanwhile.
	ExpectedProcessInstanceID string `json:"expectedProcessInstanceId"`
}

// ran is both protocols' answer: 3 is told when the job is done, 4 at once, with a run id.
type ran struct {
	OK                bool   `json:"ok"`
	Ran               *bool  `json:"ran,omitempty"`
	Enqueued          bool   `json:"enqueued,omitempty"`
	RunID             string `json:"runId,omitempty"`
	ProcessInstanceID string `json:"processInstanceId,omitempty"`
	Reason            string `json:"reason,omitempty"`
}

func (s *Service) run(ctx context.Context, p runParams) (ran, error) {
	id, err := p.id()
	if err != nil {
		return ran{}, err
	}
	if want := p.ExpectedProcessInstanceID; want != "" && want != s.instance {
		return ran{}, wit.NewError(wit.CodeConflict, "the gateway was restarted meanwhile: ask again")
	}
	mode := schedule.Force
	switch p.Mode {
	case "due":
		mode = schedule.Due
	case "if-enabled":
		j, err := s.Scheduler.Get(ctx, owner, id)
		if err != nil {
			return ran{}, unknown(err, id)
		}
		if !j.Enabled {
			return notRun("disabled"), nil
		}
	}
	key, done, err := s.Scheduler.Start(ctx, owner, id, mode)
	switch {
	case wit.CodeOf(err) == wit.CodeConflict:
		return notRun("already-running"), nil
	case err != nil:
		return ran{}, unknown(err, id)
	case done == nil:
		return notRun("not-due"), nil
	case protocol(ctx) >= 4:
		return ran{OK: true, Enqueued: true, RunID: key, ProcessInstanceID: s.instance}, nil
	}
	select {
	case <-done:
		yes := true
		return ran{OK: true, Ran: &yes}, nil
	case <-ctx.Done():
		return ran{}, wit.Errorf(wit.CodeTimeout, "the job still runs: %w", ctx.Err())
	}
}

func notRun(reason string) ran {
	no := false
	return ran{OK: true, Ran: &no, Reason: reason}
}

type status struct {
	Enabled         bool   `json:"enabled"`
	StorePath       string `json:"storePath"`
	Storage         string `json:"storage"`
	SQLitePath      string `json:"sqlitePath"`
	TriggersEnabled bool   `json:"triggersEnabled"`
	Jobs            int    `json:"jobs"`
	NextWakeAtMs    int64  `json:"nextWakeAtMs,omitempty"`
}

func (s *Service) status(ctx context.Context, _ rpc.None) (status, error) {
	sum, err := s.Scheduler.Status(ctx, owner)
	return status{
		Enabled: sum.Running, StorePath: s.StorePath, Storage: "sqlite", SQLitePath: s.StorePath,
		Jobs: sum.Jobs, NextWakeAtMs: sum.NextRunAt,
	}, err
}
