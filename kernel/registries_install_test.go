package kernel_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/plugin/install"
	"github.com/carapace-gateway/carapace/kernel/registry"
	"github.com/carapace-gateway/carapace/kernel/registry/registrytest"
	"github.com/carapace-gateway/carapace/kernel/service/catalog"
	"github.com/carapace-gateway/carapace/kernel/service/system"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// newReader is an owner who has these registries.
func newReader(t *testing.T, sites map[string]*site) *owner {
	return newOwner(t, kerneltest.Config(t, registries(sites)))
}

// named is where a package is looked for.
func named(name, versions string) install.Source { return install.Source{Name: name, Range: versions} }

// takes installs what was looked at, by its name.
func (o *owner) takes(name, versions string) plugin.Details {
	o.t.Helper()
	var d plugin.Details
	p := o.preview(named(name, versions))
	o.MustCall("plugins.install", install.Params{Source: named(name, versions), Digest: p.Digest, Older: p.Older}, &d)
	return d
}

// answers wants the tool that has a plugin's id to say which version it is; "" that it cannot be called.
func (o *owner) answers(id, want string) {
	o.t.Helper()
	o.Until(fmt.Sprintf("%s answers %q", id, want), func([]client.Event) bool {
		var result plugin.CallResult
		err := o.Call(o.t.Context(), "plugins.call", plugin.CallParams{ID: id, Tool: id}, &result)
		got := ""
		if err == nil && len(result.Content) == 1 {
			got = *result.Content[0].Text
		}
		return got == want
	})
}

// TestInstalledByName: the newest version that runs here is installed, or the one in the range, and updates come from where the
// plugin came from. Nothing becomes older without being asked for.
func TestInstalledByName(t *testing.T) {
	t.Parallel()
	home := newSite(t)
	for _, version := range []string{"1.0.0", "1.1.0", "1.2.0-rc.1"} {
		home.Add("weather", version, nil)
	}
	home.Add("weather", "9.0.0", func(m map[string]any) { m["host"] = ">=9" })
	o := newReader(t, map[string]*site{"home": home})
	if d := o.takes("weather", "~1.0"); d.Version != "1.0.0" {
		t.Errorf("%+v", d)
	}
	o.answers("weather", "1.0.0")
	if d := o.takes("home/weather", ""); d.Version != "1.1.0" {
		t.Errorf("%+v", d)
	}
	o.answers("weather", "1.1.0")
	o.refused(wit.CodeConflict, "wants a gateway >=9, and this is 1.0.0", "plugins.preview", named("weather", "^9"))
	o.refused(wit.CodeConflict, "1.0.0 would be older: name that very version, weather@1.0.0", "plugins.preview", named("weather", "~1.0"))
	o.refused(wit.CodeNotFound, "no version ^7 of weather; there are 9.0.0, 1.2.0-rc.1", "plugins.preview", named("weather", "^7"))
	o.refused(wit.CodeNotFound, "no registry has a package \"whether\"", "plugins.preview", named("whether", ""))
	o.refused(wit.CodeNotFound, "there is no registry \"work\"", "plugins.preview", named("work/clock", ""))
	o.refused(wit.CodeInvalid, "is not a range", "plugins.preview", named("weather", "newest"))
	if d := o.takes("weather", "1.0.0"); d.Version != "1.0.0" {
		t.Errorf("%+v", d)
	}
	o.answers("weather", "1.0.0")

	o.takes("weather", "")
	home.Add("weather", "1.3.0", nil)
	update := o.preview(install.Source{Update: "weather"})
	var d plugin.Details
	o.MustCall("plugins.update", install.UpdateParams{ID: "weather", Digest: update.Digest}, &d)
	if d.Version != "1.3.0" || update.Origin.Registry != "home" {
		t.Errorf("%+v %+v", d, update)
	}
	o.answers("weather", "1.3.0")
}

