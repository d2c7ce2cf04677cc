package kernel

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/retry"
	"github.com/carapace-gateway/carapace/kernel/schedule"
	"github.com/carapace-gateway/carapace/kernel/service/cron"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Views of jobs: those of plugins on their way to the scheduler and back, and what cron has to say to run.

// pluginJobs keeps the jobs that plugins schedule.
type pluginJobs struct{ scheduler *schedule.Scheduler }

func owner(id string) schedule.Owner { return schedule.Owner("plugin:" + id) }

func (p pluginJobs) Set(ctx context.Context, id string, j *wit.ScheduledJob) (int64, error) {
	job := schedule.Job{ID: j.ID, Owner: owner(id), Enabled: true, DeleteAfterRun: true, Payload: []byte(j.Payload)}
	if j.At != nil {
		job.Spec.At = *j.At
	}
	if j.Every != nil {
		job.Spec.EveryMs = *j.Every
	}
	if j.Cron != nil {
		job.Spec.Cron = *j.Cron
	}
	if j.TimeZone != nil {
		job.Spec.TZ = *j.TimeZone
	}
	job, err := p.scheduler.Set(ctx, job)
	return job.State.NextRunAt, err
}

func (p pluginJobs) Cancel(ctx context.Context, id, job string) error {
	err := p.scheduler.Remove(ctx, owner(id), job)
	if wit.CodeOf(err) == wit.CodeNotFound {
		return nil
	}
	return err
}

func (p pluginJobs) Jobs(ctx context.Context, id string) ([]string, error) {
	list, err := p.scheduler.List(ctx, owner(id))
	var ids []string
	for _, j := range list {
		ids = append(ids, j.ID)
	}
	return ids, err
}

func (p pluginJobs) Forget(ctx context.Context, id string) error {
	return p.scheduler.RemoveAll(ctx, owner(id))
}

// pluginFirings hands plugins the jobs that are due.
type pluginFirings struct {
	registry  *plugin.Registry
	scheduler *schedule.Scheduler
}

// fire calls the plugin. One that is not there was removed while the gateway did not run, and its jobs end; one that
// cannot be called now (disabled, failed) has its jobs due again.
func (p pluginFirings) fire(ctx context.Context, f schedule.Firing) (schedule.Result, error) {
	id := string(f.Job.Owner)[len("plugin:"):]
	if _, err := p.registry.Info(id); wit.CodeOf(err) == wit.CodeNotFound {
		return schedule.Result{Summary: "the plugin is gone, and its jobs with it"}, p.scheduler.RemoveAll(ctx, f.Job.Owner)
	}
	first := firstDue(f)
	err := p.registry.Fire(ctx, id, &wit.Firing{ID: f.Job.ID, Due: first, Payload: wit.JSON(f.Job.Payload)})
	if err == nil || ctx.Err() != nil || f.Job.Spec.At == 0 {
		return schedule.Result{}, err
	}
	at, failed := p.again(ctx, f)
	memory, _ := json.Marshal(delayed{Due: first, At: at})
	return schedule.Result{Memory: memory}, errors.Join(err, failed)
}

// delayed is what is kept of a job that is due once and has failed: when it was due, and when it is due again.
type delayed struct {
	Due int64 `json:"due"`
	At  int64 `json:"at"`
}

// firstDue is when a job was due, however often it has failed since: what it does again is the same.
func firstDue(f schedule.Firing) int64 {
	var d delayed
	if json.Unmarshal(f.Job.State.Memory, &d) == nil && d.At != 0 && d.At == f.Job.Spec.At {
		return d.Due
	}
	return f.Due
}

// maxFirings is how often a job that is due once is tried: for about a day.
const maxFirings = 32

// again makes a job due once more that is due once and has failed, unless its plugin has changed it meanwhile, and
// returns when. Others come again by themselves.
func (p pluginFirings) again(ctx context.Context, f schedule.Firing) (at int64, err error) {
	failures := f.Job.State.Failures + 1
	if failures >= maxFirings {
		return 0, nil
	}
	at = time.Now().Add(retry.Backoff{Min: 5 * time.Second, Max: time.Hour}.Delay(failures)).UnixMilli()
	_, err = p.scheduler.Update(ctx, f.Job.Owner, f.Job.ID, func(j *schedule.Job) error {
		if j.Spec == f.Job.Spec {
			j.Spec.At = at
		}
		return nil
	})
	if wit.CodeOf(err) == wit.CodeNotFound {
		return 0, nil // it was taken back
	}
	return at, err
}

