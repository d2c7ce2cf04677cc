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
		rpc.NewKept("cron.list", wire.ScopeRead, s.list, s.listBasis).Doc("Lists the jobs, page by page."),
		rpc.New("cron.get", wire.ScopeRead, s.get).Fails(unknownJob).Doc("Returns one job."),
		rpc.New("cron.status", wire.ScopeRead, s.status).Doc("Says how the scheduler is and when the next job is due."),
		rpc.New("cron.runs", wire.ScopeRead, s.runs).Fails(unknownJob).Doc("Lists how jobs have ended."),
		rpc.New("cron.add", wire.ScopeAdmin, s.add).Audited().OneOf(Job{}, DeclareResult{}).Fails(wire.Conflict, wire.TooLarge).Emits("cron").
			Doc("Adds a job; what this gateway cannot do is refused."),
		rpc.New("cron.update", wire.ScopeAdmin, s.update).Audited().Fails(unknownJob, wire.Conflict, wire.TooLarge).Emits("cron").
			Doc("Changes a job; what the patch leaves out stays."),
		rpc.New("cron.remove", wire.ScopeAdmin, s.remove).Audited().Emits("cron").
			Doc("Removes a job; one that is gone already is no error."),
		rpc.New("cron.run", wire.ScopeAdmin, s.run).Audited().Fails(unknownJob, wire.Conflict, wire.AgentTimeout).Emits("cron").
			Doc("Runs a job now."),
	}
}

// protocol is the caller's, 3 if there is none.
func protocol(ctx context.Context) int {
	if c := rpc.CallerOf(ctx); c != nil && c.Protocol > 3 {
		return c.Protocol
	}
	return 3
}

// IDParams names a job by either of the two names that clients use.
type IDParams struct {
	ID string `json:"id,omitempty" rpc:"min=1,max=128"`
	// JobID is another name for id.
	JobID string `json:"jobId,omitempty" rpc:"min=1,max=128"`
}

func (p IDParams) id() (string, error) {
	switch {
	case p.ID != "":
		return p.ID, nil
	case p.JobID != "":
		return p.JobID, nil
	}
	return "", wit.NewError(wit.CodeInvalid, "name the job: id is missing")
}

// unknownJob is why a method has no job of this id.
const unknownJob = "CRON_JOB_NOT_FOUND"

// unknown turns the scheduler's not_found into what clients look for.
func unknown(err error, id string) error {
	if wit.CodeOf(err) != wit.CodeNotFound {
		return err
	}
	return rpc.WithDetails(wit.Errorf(wit.CodeNotFound, "unknown cron job id: %s", id),
		map[string]string{"code": unknownJob, "jobId": id})
}

func (s *Service) get(ctx context.Context, p IDParams) (Job, error) {
	id, err := p.id()
	if err != nil {
		return Job{}, err
	}
	j, err := s.scheduler.Get(ctx, owner, id)
	if err != nil {
		return Job{}, unknown(err, id)
	}
	return view(j, protocol(ctx)), nil
}

// UpdateParams change a job.
type UpdateParams struct {
	IDParams
	Patch PatchParams `json:"patch" rpc:"required"`
	// ExpectedConfigRevision refuses when the job has been changed meanwhile.
	ExpectedConfigRevision string `json:"expectedConfigRevision,omitempty" rpc:"min=1,max=128"`
}

func (s *Service) update(ctx context.Context, p UpdateParams) (Job, error) {
	id, err := p.id()
	if err != nil {
		return Job{}, err
	}
	if err := s.address(ctx, &p.Patch); err != nil {
		return Job{}, err
	}
	j, err := s.scheduler.Update(ctx, owner, id, func(j *schedule.Job) error {
		if want := p.ExpectedConfigRevision; want != "" && want != configRevision(*j) {
			return wit.NewError(wit.CodeConflict, "the job was changed meanwhile: read it again")
		}
		if err := s.change(ctx, p.Patch, j); err != nil {
			return err
		}
		return s.checkAgents(*j)
	})
	if err != nil {
		return Job{}, unknown(err, id)
	}
	return view(j, protocol(ctx)), nil
}

// RemoveResult says whether there was such a job.
type RemoveResult struct {
	OK      bool `json:"ok"`
	Removed bool `json:"removed"`
}

