package channel

import (
	"context"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service/inbox"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// status lists every channel and account.
func (m *methods) status(ctx context.Context, in StatusParams) (StatusResult, error) {
	s := m.channels
	out := newStatus()
	caller := rpc.CallerOf(ctx)
	owner := caller != nil && wire.Allows(caller.Role, caller.Scopes, wire.ScopeAdmin)
	var probes map[message.Account]*ProbeResult
	if in.Probe {
		probes = m.probe(ctx, in)
	}
	for _, id := range s.plugins.Channels() {
		if in.Channel == "" || in.Channel == id {
			out.channel(id, s.Label(id))
		}
	}
	for _, a := range s.roster.all() {
		if in.Channel != "" && in.Channel != a.id.Channel {
			continue
		}
		out.channel(a.id.Channel, s.Label(a.id.Channel))
		row := a.view.Load().row(s.redact)
		row.Probe = probes[a.id]
		if !owner {
			row.Login = "" // whoever has it can link a device
		}
		out.account(a.id, row)
	}
	return out, nil
}

func newStatus() StatusResult {
	return StatusResult{
		TS: time.Now().UnixMilli(), ChannelOrder: []string{}, Labels: map[string]string{},
		DetailLabels: map[string]string{}, SystemImages: map[string]string{}, Meta: []ChannelMeta{},
		Channels: map[string]ChannelSummary{}, ChannelAccounts: map[string][]AccountStatus{}, DefaultAccountID: map[string]string{},
	}
}

// channel adds a channel, once.
func (r *StatusResult) channel(id, label string) {
	if _, ok := r.Labels[id]; ok {
		return
	}
	r.ChannelOrder = append(r.ChannelOrder, id)
	r.Labels[id], r.DetailLabels[id] = label, label
	r.Meta = append(r.Meta, ChannelMeta{ID: id, Label: label, DetailLabel: label})
	r.Channels[id], r.ChannelAccounts[id] = ChannelSummary{}, []AccountStatus{}
}

// account adds an account of a channel that is there.
func (r *StatusResult) account(id message.Account, row AccountStatus) {
	r.ChannelAccounts[id.Channel] = append(r.ChannelAccounts[id.Channel], row)
	if _, ok := r.DefaultAccountID[id.Channel]; !ok {
		r.DefaultAccountID[id.Channel] = id.ID
	}
	sum := r.Channels[id.Channel]
	sum.Configured = true
	sum.Running = sum.Running || row.Running
	sum.Connected = sum.Connected || row.Connected
	if sum.LastError == "" {
		sum.LastError = row.LastError
	}
	r.Channels[id.Channel] = sum
}

// row is the view as clients see it.
func (v *view) row(redact func(string) string) AccountStatus {
	r, access := v.report, v.settings.Access
	state, running := r.status.State, v.phase == phaseRunning
	row := AccountStatus{
		AccountID: v.id.ID, Enabled: v.settings.Enabled, Configured: true,
		Linked: state != wit.ConnectionStateNeedsLogin, Running: running,
		Connected: running && state == wit.ConnectionStateConnected, Reconnects: v.failures,
		LastConnectedAt: r.lastConnected, LastError: r.lastError, HealthState: health(v.phase, state),
		LastStartAt: r.lastStartAt, LastStopAt: r.lastStopAt, LastInboundAt: r.lastInboundAt, LastProbeAt: r.lastProbeAt,
		DMPolicy: access.DM, AllowFrom: access.AllowFrom, Phase: string(v.phase), Self: r.status.Self,
		Received: r.received, Duplicates: r.duplicates,
	}
	if row.DMPolicy == "" {
		row.DMPolicy = inbox.PolicyPairing
	}
	if r.status.Message != nil {
		row.Message = redact(*r.status.Message)
	}
	if r.status.Login != nil {
		row.Login = *r.status.Login
	}
	return row
}

// health sums a phase and a state up in the word that clients show.
func health(p phase, s wit.ConnectionState) string {
	switch {
	case p == phaseRunning && s == wit.ConnectionStateConnected:
		return "healthy"
	case p == phaseRunning && s == wit.ConnectionStateConnecting:
		return "starting"
	case p == phaseOff || p == phaseDisabled || p == phaseIdle || p == phaseWaiting:
		return "stopped"
	}
	return "unhealthy"
}

// probe gives every account of the channel the command `probe`, all at the same time.
func (m *methods) probe(ctx context.Context, in StatusParams) map[message.Account]*ProbeResult {
	timeout := commandTimeout
	if in.TimeoutMs > 0 {
		timeout = min(timeout, time.Duration(in.TimeoutMs)*time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	results := map[message.Account]*ProbeResult{}
	var mu sync.Mutex // of results
	var wg sync.WaitGroup
	for _, a := range m.channels.roster.all() {
		if in.Channel != "" && in.Channel != a.id.Channel {
			continue
		}
		wg.Go(func() {
			r := m.probeOne(ctx, a)
			mu.Lock()
			defer mu.Unlock()
			results[a.id] = r
		})
	}
	wg.Wait()
	return results
}

func (m *methods) probeOne(ctx context.Context, a *account) *ProbeResult {
	began := time.Now()
	status, err := a.command(ctx, "probe")
	r := &ProbeResult{OK: err == nil, ElapsedMs: time.Since(began).Milliseconds()}
	if err == nil && status != nil && status.State != wit.ConnectionStateConnected {
		r.OK = false
	}
	if err != nil {
		r.Error = m.channels.redact(err.Error())
	}
	_ = a.order(context.WithoutCancel(ctx), probed{}) // it fails when the gateway stops
	return r
}
