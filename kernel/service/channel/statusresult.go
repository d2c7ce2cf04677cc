package channel

import (
	"github.com/carapace-gateway/carapace/kernel/service/inbox"
	"github.com/carapace-gateway/carapace/wit"
)

// StatusParams are those of channels.status.
type StatusParams struct {
	// Probe has every account ask its platform how it is; TimeoutMs bounds that, at most 20 seconds.
	Probe     bool `json:"probe,omitempty"`
	TimeoutMs int  `json:"timeoutMs,omitempty" rpc:"min=0"`
	// Channel selects one; all when absent.
	Channel string `json:"channel,omitempty" rpc:"min=1,max=128"`
}

// StatusResult is the result of channels.status. Its maps are by channel; times are in Unix milliseconds.
type StatusResult struct {
	TS              int64                      `json:"ts"`
	ChannelOrder    []string                   `json:"channelOrder"`
	Labels          map[string]string          `json:"channelLabels"`
	DetailLabels    map[string]string          `json:"channelDetailLabels"`
	SystemImages    map[string]string          `json:"channelSystemImages"` // always empty
	Meta            []ChannelMeta              `json:"channelMeta"`
	Channels        map[string]ChannelSummary  `json:"channels"`
	ChannelAccounts map[string][]AccountStatus `json:"channelAccounts"`
	// DefaultAccountID is each channel's first account.
	DefaultAccountID map[string]string `json:"channelDefaultAccountId"`
}

// ChannelMeta is what a channel is called.
type ChannelMeta struct {
	ID          string `json:"id"`
	Label       string `json:"label"`
	DetailLabel string `json:"detailLabel"`
}

// ChannelSummary sums a channel's accounts up: what is true of one of them.
type ChannelSummary struct {
	Configured bool   `json:"configured"`
	Running    bool   `json:"running"`
	Connected  bool   `json:"connected"`
	LastError  string `json:"lastError,omitempty"`
}

// AccountStatus is how an account is.
type AccountStatus struct {
	AccountID  string `json:"accountId"`
	Name       string `json:"name,omitempty"` // always empty
	Enabled    bool   `json:"enabled"`
	Configured bool   `json:"configured"` // always true
	Linked     bool   `json:"linked"`     // it needs no login
	Running    bool   `json:"running"`
	Connected  bool   `json:"connected"`
	// Reconnects counts the starts in a row that failed.
	Reconnects      int    `json:"reconnectAttempts,omitempty"`
	LastConnectedAt int64  `json:"lastConnectedAt,omitempty"`
	LastError       string `json:"lastError,omitempty"`
	// HealthState is healthy, starting, stopped or unhealthy.
	HealthState   string       `json:"healthState"`
	LastStartAt   int64        `json:"lastStartAt,omitempty"`
	LastStopAt    int64        `json:"lastStopAt,omitempty"`
	LastInboundAt int64        `json:"lastInboundAt,omitempty"`
	LastProbeAt   int64        `json:"lastProbeAt,omitempty"`
	DMPolicy      inbox.Policy `json:"dmPolicy"`
	AllowFrom     []string     `json:"allowFrom,omitempty"`
	Probe         *ProbeResult `json:"probe,omitempty"`
	// What this gateway adds: what it does (see Changed), what to do, what a login needs to show (to
	// administrators only), who the account is, and counts since the gateway's start.
	Phase      string      `json:"phase"`
	Message    string      `json:"message,omitempty"`
	Login      string      `json:"login,omitempty"`
	Self       *wit.Person `json:"self,omitempty"`
	Received   int         `json:"received"`
	Duplicates int         `json:"duplicates"`
}

// ProbeResult is what a platform said about an account.
type ProbeResult struct {
	OK        bool   `json:"ok"`
	Error     string `json:"error,omitempty"`
	ElapsedMs int64  `json:"elapsedMs"`
}
