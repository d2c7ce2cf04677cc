package kernel_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/plugin/archive"
	"github.com/carapace-gateway/carapace/kernel/plugin/install"
	"github.com/carapace-gateway/carapace/kernel/registry"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// release is a version of a plugin with a tool, parrot, that says one thing: by a file in a folder, and a package of npm.
type release struct {
	id, version, says string
	asks              string // permissions
	code              string // instead of what says it
	host              string
	more              string // fields of the manifest
}

func (r release) files() map[string][]byte {
	if r.id == "" {
		r.id = "parrot"
	}
	if r.asks == "" {
		r.asks = "{}"
	}
	if r.host == "" {
		r.host = ">=0.0.0"
	}
	files := map[string][]byte{
		"plugin.json": fmt.Appendf(nil, `{"id":%q,"name":"Parrot","version":%q,"description":"Says one thing.","abi":1,"host":%q,"entry":"plugin.ts",%s
			"provides":{"tools":[{"name":"parrot","description":"Says it.","parameters":{"type":"object"}}]},"permissions":%s}`, r.id, r.version, r.host, r.more, r.asks),
		"plugin.ts": []byte(r.code),
	}
	if r.code == "" {
		maps.Copy(files, map[string][]byte{
			"plugin.ts":                     []byte("import { text } from \"carapace\";\nimport { said } from \"./lib/said\";\nexport const toolInvoke = () => text(said);\n"),
			"lib/said.ts":                   fmt.Appendf(nil, "import say from \"say\";\nexport const said: string = say(%q);\n", r.says),
			"package.json":                  []byte(`{"dependencies":{"say":"1"}}`),
			"node_modules/say/package.json": []byte(`{"main":"dist/say.js"}`),
			"node_modules/say/dist/say.js":  []byte("module.exports = (words) => words;\n"),
		})
	}
	return files
}

