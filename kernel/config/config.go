// Package config holds the gateway's own settings: the file, what the environment and flags
// override, and what the owner has set up through a client.
//
// A plugin's section stays opaque JSON here; the plugin's schema checks it. A value that is a secret
// does not belong in the file at all (the vault keeps it), but gateway.token and gateway.password may
// stand there. Document.Redact leaves out both, and Restore puts them back into what was made of that.
//
// Load reads once. Settings is safe for concurrent use.
package config

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/file"
	"github.com/carapace-gateway/carapace/wit"
)

// Defaults that others name too.
const (
	DefaultPort  = 18789
	DefaultAgent = "main"
)

// maxFile bounds the file that Load reads.
const maxFile = 4 << 20

// Config is the file. Every field may be left out.
type Config struct {
	Gateway Gateway `json:"gateway,omitzero"`
	// Owners are the owner's own accounts on chat platforms, each as channel:id. They may
	// write, they share the main session, and they alone may give commands that change something.
	Owners []string `json:"owners,omitempty"`
	Agent  Agent    `json:"agent,omitzero"`
	Agents Agents   `json:"agents,omitzero"`
	// Bindings say which agent answers in which conversations; the default one does in all others.
	Bindings []Binding         `json:"bindings,omitempty"`
	Session  Session           `json:"session,omitzero"`
	Plugins  map[string]Plugin `json:"plugins,omitempty"`
	// Registries are where packages of plugins are looked for by name.
	Registries map[string]Registry `json:"registries,omitempty"`
	Channels   map[string]Channel  `json:"channels,omitempty"`
	Delivery   Delivery            `json:"delivery,omitzero"`
	Heartbeat  Heartbeat           `json:"heartbeat,omitzero"`
	Usage      Usage               `json:"usage,omitzero"`
	TTS        TTS                 `json:"tts,omitzero"`
	Media      Media               `json:"media,omitzero"`
	Hooks      Hooks               `json:"hooks,omitzero"`
	MCP        MCP                 `json:"mcp,omitzero"`
	Secrets    Secrets             `json:"secrets,omitzero"`
	Log        Log                 `json:"log,omitzero"`
	Runtime    Runtime             `json:"runtime,omitzero"`
	// Signers are whom the owner trusts to sign plugins: a name of the owner's for each public key, such as ed25519:….
	Signers map[string]string `json:"signers,omitempty"`
	// PluginPaths are folders of plugins beside the state directory's.
	PluginPaths []string `json:"pluginPaths,omitempty"`
	// TimeZone is the owner's, an IANA name; empty is the machine's.
	TimeZone string `json:"timeZone,omitempty"`
}

// Gateway is where and for whom the gateway listens.
type Gateway struct {
	// Port is 18789 when 0. -1 asks the system for a free one.
	Port int `json:"port,omitempty"`
	// Bind is "loopback" (the default: this machine only), "lan" or "all" (every IPv4 interface), "tailnet" (this
	// machine's address there), or an IP address of this machine.
	Bind  string `json:"bind,omitempty"`
	Token string `json:"token,omitempty"`
	// Password stands instead of a token. One of 24 characters or more is let in also beside those who guess.
	Password string `json:"password,omitempty"`
	// AllowedOrigins are web origins, beside the gateway's own, whose pages may connect.
	AllowedOrigins []string `json:"allowedOrigins,omitempty"`
	// Hosts are names, such as chat.example.org, by which browsers reach this gateway beside localhost
	// and addresses: behind a reverse proxy, say.
	Hosts []string `json:"hosts,omitempty"`
	// PublicURL is the address by which others on the network reach this gateway, such as https://chat.example.org: what some
	// platforms sign their webhooks' calls over. A path in it is one that the proxy takes off.
	PublicURL string `json:"publicUrl,omitempty"`
	// TrustedProxies are the addresses or networks of reverse proxies in front of the gateway. What they say of their
	// clients is believed. A proxy on this machine makes loopback no longer mean its owner.
	TrustedProxies []string `json:"trustedProxies,omitempty"`
	// SilentPairing lets devices of this machine in without approval when they know the token; true when left out.
	SilentPairing *bool `json:"silentPairing,omitempty"`
	// MaxConnections is 16,384 when 0.
	MaxConnections int   `json:"maxConnections,omitempty"`
	Nodes          Nodes `json:"nodes,omitzero"`
}

