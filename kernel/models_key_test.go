package kernel_test

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/anthropic/anthropictest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/kernel/service/system"
	"github.com/carapace-gateway/carapace/wit"
)

// TestAProviderIsSetUpByItsKey, as OpenClaw's page does it: which providers take one, a wrong one is not kept, a right one is tried,
// and goes again.
func TestAProviderIsSetUpByItsKey(t *testing.T) {
	t.Parallel()
	const key = "sk-0123456789abcdef"
	anthropic := anthropictest.New(key)
	server := httptest.NewServer(anthropic)
	t.Cleanup(server.Close)
	k := stock(t, kerneltest.Config(t, fmt.Sprintf(`{"plugins":{"anthropic":{"config":{"baseUrl":%q}}}}`, server.URL)))
	l := k.Listen()
	capable := func(want bool, providers ...string) {
		t.Helper()
		var auth chat.AuthStatusResult
		l.MustCall("models.authStatus", nil, &auth)
		for _, id := range providers {
			i := slices.IndexFunc(auth.ProviderCapabilities, func(c chat.ProviderCapability) bool { return c.Provider == id })
			if i < 0 || auth.ProviderCapabilities[i].APIKeySupported != want || auth.ProviderCapabilities[i].QuickAPIKeySetup != want {
				t.Errorf("%s: %+v", id, auth.ProviderCapabilities)
			}
		}
	}
	capable(true, "anthropic", "openai", "gemini")
	capable(false, "eliza") // needs none
	profiles := func() (ids []string) {
		t.Helper()
		var auth chat.AuthStatusResult
		l.MustCall("models.authStatus", nil, &auth)
		for _, p := range auth.Providers {
			for _, profile := range p.Profiles {
				ids = append(ids, profile.ProfileID)
			}
		}
		return ids
	}
	for _, wrong := range []struct {
		provider, key string
		code          wit.Code
	}{{"anthropic", "sk-9999999999999999", wit.CodeUnavailable}, {"nobody", key, wit.CodeNotFound}, {"eliza", key, wit.CodeInvalid}, {"calc", key, wit.CodeNotFound}, {"anthropic", "", wit.CodeInvalid}} {
		err := l.Call(t.Context(), "models.authSetApiKey", object{"provider": wrong.provider, "apiKey": wrong.key}, nil)
		if wit.CodeOf(err) != wrong.code || wrong.key != "" && strings.Contains(err.Error(), wrong.key) {
			t.Errorf("%+v: %s: %v", wrong, wit.CodeOf(err), err)
		}
	}
	if ids := profiles(); len(ids) != 0 {
		t.Errorf("a key that does not work is kept: %v", ids)
	}
	var set system.ProviderKeySet
	l.MustCall("models.authSetApiKey", object{"provider": "anthropic", "apiKey": key}, &set)
	if ids := profiles(); set.ProfileID != "anthropic:default" || !slices.Equal(ids, []string{set.ProfileID}) {
		t.Errorf("%+v, %v", set, ids)
	}
	l.MustCall("credentials.set", system.SetCredential{ID: "anthropic", Account: "old", Name: "api_key", Value: "sk-9999999999999999"}, nil)

	anthropic.Play(anthropictest.Answer{Blocks: []anthropictest.Block{anthropictest.Text("ready")}})
	var probe chat.ProbeResult
	l.MustCall("models.probe", object{"provider": "anthropic"}, &probe)
	status := map[string]string{}
	for _, r := range probe.Results {
		status[r.ProfileID] = r.Status
	}
	if probe.Status != "ok" || probe.LatencyMs == 0 || status["anthropic:default"] != "ok" || status["anthropic:old"] != "auth" {
		t.Errorf("%+v", probe)
	}
	l.MustCall("models.probe", object{"provider": "anthropic", "profileId": "anthropic:old"}, &probe)
	if probe.Status != "auth" || len(probe.Results) != 1 || probe.Error == "" {
		t.Errorf("%+v", probe)
	}
	for _, wrong := range []object{{"provider": "nobody"}, {"provider": "anthropic", "profileId": "anthropic:none"}} {
		if err := l.Call(t.Context(), "models.probe", wrong, nil); wit.CodeOf(err) != wit.CodeNotFound {
			t.Errorf("%v: %v", wrong, err)
		}
	}

	var gone system.ProviderLoggedOut
	if err := l.Call(t.Context(), "models.authLogout", object{"provider": "anthropic", "profileIds": []string{"anthropic:old", "anthropic:none"}}, nil); wit.CodeOf(err) != wit.CodeNotFound || len(profiles()) != 2 {
		t.Errorf("half of it is done: %v, %v", err, profiles())
	}
	l.MustCall("models.authLogout", object{"provider": "anthropic", "profileIds": []string{"anthropic:old"}}, &gone)
	if !slices.Equal(gone.RemovedProfiles, []string{"anthropic:old"}) {
		t.Errorf("%+v", gone)
	}
	l.MustCall("models.authLogout", object{"provider": "anthropic", "credentialType": "api_key"}, &gone)
	if !slices.Equal(gone.RemovedProfiles, []string{"anthropic:default"}) || len(profiles()) != 0 {
		t.Errorf("%+v, %v", gone, profiles())
	}
	l.MustCall("models.authLogout", object{"provider": "anthropic"}, &gone)
	if len(gone.RemovedProfiles) != 0 {
		t.Errorf("%+v", gone)
	}
}
