package host_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/wit"
)

// TestCredentials: a credential is an account's, else the plugin's, and no other plugin's; the guest only hears
// whether there is one.
func TestCredentials(t *testing.T) {
	w := newWorld()
	w.vault["p/acc/tok"], w.vault["p//tok"], w.vault["p//secret"], w.vault["q/lone/tok"] = "of-account", "of-plugin", "hidden", "of-other"
	g, bare := w.guest("p", everything()), w.guest("p", wit.Permissions{})
	tests := []struct {
		guest         *host.Guest
		account, name string
		value         string
		want          wit.Code
	}{
		{g, "acc", "tok", "of-account", ""},
		{g, "lone", "tok", "of-plugin", ""},
		{g, "", "tok", "of-plugin", ""},
		{g, "acc", "secret", "", wit.CodeForbidden}, // entered, but not in the manifest
		{bare, "acc", "tok", "", wit.CodeForbidden},
		{w.guest("r", everything()), "acc", "tok", "", wit.CodeUnauthorized},
	}
	for _, tt := range tests {
		value, err := tt.guest.Credentials.For(t.Context(), tt.account)(tt.name)
		if value != tt.value || wit.CodeOf(err) != tt.want {
			t.Errorf("%s of %q: %q %v", tt.name, tt.account, value, err)
		}
	}
	if out, err := ask(g, host.Call{Export: "channel_send", Account: "lone"}, "credential_has", `{"name":"tok"}`); out != `{"present":true}` || err != nil {
		t.Errorf("an account with the plugin's: %s %v", out, err)
	}
	// Without an account in the query it is the one of the call that runs.
	delete(w.vault, "p//tok")
	for account, want := range map[string]string{"acc": `{"present":true}`, "lone": `{}`, "": `{}`} {
		if out, err := ask(g, host.Call{Export: "channel_send", Account: account}, "credential_has", `{"name":"tok"}`); out != want || err != nil {
			t.Errorf("in a call of %q: %s %v", account, out, err)
		}
	}
}