// Nodes is what devices that offer commands may be asked to do.
type Nodes struct {
	// AllowCommands are allowed beside those that the node's platform has; DenyCommands are not, whatever else says so.
	AllowCommands []string `json:"allowCommands,omitempty"`
	DenyCommands  []string `json:"denyCommands,omitempty"`
}

// Agent is who answers, and where there are several, what holds for all of which nothing else is said.
type Agent struct {
	// Name is the default agent's.
	Name string `json:"name,omitempty"`
	// Model is provider/model or an alias; empty is the first configured provider's default. agents.defaults.model may stand
	// instead of it, and has fallbacks.
	Model        string `json:"model,omitempty"`
	SystemPrompt string `json:"systemPrompt,omitempty"`
	// Transcriber is the plugin that transcribes voice messages; empty is the first configured one.
	Transcriber string `json:"transcriber,omitempty"`
	// Approve are the effects of tools (writes, spends, sends, executes) that need somebody's word before a call which the
	// allowlist does not have, whatever the policy for approvals says. When left out, the policy alone decides; where it says
	// nothing, what executes needs a word.
	Approve []wit.Effect `json:"approve,omitzero"`
	// MaxConcurrent runs over all sessions, of which one asker has three quarters at most; 8 when 0.
	MaxConcurrent int `json:"maxConcurrent,omitempty"`
}

// Session is how conversations map to sessions.
type Session struct {
	// DMScope says which direct chats share a session: "main" (all of them: whoever may write reads what the
	// owner said), "per-peer" (those of the owner's accounts), "per-channel-peer" (none) or
	// "per-account-channel-peer" (none, and one person has another on each account). When left out, the owner has the main
	// session and everybody else one of their own on each channel.
	DMScope string `json:"dmScope,omitempty"`
	// Reset says when conversations end by themselves, so that the next message begins a new one: never when left out.
	// What was said stays readable.
	Reset Reset `json:"reset,omitzero"`
	// ResetByType is for the conversations of a kind: direct, group or thread. ResetByChannel is for those of a channel,
	// and wins over it.
	ResetByType    map[string]Reset `json:"resetByType,omitempty"`
	ResetByChannel map[string]Reset `json:"resetByChannel,omitempty"`
	// ArchiveAfterDays is how long conversations stay that nobody uses. They are put into the archive then, from which
	// they can be brought back; main and pinned ones stay. 0 keeps all of them.
	ArchiveAfterDays int `json:"archiveAfterDays,omitempty"`
	// ArchiveRequestsAfterDays is the same of requests over HTTP that name no user and no conversation, each of which is one;
	// 1 when 0.
	ArchiveRequestsAfterDays int `json:"archiveRequestsAfterDays,omitempty"`
}

// Reset is when a conversation ends by itself.
type Reset struct {
	// Mode is "daily", "idle", or "off" where a rule that is not so special is not to hold. Daily conversations end after
	// IdleMinutes too, if these are given.
	Mode string `json:"mode,omitempty"`
	// AtHour is the hour of the owner's day at which daily conversations end: 4 when left out.
	AtHour *int `json:"atHour,omitempty"`
	// IdleMinutes is after how long without a message a conversation ends: 60 when 0, in the mode idle.
	IdleMinutes int `json:"idleMinutes,omitempty"`
}

// Plugin is what the owner says of one plugin.
type Plugin struct {
	// Enabled is true when left out.
	Enabled *bool    `json:"enabled,omitempty"`
	Config  wit.JSON `json:"config,omitempty"`
}

// Registry is a place with a signed index of packages.
type Registry struct {
	// URL is the index's folder: https, http on this machine, or an absolute path.
	URL string `json:"url"`
	// Key is the public key that the index has to be signed by, as `carapace plugins keygen` prints it.
	Key string `json:"key"`
}

