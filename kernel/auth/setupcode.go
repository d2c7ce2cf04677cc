package auth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/qrcode"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Addresses says by which addresses other devices reach the gateway, the best first, and which setting says so. None is a gateway
// that only its own machine reaches.
type Addresses func() (urls []string, setting string)

// maxAddresses are as many as apps take from a setup code.
const maxAddresses = 8

// setupCode is what a setup code says, as OpenClaw's apps and its `openclaw connect` read it: JSON in base64url.
type setupCode struct {
	URL            string   `json:"url"`
	URLs           []string `json:"urls,omitempty"`
	BootstrapToken string   `json:"bootstrapToken"`
	ExpiresAtMs    int64    `json:"expiresAtMs"`
}

func (c setupCode) String() string {
	b, _ := json.Marshal(c) // of texts and a number
	return base64.RawURLEncoding.EncodeToString(b)
}

// SetupCodeParams say what a setup code is for.
type SetupCodeParams struct {
	// PublicURL is where the device reaches the gateway; the configured or the machine's own addresses when left out.
	PublicURL string `json:"publicUrl,omitempty" rpc:"min=1,max=2048"`
	// BootstrapProfile is what the device may do: all when left out, all but administer when limited, and what nodes do when node.
	BootstrapProfile string `json:"bootstrapProfile,omitempty" rpc:"enum=limited|node"`
	// IncludeQR asks for a picture of the code; true when left out.
	IncludeQR *bool `json:"includeQr,omitempty"`
}

// SetupCode is a code that lets one device in.
type SetupCode struct {
	SetupID   string `json:"setupId"`
	SetupCode string `json:"setupCode"`
	// QRDataURL is a PNG.
	QRDataURL   string   `json:"qrDataUrl,omitempty"`
	GatewayURL  string   `json:"gatewayUrl"`
	GatewayURLs []string `json:"gatewayUrls,omitempty"`
	// Auth is how the gateway's owner proves who he is. URLSource is the setting that the address comes from.
	Auth      Mode   `json:"auth" rpc:"enum=token|password"`
	URLSource string `json:"urlSource"`
	Access    Access `json:"access" rpc:"enum=full|limited|node"`
	// AccessDowngraded says that full access was asked for, which is not given to an address without TLS.
	AccessDowngraded bool `json:"accessDowngraded,omitempty"`
	// ExpiresAtMs is when the code ends, in Unix milliseconds.
	ExpiresAtMs int64 `json:"expiresAtMs"`
}

// newSetupCode makes a code. Errors: CodeInvalid for an address that no device may use, and in mode none; CodeUnavailable where
// other devices reach the gateway by none, and when too many codes are unused.
func (m *methods) newSetupCode(ctx context.Context, in SetupCodeParams) (out SetupCode, err error) {
	if m.mode == ModeNone {
		return out, wit.NewError(wit.CodeInvalid, "this gateway has no token and answers local connections only: set one to let other devices in")
	}
	at, err := m.reach(in.PublicURL)
	if err != nil {
		return out, err
	}
	access, lowered := at.access(in.BootstrapProfile)
	var s setup
	var token string
	if err := m.store.Update(ctx, func(tx store.Tx) (err error) {
		s, token, err = issue(tx, access, m.now())
		return err
	}); err != nil {
		return out, err
	}
	out = SetupCode{
		SetupID: s.ID, GatewayURL: at.urls[0], Auth: m.mode, URLSource: at.setting, Access: access, AccessDowngraded: lowered, ExpiresAtMs: s.ExpiresAtMs,
	}
	if len(at.urls) > 1 {
		out.GatewayURLs = at.urls
	}
	out.SetupCode = setupCode{out.GatewayURL, out.GatewayURLs, token, s.ExpiresAtMs}.String()
	if in.IncludeQR == nil || *in.IncludeQR {
		png, err := qrcode.PNG(out.SetupCode)
		if err != nil {
			return SetupCode{}, err
		}
		out.QRDataURL = "data:image/png;base64," + base64.StdEncoding.EncodeToString(png)
	}
	return out, nil
}

// reached is where devices reach the gateway: by WebSocket addresses.
type reached struct {
	urls    []string
	setting string
}

// access is what a code for these addresses gives. Without TLS whoever listens could use the code first, so that it makes no admin.
func (r reached) access(profile string) (a Access, lowered bool) {
	switch {
	case profile != "":
		return Access(profile), false
	case slices.ContainsFunc(r.urls, func(u string) bool { return !private(u) }):
		return AccessLimited, true
	}
	return AccessFull, false
}

// reach is where a device reaches the gateway. Errors: newSetupCode's.
func (m *methods) reach(given string) (reached, error) {
	at := reached{setting: "publicUrl"}
	candidates := []string{given}
	if given == "" {
		candidates, at.setting = m.addresses()
	}
	if len(candidates) == 0 {
		return at, wit.NewError(wit.CodeUnavailable, "only this machine reaches the gateway: start it with --bind lan, or set gateway.publicUrl to the address of a proxy in front of it")
	}
	var refused error
	for _, c := range candidates {
		u, err := dialled(c)
		if err != nil {
			refused = err
		} else if len(at.urls) < maxAddresses {
			at.urls = append(at.urls, u)
		}
	}
	if len(at.urls) == 0 {
		return at, refused
	}
	return at, nil
}

// dialled is the WebSocket address of a web address, written as browsers write it, since apps refuse what is not. Errors:
// CodeInvalid for what is none, and for one without TLS that is not of a private network.
func dialled(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", wit.Errorf(wit.CodeInvalid, "%.200q is not an address such as wss://chat.example.org", address)
	}
	for _, c := range u.Host {
		if c > '~' {
			return "", wit.Errorf(wit.CodeInvalid, "write the host of %.200q as DNS has it (xn--…)", address)
		}
	}
	scheme, port := map[string]string{"http": "ws", "ws": "ws", "https": "wss", "wss": "wss"}[u.Scheme], u.Port()
	if scheme == "" {
		return "", wit.Errorf(wit.CodeInvalid, "%.200q begins with neither wss:// nor ws://", address)
	}
	if port == map[string]string{"ws": "80", "wss": "443"}[scheme] {
		port = ""
	}
	host := strings.ToLower(u.Hostname())
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port != "" {
		host += ":" + port
	}
	at := scheme + "://" + host + strings.TrimSuffix(u.EscapedPath(), "/")
	if scheme == "ws" && !nearby(u.Hostname()) {
		return "", wit.Errorf(wit.CodeInvalid, "%s goes over networks of others without TLS, and who listens there could use the code: use a wss:// address", at)
	}
	return at, nil
}

// private reports whether nobody can listen on the way to an address of dialled's.
func private(at string) bool {
	u, err := url.Parse(at)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "wss" || u.Hostname() == "localhost" || err == nil && ip.IsLoopback()
}

// nearby reports whether a host is this machine or one of its local network. 10.0.2.2 is an emulator's host.
func nearby(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host == "localhost" || strings.HasSuffix(host, ".local")
	}
	return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast()
}