func (r release) pack(t *testing.T, keys ...ed25519.PrivateKey) []byte {
	t.Helper()
	data, err := archive.Pack(r.files())
	for _, key := range keys {
		var p *archive.Package
		if p, err = archive.Read(data); err == nil {
			data, err = archive.Sign(p, key)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func signer(t *testing.T) (ed25519.PrivateKey, archive.Signer) {
	t.Helper()
	file, public, err := archive.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	key, err := archive.ParseKey(file)
	if err != nil {
		t.Fatal(err)
	}
	return key, public
}

func sent(data []byte) install.Source {
	return install.Source{Archive: base64.StdEncoding.EncodeToString(data)}
}

// owner is somebody with a gateway, whose state outlives it.
type owner struct {
	*kerneltest.Listener
	t       *testing.T
	disk    *storetest.Faulty
	keyring kerneltest.Keyring
	options []kerneltest.Option
	k       *kerneltest.Kernel
}

func newOwner(t *testing.T, options ...kerneltest.Option) *owner {
	o := &owner{t: t, disk: storetest.NewFaulty(store.OpenMemory()), keyring: kerneltest.Keyring{},
		options: append(options, kerneltest.Compiled(t), kerneltest.JavaScript())}
	o.restart()
	return o
}

func (o *owner) restart(more ...kerneltest.Option) {
	o.t.Helper()
	if o.k != nil {
		o.k.Stop()
	}
	o.k = kerneltest.Start(o.t, slices.Concat(o.options, more, []kerneltest.Option{kerneltest.Store(o.disk, o.keyring)})...)
	o.Listener = o.k.Listen()
}

func (o *owner) preview(s install.Source) install.Preview {
	o.t.Helper()
	var p install.Preview
	o.MustCall("plugins.preview", s, &p)
	return p
}

// install installs what was looked at.
func (o *owner) install(data []byte) plugin.Details {
	o.t.Helper()
	var d plugin.Details
	o.MustCall("plugins.install", install.Params{Source: sent(data), Digest: o.preview(sent(data)).Digest}, &d)
	return d
}

// refused wants a call to fail with a code, in words that have a text in them.
func (o *owner) refused(code wit.Code, says, method string, params any) {
	o.t.Helper()
	if err := o.Call(o.t.Context(), method, params, nil); wit.CodeOf(err) != code || !strings.Contains(err.Error(), says) {
		o.t.Errorf("%s: %v, want %s and %q", method, err, code, says)
	}
}

// says wants the parrot to say something; "" that it cannot be called.
func (o *owner) says(want string) {
	o.t.Helper()
	if got := o.hears(); got != want {
		o.t.Errorf("it says %q, want %q", got, want)
	}
}

func (o *owner) hears() string {
	var out wit.ToolOutput
	err := o.Call(o.t.Context(), "plugins.call", plugin.CallParams{ID: "parrot", Tool: "parrot"}, &out)
	if err != nil || len(out.Content) == 0 {
		return ""
	}
	return *out.Content[0].Text
}

func (o *owner) info() plugin.Details {
	o.t.Helper()
	var d plugin.Details
	o.MustCall("plugins.info", plugin.IDParams{ID: "parrot"}, &d)
	return d
}

const asksForMore = `{"kv":{"reason":"to remember what was said"}}`

// TestAPluginIsInstalled looks at one, installs it, updates it, goes back, and removes it; each also holds after a restart.
func TestAPluginIsInstalled(t *testing.T) {
	t.Parallel()
	o := newOwner(t)
	one := release{version: "1.0.0", says: "one", asks: asksForMore}.pack(t)
	p := o.preview(sent(one))
	if p.ID != "parrot" || p.Version != "1.0.0" || len(p.Permissions) != 1 || p.Permissions[0].Reason != "to remember what was said" || p.Permissions[0].Granted ||
		!slices.Equal(p.Reach, []string{"keep data of its own"}) || p.Trusted || len(p.Warnings) != 1 || p.Installed != "" {
		t.Errorf("%+v", p)
	}
	if d := o.install(one); d.State != plugin.StateReady || d.Digest != p.Digest || d.Origin != plugin.OriginInstalled || !d.Permissions[0].Granted || d.GrantedBy != "owner" {
		t.Errorf("%+v", d)
	}
	o.says("one")
	o.restart()
	o.says("one")
	if d := o.install(release{version: "1.1.0", says: "two", asks: asksForMore}.pack(t)); d.State != plugin.StateReady || len(d.Versions) != 2 || !d.Versions[0].Wanted {
		t.Errorf("%+v", d)
	}
	o.says("two")
	o.restart()
	o.says("two")
	o.MustCall("plugins.rollback", install.RollbackParams{ID: "parrot"}, nil)
	o.until("one")
	o.restart()
	o.says("one")
	o.MustCall("plugins.uninstall", plugin.IDParams{ID: "parrot"}, nil)
	o.restart()
	o.says("")
	o.refused(wit.CodeNotFound, "there is no plugin parrot", "plugins.uninstall", plugin.IDParams{ID: "parrot"})
}

// installAnswers has a plugin come and go, and what is granted to it.
func installAnswers(t *testing.T, c *caller) {
	var data []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(data) }))
	t.Cleanup(server.Close)
	from, of := install.Source{URL: server.URL}, object{"id": "parrot"}
	var p install.Preview
	data = release{version: "1.0.0", says: "one", asks: asksForMore}.pack(t)
	c.ok("plugins.preview", from, &p)
	c.ok("plugins.install", install.Params{Source: from, Digest: p.Digest}, nil)
	data = release{version: "1.1.0", says: "two"}.pack(t)
	c.ok("plugins.preview", install.Source{Update: "parrot"}, &p)
	c.ok("plugins.update", object{"id": "parrot", "digest": p.Digest}, nil)
	c.ok("plugins.info", of, nil)
	c.ok("plugins.rollback", of, nil)
	c.ok("plugins.revokeGrant", of, nil)
	var d plugin.Details
	c.ok("plugins.info", of, &d)
	c.ok("plugins.grant", object{"id": "parrot", "digest": d.Waiting.Digest}, nil)
	c.ok("plugins.uninstall", of, nil)
}