// TestWhatCameIsNotThePackage: other bytes than the index pins are refused, whoever's they are, and change nothing.
func TestWhatCameIsNotThePackage(t *testing.T) {
	t.Parallel()
	home, signer, other := newSite(t), registrytest.Key(t), registrytest.Key(t)
	home.Add("weather", "1.0.0", nil, signer)
	v := home.Add("weather", "1.1.0", nil, signer)
	data := registrytest.Archive(t, "weather", "1.1.0", nil, signer)
	o := newReader(t, map[string]*site{"home": home})
	o.takes("weather", "1.0.0")
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		code   wit.Code
		says   string
	}{
		"another":      {sends(registrytest.Archive(t, "weather", "1.1.0", func(m map[string]any) { m["name"] = "Another" }, signer)), wit.CodeForbidden, "nothing of it was used"},
		"other signer": {sends(registrytest.Archive(t, "weather", "1.1.0", nil, other)), wit.CodeForbidden, "nothing of it was used"},
		"unsigned":     {sends(registrytest.Archive(t, "weather", "1.1.0", nil)), wit.CodeForbidden, "nothing of it was used"},
		"half":         {sends(data[:len(data)/2]), wit.CodeForbidden, "nothing of it was used"},
		"more":         {sends(append(data[:len(data):len(data)], 0)), wit.CodeForbidden, "nothing of it was used"},
		"truncated": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(data)))
			_, _ = w.Write(data[:len(data)/2])
		}, wit.CodeUnavailable, "broke off"},
		"broken off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "999999")
			_, _ = w.Write(data[:9])
			panic(http.ErrAbortHandler)
		}, wit.CodeUnavailable, ""},
		"gone": {http.NotFound, wit.CodeNotFound, "has no weather/weather-1.1.0.carapace"},
	} {
		home.says(v.File, c.answer)
		if err := o.Call(t.Context(), "plugins.preview", named("weather", ""), nil); wit.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %s and %q", name, err, c.code, c.says)
		}
		o.refused(c.code, c.says, "plugins.install", install.Params{Source: named("weather", ""), Digest: v.Content})
	}
	o.answers("weather", "1.0.0")
	home.says(v.File, nil)
	o.takes("weather", "")
	o.answers("weather", "1.1.0")
}

// TestTwoRegistries have a package of one name: the owner says which one, and the plugin belongs to that one from then on, also
// where the other one has something newer, or withdraws it.
func TestTwoRegistries(t *testing.T) {
	t.Parallel()
	home, work := newSite(t), newSite(t)
	home.Add("weather", "1.0.0", nil)
	work.Add("weather", "2.0.0", nil)
	work.Add("clock", "1.0.0", nil)
	o := newReader(t, map[string]*site{"home": home, "work": work})
	o.refused(wit.CodeConflict, "home and work both have weather: say which one is meant, such as home/weather", "plugins.preview", named("weather", ""))
	o.takes("clock", "")
	o.takes("home/weather", "")
	o.refused(wit.CodeConflict, "came from the registry home, so no other one may replace it", "plugins.preview", named("work/weather", ""))
	if p := o.preview(named("weather", "")); p.Version != "1.0.0" || !p.Same || p.Origin.Registry != "home" {
		t.Errorf("%+v", p)
	}
	work.Add("weather", "1.0.0", nil)
	work.Remove("weather", "1.0.0", "we want it gone")
	o.MustCall("registries.refresh", nil, nil)
	o.answers("weather", "1.0.0")
	o.MustCall("plugins.uninstall", plugin.IDParams{ID: "weather"}, nil)
	if d := o.takes("work/weather", ""); d.Version != "2.0.0" {
		t.Errorf("%+v", d)
	}
}

