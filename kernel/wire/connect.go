package wire

import (
	"cmp"
	"encoding/json"
	"strings"
)

// Protocol numbers that this gateway speaks.
const (
	Protocol3   = 3
	Protocol4   = 4
	MinProtocol = Protocol3
	MaxProtocol = Protocol4
)

// ConnectParams are the parameters of connect: the union of protocol 3 and 4.
type ConnectParams struct {
	// MinProtocol and MaxProtocol are the numbers that the client speaks; the gateway takes the highest of
	// them that it speaks too.
	MinProtocol int    `json:"minProtocol" rpc:"required,min=1"`
	MaxProtocol int    `json:"maxProtocol" rpc:"required,min=1"`
	Client      Client `json:"client" rpc:"required"`
	// Role is operator when left out, or node.
	Role string `json:"role,omitempty" rpc:"max=64"`
	// Scopes stand in the order sent, which is the order signed.
	Scopes []string `json:"scopes,omitempty" rpc:"max=64"`
	Device *Device  `json:"device,omitempty"`
	Auth   *Auth    `json:"auth,omitempty"`

	// Caps say what the client can show: tool-events asks for the tool stream of agent events.
	Caps []string `json:"caps,omitempty" rpc:"max=256"`
	// Commands and Permissions are a node's.
	Commands    []string        `json:"commands,omitempty" rpc:"max=1024"`
	Permissions map[string]bool `json:"permissions,omitempty" rpc:"max=1024"`
	PathEnv     string          `json:"pathEnv,omitempty" rpc:"max=32768"`
	ComputerUse json.RawMessage `json:"computerUse,omitempty"`
	WorkerRuns  json.RawMessage `json:"workerRuns,omitempty"`
	Locale      string          `json:"locale,omitempty" rpc:"max=64"`
	UserAgent   string          `json:"userAgent,omitempty" rpc:"max=1024"`
}

// Offer is what a node says at connect that it can do. Its capabilities are the connection's.
type Offer struct {
	Commands []string
	// Permissions say what the node's own system lets it do.
	Permissions map[string]bool
	// PathEnv is where its programs are looked for.
	PathEnv string
}

// Device is a device's proof that it holds its key; auth says how it is checked.
type Device struct {
	// ID is the hex SHA-256 of the raw public key.
	ID string `json:"id" rpc:"required,min=1,max=128"`
	// PublicKey is the raw Ed25519 key in base64url, or PEM.
	PublicKey string `json:"publicKey" rpc:"required,min=1,max=512"`
	Signature string `json:"signature" rpc:"required,min=1,max=256"`
	// SignedAt is in Unix milliseconds.
	SignedAt int64 `json:"signedAt" rpc:"required,min=0"`
	// Nonce is the challenge's; protocol 3 may leave it out on loopback.
	Nonce string `json:"nonce,omitempty" rpc:"min=1,max=128"`
}

// Auth is what a client presents. The runtime tokens of protocol 4 are accepted as fields and not used.
type Auth struct {
	Token                     string `json:"token,omitempty" rpc:"max=4096"`
	Password                  string `json:"password,omitempty" rpc:"max=4096"`
	DeviceToken               string `json:"deviceToken,omitempty" rpc:"max=4096"`
	BootstrapToken            string `json:"bootstrapToken,omitempty" rpc:"max=4096"`
	ApprovalRuntimeToken      string `json:"approvalRuntimeToken,omitempty" rpc:"max=4096"`
	AgentRuntimeIdentityToken string `json:"agentRuntimeIdentityToken,omitempty" rpc:"max=4096"`
}

// Signed is the secret that a device signs with the rest: the first of those that are there, as the clients have it; "" of nil.
func (a *Auth) Signed() string {
	if a == nil {
		return ""
	}
	return cmp.Or(a.Token, a.DeviceToken, a.BootstrapToken)
}

// Negotiate returns the highest protocol that both sides speak, or false.
func (p ConnectParams) Negotiate() (int, bool) {
	n := min(p.MaxProtocol, MaxProtocol)
	return n, n >= max(p.MinProtocol, MinProtocol)
}

// KnownClient reports whether an id is one that clients of this protocol family use: a plain one, or
// brand-kind of one of the brands. Ids are checked by pattern because each brand renamed its own.
func KnownClient(id string) bool {
	switch id {
	case "webchat-ui", "webchat", "cli", "gateway-client", "node-host", "test", "fingerprint":
		return true
	}
	brand, kind, ok := strings.Cut(id, "-")
	if !ok {
		return false
	}
	switch brand {
	case "carapace", "clawdbot", "moltbot", "openclaw":
	default:
		return false
	}
	switch kind {
	case "control-ui", "browser-copilot", "tui", "macos", "linux", "windows", "ios", "watchos", "android", "worker", "probe", "cli":
		return true
	}
	return false
}

// ControlUI reports whether the client says it is a control page in a browser.
func (c Client) ControlUI() bool { return strings.HasSuffix(c.ID, "-control-ui") }