// TestWhatIsNew shows what a stranger wants to know, and of the changes those that the owner does not have.
func TestWhatIsNew(t *testing.T) {
	t.Parallel()
	o := newOwner(t)
	more := func(changes string) string {
		return `"maturity":"experimental","support":"https://example.org/ask","keywords":["birds"],"changes":[` + changes + `],`
	}
	const first, second, third, later = `{"version":"1.0.0","text":"a"}`, `{"version":"1.1.0","text":"b"}`, `{"version":"1.2.0","text":"c"}`, `{"version":"1.3.0","text":"d"}`
	one := release{version: "1.0.0", says: "one", more: more(first)}.pack(t)
	p := o.preview(sent(one))
	if p.Maturity != wit.MaturityExperimental || p.Support != "https://example.org/ask" || len(p.Changes) != 1 || len(p.Warnings) != 2 {
		t.Errorf("%+v", p)
	}
	if d := o.install(one); d.Maturity != wit.MaturityExperimental || d.Support == "" || len(d.Keywords) != 1 || len(d.Changes) != 1 {
		t.Errorf("%+v", d)
	}
	all := strings.Join([]string{later, third, second, first}, ",")
	if p := o.preview(sent(release{version: "1.2.0", more: more(all)}.pack(t))); len(p.Changes) != 2 || p.Changes[0].Text != "c" || p.Changes[1].Text != "b" {
		t.Errorf("%+v", p.Changes)
	}
}

// TestPutThereByHand: that nobody was asked is logged once, with who it may have been, and stands in the status; and an archive
// does not come beside it.
func TestPutThereByHand(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	folder := filepath.Join(state, "plugins", "parrot")
	files := map[string]string{}
	for name, text := range (release{version: "1.0.0", says: "by hand", asks: asksForMore}).files() {
		files[name] = string(text)
	}
	write(t, folder, files)
	write(t, filepath.Join(state, "plugins", "broken"), map[string]string{"plugin.json": `{"id":"broken"}`})
	o := &owner{t: t}
	said := 0
	for range 2 {
		k := kerneltest.Start(t, kerneltest.StateDir(state), kerneltest.Compiled(t), kerneltest.JavaScript())
		o.Listener = k.Listen()
		o.says("by hand")
		var status struct{ ByHand, ByHandFailed []string }
		o.MustCall("status", nil, &status)
		if !slices.Equal(status.ByHand, []string{"parrot"}) || !slices.Equal(status.ByHandFailed, []string{"broken"}) {
			t.Errorf("%v", status)
		}
		o.refused(wit.CodeConflict, folder, "plugins.install", install.Params{Source: sent(release{version: "2.0.0"}.pack(t)), Digest: o.preview(sent(release{version: "2.0.0"}.pack(t))).Digest})
		for _, line := range k.Logged() {
			if strings.Contains(line, "by the owner of "+filepath.Dir(folder)+", who could put it there") {
				said++
			}
		}
		k.Stop()
	}
	if said != 1 {
		t.Errorf("it is said %d times", said)
	}
}

// until waits until the parrot says something.
func (o *owner) until(want string) {
	o.t.Helper()
	for seen := -1; o.hears() != want; {
		o.Until(want, func(events []client.Event) bool { n := len(events); was := seen; seen = n; return n > was })
	}
}

// TestAnUpdateThatAsksForMoreWaits, while the version before goes on, also after a restart, until its owner says so; and what was
// granted can be taken back.
func TestAnUpdateThatAsksForMoreWaits(t *testing.T) {
	t.Parallel()
	key, public := signer(t)
	o := newOwner(t, kerneltest.Config(t, fmt.Sprintf(`{"signers":{"ada":%q}}`, public)))
	var d plugin.Details
	o.MustCall("plugins.install", install.Params{Source: sent(release{version: "1.0.0", says: "one"}.pack(t, key))}, &d)
	if d.State != plugin.StateReady || d.Versions[0].Signers[0] != public {
		t.Errorf("%+v", d)
	}
	bold := release{version: "2.0.0", says: "two", asks: asksForMore}.pack(t, key)
	if p := o.preview(sent(bold)); !p.Trusted || p.Signers[0].Name != "ada" || !slices.Equal(p.Lacking, []string{"kv"}) || p.Installed != "1.0.0" || len(p.Warnings) != 0 {
		t.Errorf("%+v", p)
	}
	o.MustCall("plugins.install", install.Params{Source: sent(bold)}, &d)
	for range 2 {
		var status struct{ Notices []string }
		o.MustCall("status", nil, &status)
		if want := "parrot: the update 2.0.0 needs grant: kv; `carapace doctor` says what to do"; !slices.Equal(status.Notices, []string{want}) {
			t.Errorf("the status says %q", status.Notices)
		}
		if d.Version != "1.0.0" || d.Waiting == nil || d.Waiting.Version != "2.0.0" || !slices.Equal(d.Waiting.Lacking, []string{"kv"}) {
			t.Fatalf("%+v", d)
		}
		o.says("one")
		o.restart()
		o.says("one")
		d = o.info()
	}
	o.MustCall("plugins.grant", plugin.GrantParams{ID: "parrot", Digest: d.Waiting.Digest}, nil)
	o.until("two")
	o.restart()
	o.says("two")
	o.MustCall("plugins.revokeGrant", plugin.IDParams{ID: "parrot"}, &d)
	for range 2 {
		if d.State != plugin.StateFailed || d.Waiting == nil || d.Waiting.Version != "2.0.0" {
			t.Fatalf("%+v", d)
		}
		o.says("")
		o.restart()
		d = o.info()
	}
	o.MustCall("plugins.grant", plugin.GrantParams{ID: "parrot", Digest: d.Waiting.Digest}, nil)
	o.until("two")
}