// Channel is what the owner says of one channel plugin's accounts.
type Channel struct {
	// Model is who answers what comes through the channel, whatever its agent says.
	Model    ModelChain         `json:"model,omitzero"`
	Accounts map[string]Account `json:"accounts,omitempty"`
}

// Account is one identity on a chat platform, and who may talk to it.
type Account struct {
	// Enabled is true when left out.
	Enabled *bool `json:"enabled,omitempty"`
	// DMPolicy is "pairing" (the default), "allowlist", "open" or "disabled".
	DMPolicy  string   `json:"dmPolicy,omitempty"`
	AllowFrom []string `json:"allowFrom,omitempty"`
	// GroupPolicy is "allowlist" (the default), "open" or "disabled".
	GroupPolicy string   `json:"groupPolicy,omitempty"`
	Groups      []string `json:"groups,omitempty"`
	// RequireMention in groups is true when left out.
	RequireMention *bool `json:"requireMention,omitempty"`
	// Model is who answers what comes through the account, whatever its channel and its agent say.
	Model ModelChain `json:"model,omitzero"`
	// Streaming shows a long answer while it is written, on a platform that can. True when left out.
	Streaming *bool    `json:"streaming,omitempty"`
	Config    wit.JSON `json:"config,omitempty"`
}

// Delivery is how outgoing messages are treated.
type Delivery struct {
	// AfterCrash says what becomes of a message whose send was under way: "resend" (the default) or
	// "hold" until the owner decides.
	AfterCrash string `json:"afterCrash,omitempty"`
}

// Heartbeat is when the agent wakes by itself, to say what the owner should hear. It is silent when there is nothing.
type Heartbeat struct {
	// Every is how often, such as 30m or 2h, and at least 1m. When left out, or 0, the agent does not wake.
	Every string `json:"every,omitempty"`
	// Prompt is what it is asked. An answer of HEARTBEAT_OK is not delivered.
	Prompt string `json:"prompt,omitempty"`
	// AckMaxChars is how many characters an answer of HEARTBEAT_OK may have beside and is still not delivered; 300 when 0.
	AckMaxChars int `json:"ackMaxChars,omitempty"`
	// Model is provider/model or an alias; empty is the session's.
	Model string `json:"model,omitempty"`
	// Target is who hears: "last" (the default: where the main session was last spoken to), "none", or a channel.
	Target string `json:"target,omitempty"`
	// To is a conversation of the channel, and AccountID one of its accounts.
	To        string `json:"to,omitempty"`
	AccountID string `json:"accountId,omitempty"`
	// ActiveHours are when the agent may wake, in the owner's time zone; always when left out.
	ActiveHours Hours `json:"activeHours,omitzero"`
}

// Hours are a part of the day.
type Hours struct {
	// Start and End are such as 08:00 and 22:30. An end before the start is on the next day.
	Start string `json:"start,omitempty"`
	End   string `json:"end,omitempty"`
}

// leastHeartbeat keeps an agent from talking to itself.
const leastHeartbeat = time.Minute

// Interval reads Every; 0 when the agent does not wake. Errors: CodeInvalid.
func (h Heartbeat) Interval() (time.Duration, error) {
	if h.Every == "" || h.Every == "0" {
		return 0, nil
	}
	d, err := time.ParseDuration(h.Every)
	if err != nil || d < 0 || d > 0 && d < leastHeartbeat || d > 366*24*time.Hour {
		return 0, wit.Errorf(wit.CodeInvalid, "%.40q is not an interval such as 30m or 2h, of at least 1m", h.Every)
	}
	return d, nil
}

// clock is how the minutes of a day are written.
const clock = "15:04"

// Has reports whether a time is in these hours.
func (h Hours) Has(t time.Time) bool {
	now := t.Format(clock)
	switch {
	case h.Start == "" && h.End == "":
		return true
	case h.End == "" || h.Start < h.End:
		return now >= h.Start && (h.End == "" || now < h.End)
	}
	return now >= h.Start || now < h.End
}

// Usage is what models cost, and what may be spent.
type Usage struct {
	// Prices are by provider/model, or by provider/* for all other models of a provider. Where there is none, it is the one that
	// the provider's plugin comes with, if it knows one.
	Prices map[string]Price `json:"prices,omitempty"`
	Limits UsageLimits      `json:"limits,omitzero"`
}

