package kernel

import (
	"cmp"
	"context"
	"crypto/rand"
	"sync/atomic"
	"time"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/service/heartbeat"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/service/system"
)

// Views of heartbeats: what they have to say to run, and what others know of them.

// heartbeatSettings is what the owner says of heartbeats. Every health asks for it, so it is kept until the settings change.
type heartbeatSettings struct {
	settings *config.Settings
	zone     *time.Location
	last     atomic.Pointer[heartbeatsOf]
}

// heartbeatsOf is what settings say.
type heartbeatsOf struct {
	config *config.Config
	list   []heartbeat.Settings
}

// read are the settings of the agents that say when they wake, or of the default one. The caller does not change them.
func (s *heartbeatSettings) read() []heartbeat.Settings {
	c := s.settings.Config()
	last := s.last.Load()
	if last == nil || last.config != c {
		last = &heartbeatsOf{c, s.readFrom(c)}
		s.last.Store(last)
	}
	return last.list
}

func (s *heartbeatSettings) readFrom(c *config.Config) (list []heartbeat.Settings) {
	for _, a := range c.Roster() {
		if a.Heartbeat != nil {
			list = append(list, s.of(a.ID, over(*a.Heartbeat, c.Heartbeat)))
		}
	}
	if len(list) == 0 {
		list = []heartbeat.Settings{s.of(c.DefaultAgent(), c.Heartbeat)}
	}
	return list
}

// over is what an agent says, and all say of the rest.
func over(own, all config.Heartbeat) config.Heartbeat {
	own.Every, own.Prompt, own.AckMaxChars, own.Model = cmp.Or(own.Every, all.Every), cmp.Or(own.Prompt, all.Prompt), cmp.Or(own.AckMaxChars, all.AckMaxChars), cmp.Or(own.Model, all.Model)
	if own.Target == "" && own.To == "" {
		own.Target, own.To, own.AccountID = all.Target, all.To, all.AccountID
	}
	own.ActiveHours = cmp.Or(own.ActiveHours, all.ActiveHours)
	return own
}

func (s *heartbeatSettings) of(agent string, h config.Heartbeat) heartbeat.Settings {
	every, _ := h.Interval() // it was checked with the settings
	out := heartbeat.Settings{
		Agent: agent, Every: every, Prompt: h.Prompt, Quiet: h.AckMaxChars, Model: h.Model, Silent: h.Target == "none",
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

// wakes is what status and health say of an agent's heartbeats.
func (w *wiring) wakes(agent string) system.Wakes {
	if w.beats == nil {
		return system.Wakes{}
	}
	p := w.beats.PlanOf(agent)
	wakes := system.Wakes{Every: p.Every, Prompt: p.Prompt, Target: p.Channel, AckMaxChars: p.Quiet}
	if p.Silent {
		wakes.Target = "none"
	}
	if last := w.beats.LastOf(agent); last != nil {
		wakes.Last, wakes.LastStatus = last.Ts, string(last.Status)
	}
	return wakes
}