// TestHowFarAnInstallationIs is told to clients while it goes on, and so is a way back.
func TestHowFarAnInstallationIs(t *testing.T) {
	t.Parallel()
	o := newOwner(t)
	o.install(release{version: "1.0.0", says: "one"}.pack(t))
	d := o.install(release{version: "1.1.0", says: "two"}.pack(t))
	o.MustCall("plugins.rollback", install.RollbackParams{ID: "parrot", Digest: d.Versions[1].Digest}, nil)
	want := []string{"1.0.0 checked", "1.0.0 tried", "1.0.0 written", "1.0.0 live", "1.1.0 checked", "1.1.0 tried", "1.1.0 written", "1.1.0 live", "1.0.0 written", "1.0.0 live"}
	o.Until("all steps are told", func(events []client.Event) bool {
		var told []string
		for _, e := range events {
			var p install.Progress
			if e.Name == install.ProgressKind.Name && json.Unmarshal(e.Payload, &p) == nil && p.ID == "parrot" && p.Digest != "" {
				told = append(told, p.Version+" "+string(p.Step))
			}
		}
		return slices.Equal(told, want)
	})
}

// TestWhatIsNotInstalled: each of these is refused with its reason, and what runs goes on.
func TestWhatIsNotInstalled(t *testing.T) {
	t.Parallel()
	ada, public := signer(t)
	eve, _ := signer(t)
	folder := kerneltest.Plugin(kerneltest.Tool("taken", nil))
	o := newOwner(t, folder)
	o.install(release{version: "1.1.0", says: "one"}.pack(t, ada))
	shown := func(r release, keys ...ed25519.PrivateKey) install.Params {
		data := r.pack(t, keys...)
		p, err := archive.Read(data)
		if err != nil {
			t.Fatal(err)
		}
		return install.Params{Source: sent(data), Digest: p.Digest()}
	}
	tampered := release{version: "1.2.0", says: "two"}.pack(t, ada)
	tampered[len(tampered)/2] ^= 1
	for name, c := range map[string]struct {
		code   wit.Code
		says   string
		params install.Params
	}{
		"nobody vouches":    {wit.CodeForbidden, "nobody whom you trust has signed", install.Params{Source: sent(release{version: "1.2.0"}.pack(t, ada))}},
		"another digest":    {wit.CodeConflict, "look at it once more", install.Params{Source: sent(release{version: "1.2.0"}.pack(t, ada)), Digest: "sha256:00"}},
		"older":             {wit.CodeConflict, "is older than the 1.1.0", shown(release{version: "1.0.9"}, ada)},
		"another's":         {wit.CodeForbidden, "is not signed by who signed", shown(release{version: "1.2.0"}, eve)},
		"nobody's":          {wit.CodeForbidden, "is not signed by who signed", shown(release{version: "1.2.0"})},
		"another gateway":   {wit.CodeInvalid, "wants a gateway", shown(release{version: "1.2.0", host: ">=99"}, ada)},
		"no such export":    {wit.CodeInvalid, "nothing was changed", shown(release{version: "1.2.0", code: "export const other = 1;"}, ada)},
		"no code":           {wit.CodeInvalid, "nothing was changed", shown(release{version: "1.2.0", code: "export {"}, ada)},
		"dies in its start": {wit.CodeUnavailable, "nothing was changed", shown(release{version: "1.2.0", code: "throw new Error('no');\nexport const toolInvoke = () => 1;"}, ada)},
		"a folder's":        {wit.CodeConflict, "move that folder away", shown(release{id: "taken", version: "1.2.0"}, ada)},
		"changed":           {wit.CodeInvalid, "archive", install.Params{Source: sent(tampered), Digest: "sha256:00"}},
		"not base64":        {wit.CodeInvalid, "base64", install.Params{Source: install.Source{Archive: "%"}}},
		"nothing":           {wit.CodeInvalid, "in one way", install.Params{}},
		"two things":        {wit.CodeInvalid, "in one way", install.Params{Source: install.Source{URL: "https://example.org", Name: "x"}}},
		"no registry":       {wit.CodeNotFound, "no registry is configured", install.Params{Source: install.Source{Name: "parrot"}}},
		"no update":         {wit.CodeConflict, "was installed from a file", install.Params{Source: install.Source{Update: "parrot"}}},
		"by hand":           {wit.CodeConflict, "put into a folder by hand", install.Params{Source: install.Source{Update: "taken"}}},
		"nobody knows":      {wit.CodeNotFound, "there is no plugin dodo", install.Params{Source: install.Source{Update: "dodo"}}},
	} {
		t.Run(name, func(t *testing.T) {
			o.t = t
			o.refused(c.code, c.says, "plugins.install", c.params)
			o.says("one")
		})
	}
	o.t = t
	o.refused(wit.CodeConflict, "no earlier version", "plugins.rollback", install.RollbackParams{ID: "parrot"})
	o.refused(wit.CodeConflict, "put into a folder by hand", "plugins.uninstall", plugin.IDParams{ID: "taken"})
	if d := o.info(); len(d.Versions) != 1 || d.Update != nil {
		t.Errorf("something is left: %+v", d)
	}
	meant := shown(release{version: "1.0.9", says: "old"}, eve)
	meant.Older, meant.OtherSigner = true, true
	o.MustCall("plugins.install", meant, nil)
	o.until("old")
	o.restart(kerneltest.Config(t, fmt.Sprintf(`{"signers":{"ada":%q}}`, public)))
	o.MustCall("plugins.install", install.Params{Source: sent(release{version: "1.3.0", says: "trusted"}.pack(t, ada))}, nil)
	o.until("trusted")
}