// TestWithdrawn: what its registry withdraws stops at the next look at it, also where that is not to be had afterwards, until its
// owner insists, or another version is installed.
func TestWithdrawn(t *testing.T) {
	t.Parallel()
	home := newSite(t)
	home.Add("weather", "1.0.0", nil)
	o := newReader(t, map[string]*site{"home": home})
	o.takes("weather", "")
	o.answers("weather", "1.0.0")
	o.refused(wit.CodeConflict, "is not withdrawn", "plugins.insist", catalog.InsistParams{ID: "weather", Insist: true})
	home.Remove("weather", "1.0.0", "it leaks")
	reads(o.Listener)
	stopped := func() {
		t.Helper()
		o.answers("weather", "")
		var d plugin.Details
		o.MustCall("plugins.info", plugin.IDParams{ID: "weather"}, &d)
		if d.State != plugin.StateFailed || d.Version != "1.0.0" || d.Reason != "withdrawn by the registry home: it leaks" || !strings.Contains(d.Hint, "plugins insist weather") {
			t.Errorf("%+v", d.Status)
		}
		o.notices("weather 1.0.0 was withdrawn (it leaks) and does not run")
		if check := o.checked("plugin weather"); !strings.Contains(check, "withdrawn by the registry home: it leaks") {
			t.Error(check)
		}
	}
	stopped()
	o.refused(wit.CodeConflict, "1.0.0 was withdrawn: it leaks", "plugins.preview", named("weather", ""))
	home.says(registry.IndexFile, http.NotFound)
	o.restart()
	stopped()
	o.MustCall("plugins.insist", catalog.InsistParams{ID: "weather", Insist: true}, nil)
	o.answers("weather", "1.0.0")
	o.restart()
	o.answers("weather", "1.0.0")
	if check := o.checked("registries"); !strings.Contains(check, "weather 1.0.0 was withdrawn (it leaks) and runs because you insist") {
		t.Error(check)
	}
	o.MustCall("plugins.insist", catalog.InsistParams{ID: "weather"}, nil)
	stopped()
	home.says(registry.IndexFile, nil)
	home.Add("weather", "1.0.1", nil)
	reads(o.Listener)
	o.takes("weather", "")
	o.answers("weather", "1.0.1")
}

// checked is what the doctor says of something.
func (o *owner) checked(name string) string {
	o.t.Helper()
	var result struct {
		Checks []struct{ Name, Message string }
	}
	o.MustCall("doctor", nil, &result)
	for _, c := range result.Checks {
		if c.Name == name {
			return c.Message
		}
	}
	return ""
}

// TestBackToWhatRan: where the version before the withdrawn one was not withdrawn, it runs instead.
func TestBackToWhatRan(t *testing.T) {
	t.Parallel()
	home := newSite(t)
	home.Add("weather", "1.0.0", nil)
	o := newReader(t, map[string]*site{"home": home})
	o.takes("weather", "")
	o.answers("weather", "1.0.0")
	home.Add("weather", "1.1.0", nil)
	o.takes("weather", "")
	o.answers("weather", "1.1.0")
	home.Remove("weather", "1.1.0", "it leaks")
	reads(o.Listener)
	o.answers("weather", "1.0.0")
}

// TestBackToWhatWasWithdrawn: an earlier version that the plugin's registry has withdrawn does not run either, which its owner is told at
// once, also where it was installed from a file; until the owner insists.
func TestBackToWhatWasWithdrawn(t *testing.T) {
	t.Parallel()
	home := newSite(t)
	home.Add("weather", "1.0.0", nil)
	home.Add("weather", "1.1.0", nil)
	o := newReader(t, map[string]*site{"home": home})
	file := sent(registrytest.Archive(t, "weather", "1.1.0", nil))
	digest := o.preview(file).Digest
	o.MustCall("plugins.install", install.Params{Source: file, Digest: digest}, nil)
	o.answers("weather", "1.1.0")
	o.takes("weather", "1.0.0")
	o.answers("weather", "1.0.0")
	home.Remove("weather", "1.1.0", "it leaks")
	o.MustCall("registries.refresh", nil, nil)
	var d plugin.Details
	o.MustCall("plugins.rollback", install.RollbackParams{ID: "weather", Digest: digest}, &d)
	if u := d.Update; d.Version != "1.0.0" || u == nil || u.Version != "1.1.0" || u.Reason != "withdrawn by the registry home: it leaks" {
		t.Errorf("%+v", d.Status)
	}
	o.answers("weather", "1.0.0")
	o.MustCall("plugins.insist", catalog.InsistParams{ID: "weather", Insist: true}, nil)
	o.answers("weather", "1.1.0")
	if check := o.checked("registries"); !strings.Contains(check, "weather 1.1.0 was withdrawn (it leaks) and runs because you insist") {
		t.Error(check)
	}
	var taken catalog.InsistResult
	o.MustCall("plugins.insist", catalog.InsistParams{ID: "weather"}, &taken)
	if taken != (catalog.InsistResult{ID: "weather", Version: "1.1.0", Withdrawn: "it leaks", Instead: "1.0.0"}) {
		t.Errorf("%+v", taken)
	}
	o.answers("weather", "1.0.0")
	o.restart()
	o.answers("weather", "1.0.0")
	o.notices("weather 1.1.0 was withdrawn (it leaks) and does not run: 1.0.0 runs in its place")
}