// remove tells a job that is gone already from one that it has removed, and fails for neither.
func (s *Service) remove(ctx context.Context, p IDParams) (RemoveResult, error) {
	id, err := p.id()
	if err != nil {
		return RemoveResult{}, err
	}
	err = s.scheduler.Remove(ctx, owner, id)
	if wit.CodeOf(err) == wit.CodeNotFound {
		return RemoveResult{OK: true}, nil
	}
	return RemoveResult{OK: true, Removed: true}, err
}

// RunParams start a job now.
type RunParams struct {
	IDParams
	// Mode due runs the job only when it is due, if-enabled only when it is enabled, force (the default)
	// always.
	Mode string `json:"mode,omitempty" rpc:"enum=due|force|if-enabled"`
	// ExpectedProcessInstanceID guards a client against a gateway that was restarted meanwhile.
	ExpectedProcessInstanceID string `json:"expectedProcessInstanceId"`
}

// RunResult is both protocols' answer: 3 is told when the job is done, 4 at once, with a run id.
type RunResult struct {
	OK bool `json:"ok"`
	// Ran is true when the job has run (protocol 3) and false when it did not.
	Ran *bool `json:"ran,omitempty"`
	// Enqueued says that the job begins now; the event cron and cron.runs tell how it ended.
	Enqueued          bool   `json:"enqueued,omitempty"`
	RunID             string `json:"runId,omitempty"`
	ProcessInstanceID string `json:"processInstanceId,omitempty"`
	// Reason is disabled, already-running or not-due.
	Reason string `json:"reason,omitempty"`
}

// run starts a job. Protocol 3 waits here for its end; its client gives up with its connection, the job does not.
func (s *Service) run(ctx context.Context, p RunParams) (RunResult, error) {
	id, err := p.id()
	if err != nil {
		return RunResult{}, err
	}
	if want := p.ExpectedProcessInstanceID; want != "" && want != s.instance {
		return RunResult{}, wit.NewError(wit.CodeConflict, "the gateway was restarted meanwhile: ask again")
	}
	mode := schedule.Force
	switch p.Mode {
	case "due":
		mode = schedule.Due
	case "if-enabled":
		j, err := s.scheduler.Get(ctx, owner, id)
		if err != nil {
			return RunResult{}, unknown(err, id)
		}
		if !j.Enabled {
			return notRun("disabled"), nil
		}
	}
	key, done, err := s.scheduler.Start(ctx, owner, id, mode)
	switch {
	case wit.CodeOf(err) == wit.CodeConflict:
		return notRun("already-running"), nil
	case err != nil:
		return RunResult{}, unknown(err, id)
	case done == nil:
		return notRun("not-due"), nil
	case protocol(ctx) >= 4:
		return RunResult{OK: true, Enqueued: true, RunID: key, ProcessInstanceID: s.instance}, nil
	}
	select {
	case <-done:
		yes := true
		return RunResult{OK: true, Ran: &yes}, nil
	case <-ctx.Done():
		return RunResult{}, wit.Errorf(wit.CodeTimeout, "the job still runs: %w", ctx.Err())
	}
}

// notRun is the answer that a job was not started, which is no error.
func notRun(reason string) RunResult {
	no := false
	return RunResult{OK: true, Ran: &no, Reason: reason}
}

// StatusResult is how the scheduler is.
type StatusResult struct {
	Enabled bool `json:"enabled"`
	// StorePath and SQLitePath are the database's file, empty where all is kept in memory.
	StorePath  string `json:"storePath"`
	Storage    string `json:"storage" rpc:"enum=sqlite"`
	SQLitePath string `json:"sqlitePath"`
	// TriggersEnabled is false: there are no triggers beside times.
	TriggersEnabled bool `json:"triggersEnabled"`
	Jobs            int  `json:"jobs"`
	// NextWakeAtMs is when the next job is due, in Unix milliseconds; null when none is.
	NextWakeAtMs *int64 `json:"nextWakeAtMs"`
}

func (s *Service) status(ctx context.Context, _ rpc.None) (StatusResult, error) {
	sum, err := s.scheduler.Status(ctx, owner)
	res := StatusResult{Enabled: sum.Running, StorePath: s.storePath, Storage: "sqlite", SQLitePath: s.storePath, Jobs: sum.Jobs}
	if sum.NextRunAt != 0 {
		res.NextWakeAtMs = &sum.NextRunAt
	}
	return res, err
}