// TestInstalledFromAnAddress: from this machine itself, also where it says that it is elsewhere there; and an update is looked for
// in the same place.
func TestInstalledFromAnAddress(t *testing.T) {
	t.Parallel()
	data := release{version: "1.0.0", says: "one"}.pack(t)
	mux := http.NewServeMux()
	mux.HandleFunc("/latest", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/file", http.StatusFound) })
	mux.HandleFunc("/file", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(data) })
	mux.HandleFunc("/round", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/round", http.StatusFound) })
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://example.org/x.carapace", http.StatusFound)
	})
	mux.HandleFunc("/short", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(data[:len(data)-20]) })
	server := httptest.NewUnstartedServer(mux)
	var err error
	if server.Listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	server.Start()
	t.Cleanup(server.Close)
	o := newOwner(t)
	from := install.Source{URL: server.URL + "/latest"}
	o.MustCall("plugins.install", install.Params{Source: from, Digest: o.preview(from).Digest}, nil)
	o.says("one")
	var d plugin.Details
	o.MustCall("plugins.update", install.UpdateParams{ID: "parrot", Digest: o.preview(install.Source{Update: "parrot"}).Digest}, &d)
	if d.Version != "1.0.0" || len(d.Versions) != 1 || d.Versions[0].From.URL != from.URL {
		t.Errorf("%+v", d)
	}
	data = release{version: "1.1.0", says: "two"}.pack(t)
	o.MustCall("plugins.update", install.UpdateParams{ID: "parrot", Digest: o.preview(install.Source{Update: "parrot"}).Digest}, nil)
	o.until("two")
	data = release{id: "cuckoo", version: "1.2.0"}.pack(t)
	o.refused(wit.CodeConflict, "and not parrot", "plugins.update", install.UpdateParams{ID: "parrot"})
	for path, says := range map[string]string{"/round": "never to an archive", "/away": "only https is", "/short": "end is missing", "/none": "404"} {
		err := o.Call(t.Context(), "plugins.preview", install.Source{URL: server.URL + path}, nil)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", path, err)
		}
	}
	o.refused(wit.CodeForbidden, "example.org is not read by http", "plugins.preview", install.Source{URL: "http://example.org/x"})
	for _, address := range []string{"http://10.0.0.1/x", "file:///etc/passwd", "https://127.0.0.1:1/x", "gopher", "http://[fe80::1]/"} {
		if err := o.Call(t.Context(), "plugins.preview", install.Source{URL: address}, nil); err == nil {
			t.Errorf("%s is read", address)
		}
	}
}