// Price is what a million tokens cost, in US dollars. Of a model that makes vectors, input is all that there is.
type Price struct {
	Input      float64 `json:"input,omitempty"`
	Output     float64 `json:"output,omitempty"`
	CacheRead  float64 `json:"cacheRead,omitempty"`
	CacheWrite float64 `json:"cacheWrite,omitempty"`
}

// UsageLimits are what may be spent; there is no limit where one is left out, or 0. A run that would go over one is refused.
type UsageLimits struct {
	// Day and Month are in US dollars, and count only what has a price.
	Day   float64 `json:"day,omitempty"`
	Month float64 `json:"month,omitempty"`
	// DayTokens and MonthTokens count all tokens.
	DayTokens   int `json:"dayTokens,omitempty"`
	MonthTokens int `json:"monthTokens,omitempty"`
}

// Which answers are spoken.
const (
	SpeakOff     = "off"
	SpeakInbound = "inbound" // those to voice messages
	SpeakAlways  = "always"
)

// TTS is how answers in channels are said aloud.
type TTS struct {
	// Auto is "off" (the default), "inbound" (an answer to a voice message is one too) or "always". The text goes along.
	Auto string `json:"auto,omitempty"`
	// Channels say otherwise for some channels.
	Channels map[string]string `json:"channels,omitempty"`
	// Provider is the plugin that speaks; empty is the first that is set up.
	Provider string `json:"provider,omitempty"`
	// Voice is one of its voices; empty is its own choice.
	Voice string `json:"voice,omitempty"`
	// Speed is 100 when 0, 200 is twice as fast.
	Speed int `json:"speed,omitempty"`
}

// For returns which answers are spoken in a channel.
func (t TTS) For(channel string) string { return cmp.Or(t.Channels[channel], t.Auto, SpeakOff) }

// Enabled reports whether answers are spoken anywhere.
func (t TTS) Enabled() bool {
	for _, auto := range t.Channels {
		if auto != "" && auto != SpeakOff {
			return true
		}
	}
	return t.For("") != SpeakOff
}

// Secrets is where the key that encrypts credentials comes from.
type Secrets struct {
	// Keyring asks the operating system's keyring first; true when left out.
	Keyring *bool `json:"keyring,omitempty"`
}

// Log is what is logged and how.
type Log struct {
	// Level is trace, debug, info (the default), warn or error.
	Level string `json:"level,omitempty"`
	// Format is text (the default) or json.
	Format string `json:"format,omitempty"`
}

// Runtime is what runs the plugins' code.
type Runtime struct {
	// Memory is what all plugins, the caches of the store and of conversations, and messages to and from clients that wait, may hold
	// together, such as "512M" or "2G", and at least 64M. When left out it is a quarter of the machine's, or of what its control
	// group may use, and at least 128M. One plugin may hold half of it.
	Memory string `json:"memory,omitempty"`
}

// leastRuntimeMemory is the smallest budget in which a plugin is worth starting.
const leastRuntimeMemory = 64 << 20

// MemoryBytes reads Memory; 0 when it was left out. Errors: CodeInvalid.
func (r Runtime) MemoryBytes() (int64, error) {
	if r.Memory == "" {
		return 0, nil
	}
	n, ok := amount(r.Memory)
	switch {
	case !ok:
		return 0, wit.Errorf(wit.CodeInvalid, "%q is not an amount of memory such as 512M or 2G", r.Memory)
	case n < leastRuntimeMemory:
		return 0, wit.Errorf(wit.CodeInvalid, "%q is less than 64M, in which plugins cannot run", r.Memory)
	}
	return n, nil
}

// amount reads a number of bytes such as 512M or 2G.
func amount(text string) (int64, bool) {
	digits := strings.TrimRight(text, "kKmMgGiB")
	shift, known := map[string]int{"": 0, "k": 10, "m": 20, "g": 30}[strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(text[len(digits):]), "b"), "i")]
	n, err := strconv.ParseInt(digits, 10, 64)
	return n << shift, err == nil && known && n >= 0 && n <= 1<<50>>shift
}

