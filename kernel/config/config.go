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
	Owners  []string          `json:"owners,omitempty"`
	Agent   Agent             `json:"agent,omitzero"`
	Session Session           `json:"session,omitzero"`
	Plugins map[string]Plugin `json:"plugins,omitempty"`
	// Registries are where packages of plugins are looked for by name.
	Registries map[string]Registry `json:"registries,omitempty"`
	Channels   map[string]Channel  `json:"channels,omitempty"`
	Delivery   Delivery            `json:"delivery,omitzero"`
	TTS        TTS                 `json:"tts,omitzero"`
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
	MaxConnections int `json:"maxConnections,omitempty"`
}

// Agent is who answers.
type Agent struct {
	Name string `json:"name,omitempty"`
	// Model is "provider/model"; empty is the first configured provider's default.
	Model        string `json:"model,omitempty"`
	SystemPrompt string `json:"systemPrompt,omitempty"`
	// Transcriber is the plugin that transcribes voice messages; empty is the first configured one.
	Transcriber string `json:"transcriber,omitempty"`
	// Approve are the effects of tools (writes, spends, sends, executes) that need the owner's word before each call; none when
	// left out.
	Approve []wit.Effect `json:"approve,omitempty"`
	// MaxConcurrent runs over all sessions, of which one asker has three quarters at most; 8 when 0.
	MaxConcurrent int `json:"maxConcurrent,omitempty"`
}

// Session is how conversations map to sessions.
type Session struct {
	// DMScope says which direct chats share a session: "main" (all of them: whoever may write reads what the
	// owner said), "per-peer" (those of the owner's accounts) or "per-channel-peer" (none). When left out, the owner
	// has the main session and everybody else one of their own on each channel.
	DMScope string `json:"dmScope,omitempty"`
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
	RequireMention *bool    `json:"requireMention,omitempty"`
	Config         wit.JSON `json:"config,omitempty"`
}

// Delivery is how outgoing messages are treated.
type Delivery struct {
	// AfterCrash says what becomes of a message whose send was under way: "resend" (the default) or
	// "hold" until the owner decides.
	AfterCrash string `json:"afterCrash,omitempty"`
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
	// Memory is what all plugins, and the caches of the store and of conversations, may hold together, such as "512M" or "2G", and at
	// least 64M. When left out it is a
	// quarter of the machine's, or of what its control group may use, and at least 128M. One plugin may hold half of it.
	Memory string `json:"memory,omitempty"`
}

// leastRuntimeMemory is the smallest budget in which a plugin is worth starting.
const leastRuntimeMemory = 64 << 20

// MemoryBytes reads Memory; 0 when it was left out. Errors: CodeInvalid.
func (r Runtime) MemoryBytes() (int64, error) {
	if r.Memory == "" {
		return 0, nil
	}
	digits := strings.TrimRight(r.Memory, "kKmMgGiB")
	shift, known := map[string]int{"": 0, "k": 10, "m": 20, "g": 30}[strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(r.Memory[len(digits):]), "b"), "i")]
	n, err := strconv.ParseInt(digits, 10, 64)
	switch {
	case err != nil || !known || n < 0 || n > 1<<50>>shift:
		return 0, wit.Errorf(wit.CodeInvalid, "%q is not an amount of memory such as 512M or 2G", r.Memory)
	case n<<shift < leastRuntimeMemory:
		return 0, wit.Errorf(wit.CodeInvalid, "%q is less than 64M, in which plugins cannot run", r.Memory)
	}
	return n << shift, nil
}

// Load reads the file. A missing one is the zero Config, and no text, unless required. Errors are CodeInvalid with
// the place and the field, CodeNotFound, or CodeUnavailable; the file is never written.
func Load(path string, required bool) (c *Config, text []byte, err error) {
	text, err = Read(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !required:
		return &Config{}, nil, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, wit.Errorf(wit.CodeNotFound, "config: %s does not exist", path)
	case err != nil:
		return nil, nil, err
	}
	if c, err = Parse(text); err != nil {
		return nil, nil, wit.Errorf(wit.CodeOf(err), "config: %s: %w", path, err)
	}
	return c, text, nil
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

// Parse reads the text of a config file. An empty one is the zero Config. Errors are CodeInvalid with the place.
func Parse(b []byte) (*Config, error) {
	d, err := ParseDocument(b)
	if err != nil {
		return nil, err
	}
	return d.Config()
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
