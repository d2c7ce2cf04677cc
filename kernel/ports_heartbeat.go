package kernel

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/service/heartbeat"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/service/system"
)

// Views of heartbeats: what they have to say to run, and what others know of them.

// heartbeatSettings is what the owner says of heartbeats.
type heartbeatSettings struct {
	settings *config.Settings
	zone     *time.Location
}

func (s heartbeatSettings) read() heartbeat.Settings {
	h := s.settings.Config().Heartbeat
	every, _ := h.Interval() // it was checked with the settings
	out := heartbeat.Settings{
		Agent: config.DefaultAgent, Every: every, Prompt: h.Prompt, Quiet: h.AckMaxChars, Model: h.Model, Silent: h.Target == "none",
		To: h.To, Account: h.AccountID, Awake: func(t time.Time) bool { return h.ActiveHours.Has(t.In(s.zone)) },
	}
	if h.Target != "none" && h.Target != "last" {
		out.Channel = h.Target
	}
	return out
}

// beats is heartbeat's view of run.
type beats struct {
	runs     *run.Service
	settings func() session.Settings
}

func (b beats) Ask(ctx context.Context, p heartbeat.Prompt) (heartbeat.Answer, error) {
	out, err := b.runs.Do(ctx, run.Job{
		ID: run.FromHeartbeat.ID(p.Key), Agent: p.Agent, Session: string(b.settings().Main(p.Agent)), Message: p.Text, Model: p.Model, Quiet: p.Quiet,
		Deliver: p.Deliver, Channel: p.Channel, To: p.To, Account: p.Account,
	})
	a := heartbeat.Answer{Said: out.Run.Heard(out.Run.Answer), Undelivered: out.Undelivered}
	if to := out.Run.Reply; to != nil && to.Conversation != nil && a.Said != "" {
		a.Channel, a.To = to.Channel, to.Conversation.ID
	}
	return a, err
}

func (b beats) Tell(ctx context.Context, text string, now bool, agent, key string) error {
	e := run.SystemEvent{Agent: agent, Text: text, Now: now}
	if key != "" {
		found, err := b.settings().Find(key, agent)
		if err != nil {
			return err
		}
		e.Session = found
	}
	if now {
		e.ID = run.FromWake.ID(rand.Text())
	}
	return b.runs.Tell(ctx, e)
}

// wakes is what status and health say of heartbeats.
func (w *wiring) wakes() system.Wakes {
	if w.beats == nil {
		return system.Wakes{}
	}
	p := w.beats.Plan()
	wakes := system.Wakes{Every: p.Every, Prompt: p.Prompt, Target: w.settings.Config().Heartbeat.Target, AckMaxChars: p.Quiet}
	if last := w.beats.Last(); last != nil {
		wakes.Last, wakes.LastStatus = last.Ts, string(last.Status)
	}
	return wakes
}