// jobs gives run what cron has to say.
type jobs struct {
	runs   *run.Service
	store  store.Store
	outbox message.Outbox
	// network reaches the addresses of webhooks.
	network *egress.Client
}

func (j jobs) SystemEvent(ctx context.Context, text string, now bool, agent, key string) error {
	return j.runs.Tell(ctx, run.SystemEvent{ID: key, Agent: agent, Text: text, Now: now})
}

func (j jobs) AgentTurn(ctx context.Context, t cron.Turn) (cron.Answer, error) {
	out, err := j.runs.Do(ctx, run.Job{
		ID: t.Key, Agent: t.AgentID, Session: t.SessionKey, Message: t.Message, Model: t.Model, Thinking: t.Thinking, Tools: t.Tools,
		Timeout: time.Duration(t.TimeoutSeconds * float64(time.Second)),
		Deliver: t.Deliver, Channel: t.Channel, To: t.To, Account: t.AccountID, Thread: t.ThreadID,
	})
	answer := cron.Answer{Text: out.Run.Answer, Outcome: outcome(out.Run)}
	switch {
	case !t.Deliver:
		answer.Outcome.DeliveryStatus = cron.NotRequested
	case out.Undelivered != nil:
		answer.Outcome.DeliveryStatus, answer.Outcome.DeliveryError = cron.NotDelivered, out.Undelivered.Error()
		if err == nil && !t.BestEffort {
			err = wit.Errorf(wit.CodeOf(out.Undelivered), "the answer was not delivered: %w", out.Undelivered)
		}
	default:
		answer.Outcome.DeliveryStatus = cron.Unknown
	}
	return answer, err
}

// Alarm gives a text to delivery.
func (j jobs) Alarm(ctx context.Context, a cron.Alarm) error {
	to, err := j.runs.Address(ctx, run.Job{Agent: a.AgentID, Deliver: true, Channel: a.Channel, To: a.To, Account: a.AccountID, Thread: a.ThreadID})
	if err != nil {
		return err
	}
	err = j.store.Update(ctx, func(tx store.Tx) error {
		return j.outbox.Enqueue(tx, message.Outbound{ID: a.Key, Channel: to.Channel, Account: to.Account, To: *to.Conversation, Text: a.Text, Agent: a.AgentID})
	})
	j.outbox.Wake()
	return err
}

// Post goes the way of plugins' requests, with its guards: https to public addresses only, and plain http to this machine.
func (j jobs) Post(ctx context.Context, address, key string, body []byte) error {
	u, err := url.Parse(address)
	if err != nil {
		return wit.NewError(wit.CodeInvalid, "the webhook's address is malformed")
	}
	policy := egress.Policy{Owner: "cron", Hosts: []string{u.Host}, Methods: []string{http.MethodPost}, Stay: true}
	if local(u) {
		policy.Origins = []string{u.Scheme + "://" + u.Host}
	}
	res, err := j.network.Do(ctx, policy, none, &wit.HTTPRequest{
		Method: http.MethodPost, URL: address, JSON: body, Headers: []wit.Header{{Name: "Idempotency-Key", Value: key}},
	})
	switch {
	case err != nil:
		return err
	case res.Status/100 == 2:
		return nil
	case res.Status >= 500, res.Status == http.StatusTooManyRequests, res.Status == http.StatusRequestTimeout:
		return wit.Errorf(wit.CodeUnavailable, "it answers %d", res.Status)
	}
	return wit.Errorf(wit.CodeInvalid, "it answers %d: check its address", res.Status)
}

// outcome is how a run went, as cron tells it.
func outcome(r run.Run) cron.Outcome {
	o := cron.Outcome{SessionKey: string(r.Session), SessionID: r.SessionID, Provider: r.Provider, Model: r.Used}
	if u := r.Usage; u != (wit.Usage{}) {
		o.Usage = &cron.Usage{
			Input: u.Input, Output: u.Output, CacheRead: u.CacheRead, CacheWrite: u.CacheWrite,
			Total: u.Input + u.Output + u.CacheRead + u.CacheWrite,
		}
	}
	return o
}
