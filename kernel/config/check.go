package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/registry"
	"github.com/carapace-gateway/carapace/wit"
)

var (
	ownerID   = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}:[^@*\s][^\s]{0,255}$`)
	accountID = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)
	signerKey = regexp.MustCompile(`^ed25519:[A-Za-z0-9_-]{43}$`)
	hostName  = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$`)
)

// check names the first value that cannot be.
func (c *Config) check() *fieldError {
	for _, section := range []func() *fieldError{
		c.Gateway.check, c.checkPeople, c.checkWords, c.Session.check, c.TTS.check, c.Media.check, c.Runtime.check, c.Heartbeat.check,
		c.Usage.check, c.Agent.check, c.checkAgents, c.checkModels, c.checkRegistries, func() *fieldError { return c.Hooks.check(c.Gateway) },
		c.MCP.check, c.checkAccounts,
	} {
		if wrong := section(); wrong != nil {
			return wrong
		}
	}
	return nil
}

// check reports the first value that cannot be.
func (g Gateway) check() *fieldError {
	if g.Port < -1 || g.Port > 65535 {
		return wrong("gateway.port", "%d is not a port", g.Port)
	}
	if _, err := BindAddress(g.Bind); err != nil {
		return wrong("gateway.bind", "%q must be loopback, lan, all, tailnet, or an IP address of this machine", g.Bind)
	}
	if g.Token != "" && g.Password != "" {
		return wrong("gateway.password", "stands beside gateway.token: give one of them")
	}
	for i, secret := range []string{g.Token, g.Password} {
		if secret == redacted {
			return wrong("gateway."+secretFields()[i], "%s stands for a value that is not shown: write the value itself", redacted)
		}
	}
	for _, origin := range g.AllowedOrigins {
		if u, err := url.Parse(origin); err != nil || u.Host == "" {
			return wrong("gateway.allowedOrigins", "%q is not an origin such as https://chat.example.org", origin)
		}
	}
	if !g.reachable() {
		return wrong("gateway.publicUrl", "%q is not an address such as https://chat.example.org", g.PublicURL)
	}
	for _, host := range g.Hosts {
		if !hostName.MatchString(host) {
			return wrong("gateway.hosts", "%q is not a host name such as chat.example.org", host)
		}
	}
	if _, err := g.Proxies(); err != nil {
		return wrong("gateway.trustedProxies", "%s", err)
	}
	return nil
}

// reachable reports whether the public URL can be one, or is none.
func (g Gateway) reachable() bool {
	u, err := url.Parse(g.PublicURL)
	web := err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.RawQuery == "" && u.Fragment == "" && u.User == nil
	return g.PublicURL == "" || web
}

// checkPeople looks at where and who the owner is, and whom it trusts.
func (c *Config) checkPeople() *fieldError {
	if c.TimeZone != "" {
		if _, err := time.LoadLocation(c.TimeZone); err != nil {
			return wrong("timeZone", "%q is not an IANA time zone such as Europe/Berlin", c.TimeZone)
		}
	}
	for name, key := range c.Signers {
		if !signerKey.MatchString(key) {
			return wrong("signers."+name, "%.80q is no public key such as ed25519: and 43 letters: `carapace plugins keygen` prints one", key)
		}
	}
	for _, owner := range c.Owners {
		if !ownerID.MatchString(owner) {
			return wrong("owners", "%q is not a person such as chat:12345: the channel and the id that the platform gives, not a name, which somebody else may take", owner)
		}
	}
	return nil
}

// checkWords looks at settings that are one of a few words.
func (c *Config) checkWords() *fieldError {
	for _, e := range [][2]string{
		{"session.dmScope", c.Session.DMScope}, {"delivery.afterCrash", c.Delivery.AfterCrash}, {"tts.auto", c.TTS.Auto},
		{"log.level", c.Log.Level}, {"log.format", c.Log.Format},
	} {
		if wrong := oneOf(strings.Split(e[0], "."), e[1]); wrong != nil {
			return wrong
		}
	}
	return nil
}