// TestInstalledByHTTPS: an archive, also one that is elsewhere, its update, and a package of a registry come over connections whose
// certificates are checked, from public addresses only.
func TestInstalledByHTTPS(t *testing.T) {
	t.Parallel()
	home := newSite(t)
	home.Add("weather", "1.0.0", nil)
	data := release{version: "1.0.0", says: "one"}.pack(t)
	mux := http.NewServeMux()
	mux.Handle("plugins.example.com/plugins/", home)
	mux.Handle("plugins.example.com/latest", http.RedirectHandler("https://files.example.com/parrot", http.StatusFound))
	mux.Handle("plugins.example.com/plain", http.RedirectHandler("http://files.example.com/parrot", http.StatusFound))
	mux.Handle("plugins.example.com/inside", http.RedirectHandler("https://127.0.0.1/parrot", http.StatusFound))
	mux.HandleFunc("/parrot", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(data) })
	web, online := kerneltest.NewWeb(t, mux.ServeHTTP)
	web.Name("private.example.com", "10.0.0.1")
	o := newOwner(t, online, kerneltest.Config(t, fmt.Sprintf(`{"registries":{"home":{"url":"https://plugins.example.com/plugins/","key":%q}}}`, registry.SignerOf(home.Key))))
	from := install.Source{URL: "https://plugins.example.com/latest"}
	o.MustCall("plugins.install", install.Params{Source: from, Digest: o.preview(from).Digest}, nil)
	o.says("one")
	data = release{version: "1.1.0", says: "two"}.pack(t)
	o.MustCall("plugins.update", install.UpdateParams{ID: "parrot", Digest: o.preview(install.Source{Update: "parrot"}).Digest}, nil)
	o.until("two")
	if row := reads(o.Listener); row.Problem != "" {
		t.Errorf("%+v", row)
	}
	o.takes("weather", "")
	o.answers("weather", "1.0.0")
	for address, says := range map[string]string{
		"https://plugins.example.com/plain": "only https is", "https://plugins.example.com/inside": "only https is",
		"https://plugins.example.org/parrot": "certificate is valid for", "https://private.example.com/parrot": "private or reserved",
	} {
		if err := o.Call(t.Context(), "plugins.preview", install.Source{URL: address}, nil); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", address, err, says)
		}
	}
	if list := slices.Compact(web.Dialed()); !slices.Equal(list, []string{"93.184.216.34:443"}) {
		t.Errorf("it connected to %v", list)
	}
}

// TestAnInstallationIsWholeOrNothing has the gateway's disk fail at each transaction of an installation in turn, for good, and
// starts another one on it: what ran before runs, or what was installed, with its grant.
func TestAnInstallationIsWholeOrNothing(t *testing.T) {
	t.Parallel()
	old, next := release{version: "1.0.0", says: "one"}.pack(t), release{version: "2.0.0", says: "two", asks: asksForMore}.pack(t)
	outcomes := map[string]int{}
	for first, total := 1, 2; first <= total+1; first++ {
		o := newOwner(t)
		o.install(old)
		p := install.Params{Source: sent(next), Digest: o.preview(sent(next)).Digest}
		o.disk.Fail(storetest.FaultCommit, first, 1_000_000)
		err := o.Call(t.Context(), "plugins.install", p, nil)
		total = o.disk.Transactions()
		o.disk.Fail("", 0, 0)
		o.restart()
		heard, d := o.hears(), o.info()
		if want := map[bool]string{true: "one", false: "two"}[err != nil]; heard != want || d.Waiting != nil || d.State == plugin.StateFailed {
			t.Errorf("died at %d of %d, %v: it says %q, %+v", first, total, err, heard, d)
		}
		outcomes[heard]++
		o.k.Stop()
	}
	if len(outcomes) != 2 {
		t.Errorf("%v: not each outcome was seen", slices.Collect(maps.Keys(outcomes)))
	}
}