// TestBackToTheLatestThatWasGood: where what the owner has gone back to is withdrawn, the latest earlier version that has run and was
// not withdrawn runs, and never the one that the owner has left.
func TestBackToTheLatestThatWasGood(t *testing.T) {
	t.Parallel()
	home := newSite(t)
	home.Add("weather", "1.0.0", nil)
	o := newReader(t, map[string]*site{"home": home})
	for _, version := range []string{"1.0.0", "1.1.0", "1.2.0", "1.3.0"} {
		home.Add("weather", version, nil) // once more, which changes nothing, or anew
		o.takes("weather", "")
		o.answers("weather", version)
	}
	o.MustCall("plugins.rollback", install.RollbackParams{ID: "weather"}, nil)
	o.answers("weather", "1.2.0")
	home.Remove("weather", "1.2.0", "it leaks")
	reads(o.Listener)
	o.answers("weather", "1.1.0")
	o.restart()
	o.answers("weather", "1.1.0")
	o.notices("weather 1.2.0 was withdrawn (it leaks) and does not run: 1.1.0 runs in its place")
	home.Remove("weather", "1.1.0", "it lies")
	reads(o.Listener)
	o.answers("weather", "1.0.0")
	home.Remove("weather", "1.0.0", "it stutters")
	reads(o.Listener)
	o.answers("weather", "")
	o.notices("weather 1.2.0 was withdrawn (it leaks) and does not run")
	var taken catalog.InsistResult
	if o.MustCall("plugins.insist", catalog.InsistParams{ID: "weather"}, &taken); taken.Instead != "" {
		t.Errorf("%+v", taken)
	}
}

// notices wants the status to say something.
func (o *owner) notices(want string) {
	o.t.Helper()
	var now system.Status
	if o.MustCall("status", nil, &now); !slices.Contains(now.Notices, want) {
		o.t.Errorf("%q, want %q", now.Notices, want)
	}
}

// registryAnswers has a plugin come from a registry that withdraws it.
func registryAnswers(t *testing.T, c *caller) {
	home := newSite(t)
	home.Add("weather", "1.0.0", func(m map[string]any) { m["keywords"] = []string{"rain"} }, registrytest.Key(t))
	c.ok("config.patch", object{"raw": registries(map[string]*site{"home": home})}, nil)
	c.ok("registries.refresh", nil, nil)
	c.ok("plugins.search", object{"query": "rain"}, nil)
	var p install.Preview
	c.ok("plugins.preview", named("weather", "^1"), &p)
	c.ok("plugins.install", install.Params{Source: named("weather", "^1"), Digest: p.Digest}, nil)
	home.Remove("weather", "1.0.0", "it leaks")
	home.Add("weather", "1.1.0", func(m map[string]any) { m["host"] = ">=9" })
	c.ok("registries.refresh", object{"name": "home"}, nil)
	c.ok("plugins.info", object{"id": "weather"}, nil)
	c.ok("plugins.search", nil, nil)
	c.ok("plugins.insist", object{"id": "weather", "insist": true}, nil)
	home.says(registry.IndexFile, http.NotFound)
	c.ok("registries.refresh", nil, nil)
	c.ok("registries.list", nil, nil)
	c.ok("doctor", nil, nil)
	c.ok("status", nil, nil)
	c.ok("registries.login", object{"host": "registry.example.org", "username": "ann", "password": "correct horse"}, nil)
}