// check reports the first value that cannot be.
func (t TTS) check() *fieldError {
	for channel, auto := range t.Channels {
		if wrong := oneOf([]string{"tts", "channels", channel}, auto); wrong != nil {
			return wrong
		}
	}
	if s := t.Speed; s != 0 && (s < wit.SpeechOrderSpeedMin || s > wit.SpeechOrderSpeedMax) {
		return wrong("tts.speed", "%d must be from %d to %d", s, wit.SpeechOrderSpeedMin, wit.SpeechOrderSpeedMax)
	}
	return nil
}

// check reports the first value that cannot be.
func (m Media) check() *fieldError {
	if _, _, err := m.Bytes(); err != nil {
		field, text, _ := strings.Cut(err.Error(), ": ")
		return wrong("media."+field, "%s", text)
	}
	if m.KeepDays < 0 || m.KeepDays > 36500 {
		return wrong("media.keepDays", "%d must be from 0 to 36500", m.KeepDays)
	}
	for _, t := range m.Types {
		if first, second, ok := strings.Cut(t, "/"); !ok || first == "" || second == "" {
			return wrong("media.types", "%q is no type such as image/png or image/*", t)
		}
	}
	return nil
}

// check reports the first value that cannot be.
func (r Runtime) check() *fieldError {
	if _, err := r.MemoryBytes(); err != nil {
		return wrong("runtime.memory", "%s", err)
	}
	return nil
}

// check reports the first value that cannot be.
func (a Agent) check() *fieldError {
	for _, e := range a.Approve {
		if !e.Valid() || e == wit.EffectReads {
			return wrong("agent.approve", "%q must be writes, spends, sends or executes", e)
		}
	}
	return nil
}

func (c *Config) checkRegistries() *fieldError {
	for name, r := range c.Registries {
		if !accountID.MatchString(name) {
			return &fieldError{[]string{"registries", name}, "a registry's name is lower-case letters, digits, - and _"}
		}
		if _, err := registry.NewSource(name, r.URL, r.Key); err != nil {
			return &fieldError{[]string{"registries", name}, err.Error()}
		}
	}
	return nil
}

// check reports the first value that cannot be.
func (h Heartbeat) check() *fieldError {
	if _, err := h.Interval(); err != nil {
		return wrong("heartbeat.every", "%s", err)
	}
	if h.AckMaxChars < 0 {
		return wrong("heartbeat.ackMaxChars", "%d must not be below 0", h.AckMaxChars)
	}
	for i, at := range []string{h.ActiveHours.Start, h.ActiveHours.End} {
		if t, err := time.Parse(clock, at); at != "" && (err != nil || t.Format(clock) != at) {
			return wrong("heartbeat.activeHours."+[]string{"start", "end"}[i], "%q is not a time of day such as 08:00", at)
		}
	}
	return nil
}

// check reports the first value that cannot be.
func (u Usage) check() *fieldError {
	for name, p := range u.Prices {
		at := []string{"usage", "prices", name}
		if !strings.Contains(name, "/") {
			return &fieldError{at, "a price is that of provider/model, or of provider/*"}
		}
		if min(p.Input, p.Output, p.CacheRead, p.CacheWrite) < 0 {
			return &fieldError{at, "a price is not below 0"}
		}
	}
	if l := u.Limits; min(l.Day, l.Month, float64(l.DayTokens), float64(l.MonthTokens)) < 0 {
		return wrong("usage.limits", "a limit is not below 0")
	}
	return nil
}

// CheckAccount fails with CodeInvalid for what cannot be the name of an account.
func CheckAccount(id string) error {
	if !accountID.MatchString(id) {
		return wit.Errorf(wit.CodeInvalid, "%.64q is no account's name: lower-case letters, digits, - and _", id)
	}
	return nil
}

func (c *Config) checkAccounts() *fieldError {
	for channel, section := range c.Channels {
		for id, a := range section.Accounts {
			where := []string{"channels", channel, "accounts", id}
			if !accountID.MatchString(id) {
				return &fieldError{where, "an account's name is lower-case letters, digits, - and _"}
			}
			if wrong := a.check(where); wrong != nil {
				return wrong
			}
		}
	}
	return nil
}