// Media is how many files are kept, and for how long.
type Media struct {
	// MaxFile is how large one file may be, such as "64M", which it is when left out, and at most 1G.
	MaxFile string `json:"maxFile,omitempty"`
	// MaxTotal is how much all files may take, such as "2G", which it is when left out. Those that were not used for the
	// longest time make room for new ones.
	MaxTotal string `json:"maxTotal,omitempty"`
	// Types are those that may be uploaded and fetched from the web, such as image/png or image/*; all when left out.
	Types []string `json:"types,omitempty"`
	// KeepDays is for how many days a file is kept that nobody uses; 7 when 0.
	KeepDays int `json:"keepDays,omitempty"`
}

// mostFile is the largest file that may be allowed.
const mostFile = 1 << 30

// Bytes reads MaxFile and MaxTotal; 0 for what was left out. Errors: CodeInvalid.
func (m Media) Bytes() (file, total int64, err error) {
	for _, f := range []struct {
		name, text string
		into       *int64
	}{{"maxFile", m.MaxFile, &file}, {"maxTotal", m.MaxTotal, &total}} {
		if f.text == "" {
			continue
		}
		ok := false
		if *f.into, ok = amount(f.text); !ok || *f.into == 0 {
			return 0, 0, wit.Errorf(wit.CodeInvalid, "%s: %q is not an amount such as 64M or 2G", f.name, f.text)
		}
	}
	if file > mostFile {
		return 0, 0, wit.Errorf(wit.CodeInvalid, "maxFile: %q is more than 1G", m.MaxFile)
	}
	return file, total, nil
}

// Load reads the file as far as it can be used: see Document.Usable. A missing one is the zero Config, and no text, unless
// required. Errors are CodeInvalid with the place and the field, CodeNotFound, or CodeUnavailable; the file is never written.
func Load(path string, required bool) (c *Config, text []byte, faults []*Fault, err error) {
	text, err = Read(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !required:
		return &Config{}, nil, nil, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, nil, wit.Errorf(wit.CodeNotFound, "config: %s does not exist", path)
	case err != nil:
		return nil, nil, nil, err
	}
	d, err := parse(text, fileOrigin(path))
	if err == nil {
		c, faults, err = d.Usable()
	}
	if err != nil {
		return nil, nil, nil, wit.Errorf(wit.CodeOf(err), "config: %s: %w", path, err)
	}
	return c, text, faults, nil
}

// Read returns the file's text. Errors: CodeInvalid for what is no file of a bounded size, CodeUnavailable, and
// fs.ErrNotExist.
func Read(path string) ([]byte, error) {
	b, err := file.Read(path, maxFile)
	switch code := wit.CodeOf(err); {
	case err == nil || errors.Is(err, fs.ErrNotExist):
		return b, err
	case code == wit.CodeInvalid || code == wit.CodeTooLarge:
		return nil, wit.Errorf(wit.CodeInvalid, "config: %s is not a file of at most %d MB", path, maxFile>>20)
	}
	return nil, wit.Errorf(wit.CodeUnavailable, "config: %w", err)
}

// Parse reads the text of a config file that includes no other and takes nothing from the environment. An empty one is the zero Config. Errors are CodeInvalid with the place.
func Parse(b []byte) (*Config, error) {
	d, err := ParseDocument(b)
	if err != nil {
		return nil, err
	}
	return d.Config()
}

// parse reads a text that comes from somewhere.
func parse(b []byte, from origin) (*Document, error) {
	d, err := ParseDocument(b)
	if err == nil {
		d.from = from
	}
	return d, err
}

// DefaultStateDir is where the gateway keeps its state unless told otherwise: carapace in the user's configuration
// directory, which without the variable HOME is the one that the system knows; "" where nobody knows one.
func DefaultStateDir() string {
	if dir, err := os.UserConfigDir(); err == nil {
		return filepath.Join(dir, "carapace")
	}
	if who, err := user.Current(); err == nil && filepath.IsAbs(who.HomeDir) {
		return filepath.Join(who.HomeDir, ".config", "carapace")
	}
	return ""
}
