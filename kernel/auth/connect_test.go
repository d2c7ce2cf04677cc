package auth_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// TestOutcomes is the table of what clients without and with devices see, per protocol.
func TestOutcomes(t *testing.T) {
	password := func(d *auth.Deps) { d.Token, d.Password = "", "open sesame" }
	none := func(d *auth.Deps) { d.Mode = auth.ModeNone }
	controlUI := func(a *auth.Attempt) { a.Params.Client.ID = "clawdbot-control-ui" }
	const deviceRequired = "NOT_PAIRED device identity required"
	tests := []struct {
		name    string
		deps    func(*auth.Deps)
		options []option
		v3, v4  string
		code    string // details.code in protocol 4
	}{
		{"token", nil, []option{secret(sharedToken, "")}, "ok", "ok", ""},
		{"token from elsewhere", nil, []option{remote, secret(sharedToken, "")}, "ok", "ok", ""},
		{"wrong token", nil, []option{secret("x", "")}, "INVALID_REQUEST unauthorized: gateway token mismatch (pass the gateway's token)", "INVALID_REQUEST unauthorized: gateway token mismatch (pass the gateway's token)", "AUTH_TOKEN_MISMATCH"},
		{"nothing", nil, nil, deviceRequired, deviceRequired, "DEVICE_IDENTITY_REQUIRED"},
		{"only a device token", nil, []option{func(a *auth.Attempt) { a.Params.Auth = &wire.Auth{DeviceToken: "x"} }}, deviceRequired, deviceRequired, "DEVICE_IDENTITY_REQUIRED"},
		{"node with token", nil, []option{node, secret(sharedToken, "")}, "ok", deviceRequired, "DEVICE_IDENTITY_REQUIRED"},
		{"unknown role", nil, []option{func(a *auth.Attempt) { a.Params.Role = "foo" }}, "INVALID_REQUEST invalid role", "INVALID_REQUEST invalid role", ""},
		{"ambiguous scope", nil, []option{scopes("operator.read,operator.admin"), secret(sharedToken, "")}, "INVALID_REQUEST invalid connect params: at /scopes: must be names of scopes", "INVALID_REQUEST invalid connect params: at /scopes: must be names of scopes", ""},
		{"token in the password's field", nil, []option{secret("", sharedToken)}, "INVALID_REQUEST unauthorized: gateway token missing (pass the gateway's token)", "ok", ""},
		{"password", password, []option{secret("", "open sesame")}, "ok", "ok", ""},
		{"password in the token's field", password, []option{secret("open sesame", "")}, "INVALID_REQUEST unauthorized: gateway password missing (pass the gateway's password)", "ok", ""},
		{"wrong password", password, []option{secret("", "x")}, "INVALID_REQUEST unauthorized: gateway password mismatch (pass the gateway's password)", "INVALID_REQUEST unauthorized: gateway password mismatch (pass the gateway's password)", "AUTH_PASSWORD_MISMATCH"},
		{"control page without device", nil, []option{controlUI, secret(sharedToken, "")}, "INVALID_REQUEST control ui requires HTTPS or localhost (secure context)", "INVALID_REQUEST control ui requires HTTPS or localhost (secure context)", "CONTROL_UI_DEVICE_IDENTITY_REQUIRED"},
		{"open and local", none, nil, "ok", "ok", ""},
		{"open and remote", none, []option{remote, secret("x", "")}, "INVALID_REQUEST unauthorized: this gateway has no token and answers local connections only: set one to connect from elsewhere", "INVALID_REQUEST unauthorized: this gateway has no token and answers local connections only: set one to connect from elsewhere", "UNAUTHORIZED"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, p := range []struct {
				number   int
				protocol option
				want     string
			}{{3, v3, tt.v3}, {4, v4, tt.v4}} {
				var change []func(*auth.Deps)
				if tt.deps != nil {
					change = append(change, tt.deps)
				}
				_, err := newRig(t, change...).connect(append([]option{p.protocol}, tt.options...)...)
				if got := frame(err, p.number); got != p.want {
					t.Errorf("protocol %d: %s\nwant %s", p.number, got, p.want)
				}
				if p.number == 4 && err != nil && tt.code != "" && tt.code != "UNAUTHORIZED" && detail(err, "code") != tt.code {
					t.Errorf("details.code = %v, want %s", detail(err, "code"), tt.code)
				}
			}
		})
	}
}