// check reports the first value of the account that cannot be.
func (a Account) check(where []string) *fieldError {
	if wrong := oneOf(append(where[:len(where):len(where)], "dmPolicy"), a.DMPolicy); wrong != nil {
		return wrong
	}
	return oneOf(append(where[:len(where):len(where)], "groupPolicy"), a.GroupPolicy)
}

// fieldError says of a field why its value cannot be.
type fieldError struct {
	path []string
	text string
}

func (e *fieldError) Error() string { return strings.Join(e.path, ".") + ": " + e.text }

// wrong is a fieldError; the parts of field are separated by dots.
func wrong(field, format string, args ...any) *fieldError {
	return &fieldError{strings.Split(field, "."), fmt.Sprintf(format, args...)}
}

// choices are the settings that are one of a few words, by their paths, in which * stands for any name.
var choices = map[string]string{
	"session.dmScope":                   "main per-peer per-channel-peer per-account-channel-peer",
	"session.reset.mode":                "daily idle off",
	"session.resetByType.*.mode":        "daily idle off",
	"session.resetByChannel.*.mode":     "daily idle off",
	"hooks.mappings.*.action":           "agent wake",
	"hooks.mappings.*.wakeMode":         "now next-heartbeat",
	"delivery.afterCrash":               "resend hold",
	"tts.auto":                          "off inbound always",
	"tts.channels.*":                    "off inbound always",
	"mcp.servers.*.transport":           "streamable sse",
	"mcp.servers.*.effects.*":           "reads writes spends sends executes",
	"log.level":                         "trace debug info warn error",
	"log.format":                        "text json",
	"agents.defaults.thinkingDefault":   "off minimal low medium high xhigh max adaptive",
	"agents.list.*.thinkingDefault":     "off minimal low medium high xhigh max adaptive",
	"bindings.*.match.peer.kind":        "direct dm group channel",
	"agent.approve.*":                   "writes spends sends executes",
	"channels.*.accounts.*.dmPolicy":    "pairing allowlist open disabled",
	"channels.*.accounts.*.groupPolicy": "allowlist open disabled",
}

// choicesAt are the words that may stand at a path; empty where any text may.
func choicesAt(path []string) string {
	for pattern, words := range choices {
		if matches(strings.Split(pattern, "."), path) {
			return words
		}
	}
	return ""
}

func oneOf(path []string, value string) *fieldError {
	allowed := choicesAt(path)
	if value == "" || slices.Contains(strings.Fields(allowed), value) {
		return nil
	}
	return &fieldError{path, fmt.Sprintf("%q must be one of %s", value, strings.ReplaceAll(allowed, " ", ", "))}
}

// Proxies reads TrustedProxies. Errors: CodeInvalid for what is neither an address nor a network.
func (g Gateway) Proxies() ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, s := range g.TrustedProxies {
		p, err := netip.ParsePrefix(s)
		if a, bad := netip.ParseAddr(s); bad == nil {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil || p.Addr().Is4In6() || p.Addr().Zone() != "" {
			return nil, wit.Errorf(wit.CodeInvalid, "%q is neither an address such as 127.0.0.1 nor a network such as 10.0.0.0/8", s)
		}
		all = append(all, p.Masked())
	}
	return all, nil
}

// BindTailnet is the word for this machine's address in a tailnet.
const BindTailnet = "tailnet"

// BindAddress turns gateway.bind into an address to listen on. It is empty for BindTailnet, which the machine has to be
// asked for.
func BindAddress(bind string) (string, error) {
	switch bind {
	case "", "loopback", "localhost":
		return "127.0.0.1", nil
	case "all", "lan":
		return "0.0.0.0", nil
	case BindTailnet:
		return "", nil
	}
	if net.ParseIP(bind) == nil {
		return "", wit.Errorf(wit.CodeInvalid, "gateway.bind %q must be loopback (this machine only), lan or all (every IPv4 interface), tailnet, or an IP address of this machine", bind)
	}
	return bind, nil
}