// TestInstalledAsPagesDo: clients of protocol 4 name a package by the catalog that they know it from, are shown what nobody
// vouches for first, and name plugins by another field.
func TestInstalledAsPagesDo(t *testing.T) {
	t.Parallel()
	home := newSite(t)
	home.Add("weather", "1.0.0", nil)
	home.Add("weather", "1.1.0", nil)
	o := newReader(t, map[string]*site{"home": home})
	for _, params := range []object{{"source": "official"}, {"source": "official", "packageName": "weather"}, {"pluginId": "weather"},
		{"source": "official", "pluginId": "weather", "name": "weather"}} {
		if err := o.Call(t.Context(), "plugins.install", params, nil); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("%v: %v", params, err)
		}
	}
	for _, params := range []object{{"source": "official", "pluginId": "weather", "version": "1.0.0"}, {"source": "clawhub", "packageName": "weather"}} {
		var result install.InstallResult
		refused := (*wire.Error)(nil)
		if err := o.Call(t.Context(), "plugins.install", params, &result); !errors.As(err, &refused) || refused.Code != wire.Forbidden {
			t.Fatalf("%v: %v %+v", params, err, result)
		}
		var consent struct{ CapabilityConsentCode, PluginID, ReviewToken string }
		if err := json.Unmarshal(encoded(refused.Details), &consent); err != nil || consent.CapabilityConsentCode == "" || consent.PluginID != "weather" {
			t.Fatalf("%+v", refused.Details)
		}
		params["acknowledgeCapabilities"] = object{"reviewToken": consent.ReviewToken}
		o.MustCall("plugins.install", params, &result)
		if p := result.Plugin; !result.OK || p.ID != "weather" || p.State != "enabled" || params["version"] != nil && p.Version != params["version"] {
			t.Errorf("%+v", result)
		}
	}
	o.answers("weather", "1.1.0")
	var removed install.Removed
	o.MustCall("plugins.uninstall", object{"pluginId": "weather"}, &removed)
	if !removed.OK || removed.PluginID != "weather" || len(removed.Removed) == 0 {
		t.Errorf("%+v", removed)
	}
	o.answers("weather", "")
	if err := o.Call(t.Context(), "plugins.uninstall", nil, nil); wit.CodeOf(err) != wit.CodeInvalid {
		t.Error(err)
	}
}

// TestLogins: what an artifact is read with is kept, shown to nobody, and forgotten.
func TestLogins(t *testing.T) {
	t.Parallel()
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		asked = append(asked, user+":"+password)
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	l := kerneltest.Start(t).Listen()
	read := func() {
		t.Helper()
		err := l.Call(t.Context(), "plugins.preview", install.Source{URL: "oci://" + host + "/plugins/weather:1.0.0"}, nil)
		if wit.CodeOf(err) != wit.CodeUnauthorized || !strings.Contains(err.Error(), "carapace registries login "+host) {
			t.Error(err)
		}
	}
	read()
	l.MustCall("registries.login", catalog.LoginParams{Host: host, Username: "ann", Password: "correct horse"}, nil)
	read()
	l.MustCall("plugins.revoke", system.Revoke{ID: "@oci", Account: host}, nil)
	read()
	if !slices.Equal(asked, []string{":", ":", "ann:correct horse", ":"}) {
		t.Errorf("it was asked by %q", asked)
	}
}

// TestOffline: without its registry a package is found in what was read last, if the registry has it still, and never once that
// has expired.
func TestOffline(t *testing.T) {
	t.Parallel()
	home := newSite(t)
	home.Add("weather", "1.0.0", nil)
	o := newReader(t, map[string]*site{"home": home})
	reads(o.Listener)
	home.says(registry.IndexFile, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
	o.restart()
	reads(o.Listener)
	o.takes("weather", "")
	o.answers("weather", "1.0.0")
	home.server.Close()
	o.refused(wit.CodeUnavailable, "", "plugins.preview", named("weather", ""))
	o.answers("weather", "1.0.0")
}
