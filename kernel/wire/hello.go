package wire

import (
	"encoding/json"
	"slices"
)

// HelloOK answers connect, for both protocols; what only one of them has is left out for the other.
type HelloOK struct {
	HelloHead
	Features Features `json:"features"`
	Snapshot Snapshot `json:"snapshot"`
	HelloEnd
}

// HelloHead begins a HelloOK.
type HelloHead struct {
	Type string `json:"type" rpc:"enum=hello-ok"`
	// Protocol is the number that the connection speaks: 3 or 4.
	Protocol int    `json:"protocol"`
	Server   Server `json:"server"`
}

// HelloEnd ends a HelloOK.
type HelloEnd struct {
	// Auth is required in protocol 4; protocol 3 has it only with a device token.
	Auth   *HelloAuth `json:"auth,omitempty"`
	Policy Policy     `json:"policy"`
	// PluginSurfaceURLs is protocol 4's.
	PluginSurfaceURLs map[string]string `json:"pluginSurfaceUrls,omitzero"`
}

// Server is the gateway. Host and Commit are protocol 3's, BootID is protocol 4's.
type Server struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Host    string `json:"host,omitempty"`
	BootID  string `json:"bootId,omitempty"`
	// ConnID is this connection's.
	ConnID string `json:"connId"`
}

// Features list what this gateway really has and this connection's role may use.
type Features struct {
	Methods []string `json:"methods"`
	Events  []string `json:"events"`
	// Capabilities is protocol 4's: names for what the methods can do.
	Capabilities []string `json:"capabilities,omitempty"`
}

// Snapshot is the state at the moment of connect, redacted to what the scopes allow.
type Snapshot struct {
	Presence []Presence `json:"presence"`
	// Health is the result of the method health, or an empty object without operator.read.
	Health json.RawMessage `json:"health"`
	SnapshotFacts
}

// SnapshotFacts are what is short in a Snapshot.
type SnapshotFacts struct {
	StateVersion StateVersion `json:"stateVersion"`
	// UptimeMs is how long the gateway has run, in milliseconds.
	UptimeMs int64 `json:"uptimeMs"`
	// ConfigPath and StateDir are for admins.
	ConfigPath      string           `json:"configPath,omitempty"`
	StateDir        string           `json:"stateDir,omitempty"`
	SessionDefaults *SessionDefaults `json:"sessionDefaults,omitempty"`
	AuthMode        string           `json:"authMode,omitempty"` // protocol 4
}

// HelloParts are a HelloOK whose long parts are JSON already. They are kept so, since each connection gets them.
type HelloParts struct {
	Head                       HelloHead
	Features, Presence, Health json.RawMessage
	Facts                      SnapshotFacts
	End                        HelloEnd
}

// Append appends the HelloOK.
func (p *HelloParts) Append(dst []byte) ([]byte, error) {
	head, err := json.Marshal(p.Head)
	if err != nil {
		return nil, err
	}
	facts, err := json.Marshal(p.Facts)
	if err != nil {
		return nil, err
	}
	end, err := json.Marshal(p.End)
	if err != nil {
		return nil, err
	}
	dst = slices.Grow(dst, len(head)+len(p.Features)+len(p.Presence)+len(p.Health)+len(facts)+len(end)+64)
	dst = append(dst, head[:len(head)-1]...)
	dst = append(append(dst, `,"features":`...), p.Features...)
	dst = append(append(dst, `,"snapshot":{"presence":`...), p.Presence...)
	dst = append(append(dst, `,"health":`...), p.Health...)
	dst = append(append(dst, ','), facts[1:]...)
	return append(append(dst, ','), end[1:]...), nil
}

// StateVersion counts the changes of the two lists that clients keep copies of.
type StateVersion struct {
	Presence uint64 `json:"presence"`
	Health   uint64 `json:"health"`
}

// SessionDefaults tells clients which session they open first.
type SessionDefaults struct {
	DefaultAgentID string `json:"defaultAgentId"`
	MainKey        string `json:"mainKey"`
	// MainSessionKey is the full key of the main session.
	MainSessionKey string `json:"mainSessionKey"`
	Scope          string `json:"scope,omitempty"`
}

// HelloAuth says what was granted. Times are Unix milliseconds.
type HelloAuth struct {
	Method string `json:"method,omitempty"` // protocol 4
	// DeviceToken lets this device connect again without the gateway's token: keep it with the key.
	DeviceToken string  `json:"deviceToken,omitempty"`
	Role        Role    `json:"role"`
	Scopes      []Scope `json:"scopes"`
	IssuedAtMs  int64   `json:"issuedAtMs,omitempty"`
	// DeviceTokens are those of its other roles, for a device that came by a setup code.
	DeviceTokens []IssuedToken `json:"deviceTokens,omitempty"`
}

// IssuedToken lets a device connect in a role. IssuedAtMs is Unix milliseconds.
type IssuedToken struct {
	DeviceToken string  `json:"deviceToken"`
	Role        Role    `json:"role"`
	Scopes      []Scope `json:"scopes"`
	IssuedAtMs  int64   `json:"issuedAtMs"`
}

// Policy is what the gateway asks of the connection.
type Policy struct {
	// MaxPayload is the largest frame that a client may send, in bytes.
	MaxPayload int64 `json:"maxPayload"`
	// MaxBufferedBytes may wait to be read by the client; above it the connection is closed.
	MaxBufferedBytes int64 `json:"maxBufferedBytes"`
	// TickIntervalMs is the time between two ticks, in milliseconds.
	TickIntervalMs int64        `json:"tickIntervalMs"`
	Attachments    *Attachments `json:"attachments,omitempty"` // protocol 4
}

// What a chat message may carry, in bytes: a file, as much of one as the largest frame has room for beside the rest of it in
// base64, which makes four bytes of three, and a picture.
const (
	MaxAttachment = (25<<20 - 64<<10) / 4 * 3
	MaxPicture    = 6 << 20
)

// Attachments bounds what a chat message carries, in bytes.
type Attachments struct {
	MaxBytes      int64 `json:"maxBytes"`
	MaxImageBytes int64 `json:"maxImageBytes"`
}

// Presence is one row of the list of who is there. Ts is Unix milliseconds.
type Presence struct {
	// Host is the machine's name, or what the client calls itself.
	Host             string `json:"host,omitempty"`
	IP               string `json:"ip,omitempty"`
	Version          string `json:"version,omitempty"`
	Platform         string `json:"platform,omitempty"`
	DeviceFamily     string `json:"deviceFamily,omitempty"`
	ModelIdentifier  string `json:"modelIdentifier,omitempty"`
	TimeZone         string `json:"timeZone,omitempty"`
	Mode             string `json:"mode,omitempty"`
	LastInputSeconds *int   `json:"lastInputSeconds,omitempty"`
	// Reason is self, connect or disconnect.
	Reason string   `json:"reason,omitempty"`
	Tags   []string `json:"tags,omitempty"`
	// Text is the row for people.
	Text       string  `json:"text,omitempty"`
	Ts         int64   `json:"ts"`
	DeviceID   string  `json:"deviceId,omitempty"`
	Roles      []Role  `json:"roles,omitempty"`
	Scopes     []Scope `json:"scopes,omitempty"`
	InstanceID string  `json:"instanceId,omitempty"`
}
