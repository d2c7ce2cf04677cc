package channel

import (
	"context"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

type (
	statusParams struct {
		Probe     bool   `json:"probe,omitempty"`
		TimeoutMs int    `json:"timeoutMs,omitempty" rpc:"min=0"`
		Channel   string `json:"channel,omitempty" rpc:"max=128"`
	}
	statusResult struct {
		TS               int64                      `json:"ts"`
		ChannelOrder     []string                   `json:"channelOrder"`
		Labels           map[string]string          `json:"channelLabels"`
		DetailLabels     map[string]string          `json:"channelDetailLabels"`
		SystemImages     map[string]string          `json:"channelSystemImages"`
		Meta             []channelMeta              `json:"channelMeta"`
		Channels         map[string]channelSummary  `json:"channels"`
		ChannelAccounts  map[string][]accountStatus `json:"channelAccounts"`
		DefaultAccountID map[string]string          `json:"channelDefaultAccountId"`
	}
	channelMeta struct {
		ID          string `json:"id"`
		Label       string `json:"label"`
		DetailLabel string `json:"detailLabel"`
	}
	channelSummary struct {
		Configured bool   `json:"configured"`
		Running    bool   `json:"running"`
		Connected  bool   `json:"connected"`
		LastError  string `json:"lastError,omitempty"`
	}
	accountStatus struct {
		AccountID       string       `json:"accountId"`
		Name            string       `json:"name,omitempty"`
		Enabled         bool         `json:"enabled"`
		Configured      bool         `json:"configured"`
		Linked          bool         `json:"linked"`
		Running         bool         `json:"running"`
		Connected       bool         `json:"connected"`
		Reconnects      int          `json:"reconnectAttempts,omitempty"`
		LastConnectedAt int64        `json:"lastConnectedAt,omitempty"`
		LastError       string       `json:"lastError,omitempty"`
		HealthState     string       `json:"healthState"`
		LastStartAt     int64        `json:"lastStartAt,omitempty"`
		LastStopAt      int64        `json:"lastStopAt,omitempty"`
		LastInboundAt   int64        `json:"lastInboundAt,omitempty"`
		LastProbeAt     int64        `json:"lastProbeAt,omitempty"`
		DMPolicy        Policy       `json:"dmPolicy"`
		AllowFrom       []string     `json:"allowFrom,omitempty"`
		Probe           *probeResult `json:"probe,omitempty"`
		// What this gateway adds: what to do, what a login needs to show, who the account is, counts.
		Phase      string      `json:"phase"`
		Message    string      `json:"message,omitempty"`
		Login      string      `json:"login,omitempty"`
		Self       *wit.Person `json:"self,omitempty"`
		Received   int         `json:"received"`
		Duplicates int         `json:"duplicates"`
	}
	probeResult struct {
		OK        bool   `json:"ok"`
		Error     string `json:"error,omitempty"`
		ElapsedMs int64  `json:"elapsedMs"`
	}
)

// status lists every channel and account.
func (s *Service) status(ctx context.Context, in statusParams) (statusResult, error) {
	out := statusResult{TS: time.Now().UnixMilli(), ChannelOrder: []string{}, Labels: map[string]string{},
		DetailLabels: map[string]string{}, SystemImages: map[string]string{}, Meta: []channelMeta{},
		Channels: map[string]channelSummary{}, ChannelAccounts: map[string][]accountStatus{}, DefaultAccountID: map[string]string{}}
	caller := rpc.CallerOf(ctx)
	owner := caller != nil && wire.Allows(caller.Role, caller.Scopes, wire.ScopeAdmin)
	var probes map[ref]*probeResult
	if in.Probe {
		probes = s.probe(ctx, in)
	}
	for _, id := range s.Plugins.Channels() {
		if in.Channel == "" || in.Channel == id {
			out.add(id, s.label(id))
		}
	}
	for _, a := range s.all() {
		if in.Channel != "" && in.Channel != a.channel {
			continue
		}
		out.add(a.channel, s.label(a.channel))
		row := a.row()
		row.Probe = probes[a.ref]
		if !owner {
			row.Login = "" // whoever has it can link a device
		}
		out.ChannelAccounts[a.channel] = append(out.ChannelAccounts[a.channel], row)
		if _, ok := out.DefaultAccountID[a.channel]; !ok {
			out.DefaultAccountID[a.channel] = a.account
		}
		sum := out.Channels[a.channel]
		sum.Configured = true
		sum.Running = sum.Running || row.Running
		sum.Connected = sum.Connected || row.Connected
		if sum.LastError == "" {
			sum.LastError = row.LastError
		}
		out.Channels[a.channel] = sum
	}
	return out, nil
}

func (r *statusResult) add(id, label string) {
	if _, ok := r.Labels[id]; ok {
		return
	}
	r.ChannelOrder = append(r.ChannelOrder, id)
	r.Labels[id], r.DetailLabels[id] = label, label
	r.Meta = append(r.Meta, channelMeta{ID: id, Label: label, DetailLabel: label})
	r.Channels[id], r.ChannelAccounts[id] = channelSummary{}, []accountStatus{}
}

func (s *Service) label(channel string) string {
	if p, ok := s.Plugins.Channel(channel); ok && p.Facts().Label != "" {
		return p.Facts().Label
	}
	return channel
}

func (a *actor) row() accountStatus {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.report
	state := r.status.State
	row := accountStatus{AccountID: a.account, Name: a.settings.Name, Enabled: a.settings.Enabled, Configured: true,
		Linked: state != wit.ConnectionStateNeedsLogin, Running: a.phase == phaseRunning,
		Connected: a.phase == phaseRunning && state == wit.ConnectionStateConnected, Reconnects: a.starts,
		LastConnectedAt: r.LastConnected, LastError: r.LastError, HealthState: health(a.phase, state),
		LastStartAt: r.LastStartAt, LastStopAt: r.LastStopAt, LastInboundAt: r.LastInboundAt, LastProbeAt: r.LastProbeAt,
		DMPolicy: a.settings.DMPolicy, AllowFrom: a.settings.AllowFrom, Phase: string(a.phase), Self: r.status.Self,
		Received: r.Received, Duplicates: r.Duplicates}
	if row.DMPolicy == "" {
		row.DMPolicy = PolicyPairing
	}
	if r.status.Message != nil {
		row.Message = a.Redact(*r.status.Message)
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
	case p == phaseOff || p == phaseDisabled || p == phaseIdle:
		return "stopped"
	}
	return "unhealthy"
}

// probe gives every running account of the channel the command `probe`, all at the same time.
func (s *Service) probe(ctx context.Context, in statusParams) map[ref]*probeResult {
	timeout := commandTimeout
	if in.TimeoutMs > 0 {
		timeout = min(timeout, time.Duration(in.TimeoutMs)*time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	results := map[ref]*probeResult{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, a := range s.all() {
		if in.Channel != "" && in.Channel != a.channel {
			continue
		}
		wg.Go(func() {
			began := time.Now()
			status, err := s.Command(ctx, a.channel, a.account, wit.Command{Name: "probe", Args: wit.JSON("{}")})
			r := &probeResult{OK: err == nil, ElapsedMs: time.Since(began).Milliseconds()}
			if err == nil && status != nil && status.State != wit.ConnectionStateConnected {
				r.OK = false
			}
			if err != nil {
				r.Error = s.Redact(err.Error())
			}
			a.mu.Lock()
			a.report.LastProbeAt = time.Now().UnixMilli()
			a.mu.Unlock()
			mu.Lock()
			results[a.ref] = r
			mu.Unlock()
		})
	}
	wg.Wait()
	return results
}