func TestDefaultScopes(t *testing.T) {
	r := newRig(t)
	if g := r.must(v3, secret(sharedToken, "")); !slices.Equal(g.Caller.Scopes, []wire.Scope{wire.ScopeAdmin}) {
		t.Errorf("protocol 3 without scopes = %v, want admin", g.Caller.Scopes)
	}
	g := r.must(v4, secret(sharedToken, ""))
	if len(g.Caller.Scopes) != 0 || g.Hello.Scopes == nil {
		t.Errorf("protocol 4 without scopes = %#v, want none", g.Hello.Scopes)
	}
	if g.Hello.Method != "token" || g.Hello.DeviceToken != "" {
		t.Errorf("hello.auth = %+v", g.Hello)
	}
	if g := r.must(v3, node, secret(sharedToken, "")); len(g.Caller.Scopes) != 0 || g.Caller.Role != wire.RoleNode {
		t.Errorf("node = %+v", g.Caller)
	}
}

func TestModes(t *testing.T) {
	for _, d := range []auth.Deps{{Mode: "maybe"}, {Mode: auth.ModePassword}} {
		if _, err := auth.New(d); code(err) != "invalid" {
			t.Errorf("mode %q: %v", d.Mode, err)
		}
	}
	for _, tt := range []struct {
		mode     auth.Mode
		password string
		want     auth.Mode
	}{
		{"", "", auth.ModeToken}, {"", "p", auth.ModePassword},
		{auth.ModeToken, "p", auth.ModeToken}, {auth.ModeNone, "p", auth.ModeNone}, {auth.ModePassword, "p", auth.ModePassword},
	} {
		r := newRig(t, func(d *auth.Deps) { d.Mode, d.Password, d.Now = tt.mode, tt.password, nil })
		if got := r.auth.Mode(); got != tt.want {
			t.Errorf("mode %q with password %q is %q, want %q", tt.mode, tt.password, got, tt.want)
		}
		if _, err := r.connect(remote, secret("x", "x")); code(err) != "unauthorized" {
			t.Errorf("mode %q: %v", tt.mode, err)
		}
	}
	// In mode none the word of nobody counts from elsewhere, not even one that would be right in another.
	open := newRig(t, func(d *auth.Deps) { d.Mode, d.Password = auth.ModeNone, "p" })
	for _, o := range []option{secret(sharedToken, ""), secret("", "p")} {
		if _, err := open.connect(v4, remote, o); code(err) != "unauthorized" {
			t.Errorf("mode none from elsewhere: %v", err)
		}
	}
}

// TestScopeNames: what is signed joins scopes with commas and fields with bars, so that nothing else may be in a name.
func TestScopeNames(t *testing.T) {
	r := newRig(t)
	for _, name := range []string{"a", "z", "A", "Z", "0", "9", "a.b-c_d*", strings.Repeat("x", 64)} {
		r.must(secret(sharedToken, ""), scopes(name))
	}
	for _, name := range []string{"", "`", "{", "@", "[", "/", ":", ",", "|", "a b", "a\x00", "é", "a,", strings.Repeat("x", 65)} {
		if _, err := r.connect(secret(sharedToken, ""), scopes("operator.read", name)); code(err) != "invalid" {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestHints are what a client of protocol 4 is told to try next.
func TestHints(t *testing.T) {
	r := newRig(t)
	r.must(secret(sharedToken, ""), scopes("operator.read"), r.sign(key(0), 3))
	tests := []struct {
		name    string
		options []option
		reason  string
		retry   bool
		next    string
	}{
		{"wrong", []option{secret("x", "")}, "token_mismatch", false, "update_auth_credentials"},
		{"missing, of a stranger", []option{secret("", ""), r.sign(key(1), 3)}, "token_missing", false, "update_auth_configuration"},
		{"missing, of a paired device", []option{secret("", ""), r.sign(key(0), 3)}, "token_missing", true, "retry_with_device_token"},
		{"wrong, of a paired device", []option{secret("x", ""), r.sign(key(0), 3)}, "token_mismatch", true, "retry_with_device_token"},
		{"a wrong device token", []option{deviceToken("x", true), r.sign(key(0), 3)}, "token_mismatch", false, "update_auth_credentials"},
	}
	for _, tt := range tests {
		_, err := r.connect(append([]option{v4}, tt.options...)...)
		if detail(err, "authReason") != tt.reason || detail(err, "canRetryWithDeviceToken") != tt.retry || detail(err, "recommendedNextStep") != tt.next {
			t.Errorf("%s: %v", tt.name, rpc.DetailsOf(err))
		}
		_, err = r.connect(append([]option{v3}, tt.options[0])...)
		if detail(err, "authReason") != nil {
			t.Errorf("%s, protocol 3: %v", tt.name, rpc.DetailsOf(err))
		}
	}
}
