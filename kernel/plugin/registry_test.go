package plugin_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

func tool(id, version, text string, edit ...func(*wit.Manifest)) plugintest.Fake {
	return plugintest.Fake{Manifest: manifest(id, version, edit...), Exports: saying(text)}
}

func asking(p wit.Permissions) func(*wit.Manifest) {
	return func(m *wit.Manifest) { m.Permissions = p }
}

func TestUpgradeDrainsTheOld(t *testing.T) {
	source := &plugintest.Memory{}
	inside, finish := make(chan struct{}), make(chan struct{})
	source.Put(plugintest.Fake{Manifest: manifest("p", "1.0.0"), Exports: exports{"tool_invoke": func(context.Context, []byte) ([]byte, error) {
		close(inside)
		<-finish
		return says("one"), nil
	}}})
	r := newRig(t, store.OpenMemory(), source).start()
	r.wait("p 1.0.0 installed")
	result := make(chan string)
	go func() {
		text, err := r.invoke("p_tool")
		result <- fmt.Sprint(text, err)
	}()
	<-inside
	source.Put(tool("p", "2.0.0", "two"))
	if c := r.wait("p 2.0.0 verified"); c.PreviousVersion != "1.0.0" {
		t.Errorf("%+v", c)
	}
	r.wait("p 1.0.0 draining")
	r.says("p_tool", "two") // while the old call still runs
	close(finish)
	if got := <-result; got != "one<nil>" {
		t.Errorf("the call that was in flight: %s", got)
	}
	r.wait("p 1.0.0 stopped")
	s := r.List()[0]
	if s.State != plugin.StateReady || s.Version != "2.0.0" || s.Stats.Calls != 1 {
		t.Errorf("%+v", s)
	}
	source.Remove("p")
	r.wait("p 2.0.0 draining")
	r.wait("p 2.0.0 stopped")
	_, err := r.Tool("p_tool")
	wantCode(t, err, wit.CodeNotFound)
	if len(r.List()) != 0 {
		t.Errorf("%+v", r.List())
	}
}

func TestAHandleOutlivesItsPlugin(t *testing.T) {
	source := &plugintest.Memory{}
	source.Put(tool("p", "1.0.0", "one"))
	r := newRig(t, store.OpenMemory(), source).start()
	handle, err := r.Tool("p_tool")
	if err != nil {
		t.Fatal(err)
	}
	source.Remove("p")
	r.wait("p - stopped")
	_, err = handle.Invoke(context.Background(), &wit.ToolInvocation{Args: wit.JSON(`{}`)}, nil)
	wantCode(t, err, wit.CodeNotFound)
	if handle.Version() != "" || handle.Definition().Name != "" {
		t.Error("a handle speaks of a plugin that is gone")
	}
	source.Put(tool("p", "2.0.0", "two"))
	r.wait("p 2.0.0 ready")
	if out, err := handle.Invoke(context.Background(), &wit.ToolInvocation{Args: wit.JSON(`{}`)}, nil); err != nil || *out.Content[0].Text != "two" {
		t.Error(out, err)
	}
}

func TestBrokenUpgradeKeepsTheOld(t *testing.T) {
	t.Parallel()
	source := &plugintest.Memory{}
	source.Put(tool("p", "1.0.0", "one"))
	source.Put(tool("q", "1.0.0", "other"))
	r := newRig(t, store.OpenMemory(), source).start()
	source.Put(plugintest.Fake{Manifest: manifest("p", "2.0.0")}) // exports nothing
	c := r.wait("p 2.0.0 failed")
	if !strings.Contains(c.Reason, "does not export: tool_invoke") {
		t.Errorf("%+v", c)
	}
	r.says("p_tool", "one")
	r.says("q_tool", "other")
	d, err := r.Info("p")
	if err != nil || d.State == plugin.StateFailed || d.Version != "1.0.0" || d.Update == nil || d.Update.Version != "2.0.0" || d.Update.Hint == "" {
		t.Errorf("%+v %v", d, err)
	}
	source.Put(tool("p", "2.0.1", "fixed"))
	r.wait("p 2.0.1 ready")
	r.says("p_tool", "fixed")
	if d, _ = r.Info("p"); d.Update != nil {
		t.Errorf("%+v", d.Update)
	}
}

// TestAProviderThatItsFirstCallEnds takes nobody's place; one that has bad news does.
func TestAProviderThatItsFirstCallEnds(t *testing.T) {
	t.Parallel()
	source := &plugintest.Memory{}
	put := func(version string, models func(context.Context, []byte) ([]byte, error)) {
		m := manifest("llm", version, func(m *wit.Manifest) { m.Provides.Provider = &wit.ProviderFacts{Label: "LLM"} })
		source.Put(plugintest.Fake{Manifest: m, Exports: exports{
			"provider_request": answers(`{}`), "provider_chunk": answers(`{}`), "provider_models": models,
		}})
	}
	put("1.0.0", answers(`{"models":[]}`))
	r := newRig(t, store.OpenMemory(), source).start()
	put("2.0.0", func(context.Context, []byte) ([]byte, error) { panic("no table of models") })
	if c := r.wait("llm 2.0.0 failed"); !strings.Contains(c.Reason, "its first call ended it") || !strings.Contains(c.Reason, "no table of models") {
		t.Errorf("%+v", c)
	}
	if d, err := r.Info("llm"); err != nil || d.Version != "1.0.0" || d.State == plugin.StateFailed || d.Update == nil || d.Update.Version != "2.0.0" {
		t.Errorf("%+v %v", d, err)
	}
	put("2.0.1", func(context.Context, []byte) ([]byte, error) {
		return nil, wit.NewError(wit.CodeUnauthorized, "no key")
	})
	r.wait("llm 2.0.1 ready")
}

func TestBrokenFromTheStart(t *testing.T) {
	source := &plugintest.Memory{}
	source.Put(plugintest.Fake{Manifest: manifest("p", "1.0.0")})
	source.Put(tool("q", "1.0.0", "other"))
	r := newRig(t, store.OpenMemory(), source)
	if err := r.Load(context.Background()); err != nil {
		t.Fatal(err)
	}
	if s := r.List()[0]; s.State != plugin.StateInstalled {
		t.Errorf("before its first use: %+v", s)
	}
	_, err := r.invoke("p_tool")
	wantCode(t, err, wit.CodeUnavailable, "does not export")
	if s := r.List()[0]; s.State != plugin.StateFailed || !strings.Contains(s.Reason, "does not export") || s.Update != nil || s.Hint == "" {
		t.Errorf("%+v", s)
	}
	_, err = r.invoke("p_tool")
	wantCode(t, err, wit.CodeNotFound)
	r.says("q_tool", "other")
}

func TestLaterSourcesReplaceEarlierOnes(t *testing.T) {
	t.Parallel()
	first, second := &plugintest.Memory{}, &plugintest.Memory{}
	first.Put(tool("p", "1.0.0", "built in"))
	r := newRig(t, store.OpenMemory(), first, second).start()
	r.says("p_tool", "built in")
	second.Put(tool("p", "1.1.0", "the owner's"))
	r.wait("p 1.1.0 ready")
	r.says("p_tool", "the owner's")
	second.Put(plugintest.Fake{Manifest: manifest("p", "1.2.0")})
	r.wait("p 1.2.0 failed")
	r.says("p_tool", "the owner's")
	second.Put(tool("p", "1.3.0", "the owner's again"))
	r.wait("p 1.3.0 ready")
	second.Remove("p")
	r.wait("p 1.0.0 ready")
	r.says("p_tool", "built in")
}

func TestFirstUseFallsBack(t *testing.T) {
	first, second := &plugintest.Memory{}, &plugintest.Memory{}
	first.Put(tool("p", "1.0.0", "built in"))
	second.Put(plugintest.Fake{Manifest: manifest("p", "2.0.0")})
	r := newRig(t, store.OpenMemory(), first, second)
	if err := r.Load(context.Background()); err != nil {
		t.Fatal(err)
	}
	r.says("p_tool", "built in")
	if s := r.List()[0]; s.Version != "1.0.0" || s.Update == nil || s.Update.Version != "2.0.0" {
		t.Errorf("%+v", s)
	}
}

func TestGrant(t *testing.T) {
	source, db := &plugintest.Memory{}, store.OpenMemory()
	kv := wit.Permissions{KV: &wit.Permission{Reason: "to remember"}}
	more := wit.Permissions{KV: kv.KV, HTTP: &wit.HTTPPermission{Reason: "to ask", Hosts: []string{"a.example"}}}
	source.Put(tool("p", "1.0.0", "one", asking(kv)))
	r := newRig(t, db, source).start()
	if c := r.wait("p 1.0.0 installed"); c.Reason != "granted: kv" {
		t.Errorf("%+v", c)
	}
	source.Put(tool("p", "2.0.0", "two", asking(more)))
	if c := r.wait("p 2.0.0 failed"); !strings.HasPrefix(c.Reason, "needs grant: http host a.example") {
		t.Errorf("%+v", c)
	}
	r.says("p_tool", "one")
	d, _ := r.Info("p")
	if d.Update == nil || len(d.Update.Lacking) == 0 || d.GrantedBy != "install" || len(d.Permissions) != 1 || !d.Permissions[0].Granted {
		t.Errorf("%+v", d)
	}
	r.stop()

	// After a restart there is no old version: the plugin is failed until it is granted.
	r = newRig(t, db, source).start()
	if s := r.List()[0]; s.State != plugin.StateFailed || !strings.HasPrefix(s.Reason, "needs grant") {
		t.Errorf("%+v", s)
	}
	_, err := r.invoke("p_tool")
	wantCode(t, err, wit.CodeNotFound)
	table, err := rpc.NewTable(r.Methods()...)
	if err != nil {
		t.Fatal(err)
	}
	grant := func(scope wire.Scope, id string) error {
		caller := &rpc.Caller{Role: wire.RoleOperator, Scopes: []wire.Scope{scope}}
		digest := "none"
		if d, _ := r.Info(id); d.Waiting != nil {
			digest = d.Waiting.Digest
		}
		_, err := table.Call(context.Background(), caller, "plugins.grant", []byte(`{"id":"`+id+`","digest":"`+digest+`"}`), nil)
		return err
	}
	wantCode(t, grant(wire.ScopeWrite, "p"), wit.CodeForbidden)
	wantCode(t, grant(wire.ScopeAdmin, "q"), wit.CodeNotFound)
	if err := grant(wire.ScopeAdmin, "p"); err != nil {
		t.Fatal(err)
	}
	r.says("p_tool", "two")
	wantCode(t, grant(wire.ScopeAdmin, "p"), wit.CodeConflict)
	if d, _ := r.Info("p"); d.GrantedBy != "owner" || len(d.Permissions) != 2 || !d.Permissions[0].Granted {
		t.Errorf("%+v", d)
	}
	// Taking the plugin away and bringing a bolder one does not widen what was granted.
	source.Remove("p")
	r.wait("p 2.0.0 stopped")
	more.Emit = &wit.Permission{Reason: "to tell"}
	source.Put(tool("p", "3.0.0", "three", asking(more)))
	if c := r.wait("p 3.0.0 failed"); c.Reason != "needs grant: emit" {
		t.Errorf("%+v", c)
	}
}

func TestRollback(t *testing.T) {
	source := &plugintest.Memory{}
	source.Put(tool("p", "1.0.0", "one"))
	r := newRig(t, store.OpenMemory(), source).start()
	wantCode(t, r.Rollback("p", "why"), wit.CodeConflict)
	wantCode(t, r.Rollback("q", "why"), wit.CodeNotFound)
	r.says("p_tool", "one")
	source.Put(tool("p", "2.0.0", "two"))
	r.wait("p 2.0.0 ready")
	r.says("p_tool", "two")
	if err := r.Rollback("p", "it failed its first event"); err != nil {
		t.Fatal(err)
	}
	r.says("p_tool", "one")
	if c := r.wait("p 2.0.0 failed"); c.Reason != "it failed its first event" {
		t.Errorf("%+v", c)
	}
	s := r.List()[0]
	if s.Version != "1.0.0" || s.Update == nil || s.Update.Version != "2.0.0" {
		t.Errorf("%+v", s)
	}
	source.Put(tool("other", "1.0.0", "x")) // makes the registry look again
	r.wait("other 1.0.0 ready")
	r.says("p_tool", "one")
	source.Put(tool("p", "2.0.1", "fixed"))
	r.wait("p 2.0.1 ready")
	r.says("p_tool", "fixed")
}

func TestDisabled(t *testing.T) {
	source := &plugintest.Memory{}
	source.Put(tool("p", "1.0.0", "one"))
	r := newRig(t, store.OpenMemory(), source)
	r.settings.off["p"] = true
	r.start()
	if s := r.List()[0]; s.State != plugin.StateStopped || s.Name != "Test p" || !strings.Contains(s.Reason, "disabled") {
		t.Errorf("%+v", s)
	}
	_, err := r.Tool("p_tool")
	wantCode(t, err, wit.CodeNotFound)
	r.settings.set(func(s *settings) { s.off["p"] = false })
	r.SettingsChanged("p")
	r.wait("p 1.0.0 ready")
	r.says("p_tool", "one")
	r.settings.set(func(s *settings) { s.off["p"] = true })
	r.SettingsChanged("p")
	r.wait("p 1.0.0 stopped")
	_, err = r.Tool("p_tool")
	wantCode(t, err, wit.CodeNotFound)
}

// TestFailedAfterDisabled: a plugin that is enabled again with a package that cannot run is shown as that package,
// like one that failed from the start, and not as the one that was there while it was disabled.
func TestFailedAfterDisabled(t *testing.T) {
	source := &plugintest.Memory{}
	source.Put(tool("p", "1.0.0", "one", func(m *wit.Manifest) {
		m.Config = wit.JSON(`{"type":"object","additionalProperties":false,"properties":{"old":{"type":"integer"}}}`)
	}))
	r := newRig(t, store.OpenMemory(), source)
	r.settings.off["p"] = true
	r.start()
	if s := r.List()[0]; s.Name != "Test p" || s.Version != "1.0.0" {
		t.Errorf("%+v", s)
	}
	wantCode(t, r.CheckConfig("p", "", wit.JSON(`{"new":1}`)), wit.CodeInvalid)
	r.settings.set(func(s *settings) { s.off["p"] = false })
	source.Put(plugintest.Fake{Manifest: manifest("p", "2.0.0")})
	r.wait("p 2.0.0 failed")
	if s := r.List()[0]; s.State != plugin.StateFailed || s.Version != "2.0.0" || s.Name != "Test p" {
		t.Errorf("%+v", s)
	}
	if err := r.CheckConfig("p", "", wit.JSON(`{"new":1}`)); err != nil {
		t.Errorf("checked against the manifest of a package that is gone: %v", err)
	}
	if d, err := r.Info("p"); err != nil || d.Config != nil || d.Hash != "" {
		t.Errorf("%+v %v", d, err)
	}
}

func TestToolNamesAreUnique(t *testing.T) {
	first, second := &plugintest.Memory{}, &plugintest.Memory{}
	same := func(m *wit.Manifest) {
		m.Provides.Tools = []wit.ToolDefinition{{Name: "same", Description: "d", Parameters: wit.JSON(`{}`)}}
	}
	first.Put(tool("z", "1.0.0", "first", same))
	second.Put(tool("a", "1.0.0", "second", same))
	r := newRig(t, store.OpenMemory(), first, second).start()
	r.says("same", "first")
	if rows := r.Tools(); len(rows) != 1 || rows[0].Plugin != "z" {
		t.Errorf("%+v", rows)
	}
	if s := r.List()[0]; s.ID != "a" || len(s.Shadowed) != 1 {
		t.Errorf("%+v", s)
	}
	if !strings.Contains(r.log.String(), "same name") {
		t.Error("the conflict is not reported")
	}
	first.Remove("z")
	r.wait("z 1.0.0 stopped")
	r.says("same", "second")
}

func TestStatusMethods(t *testing.T) {
	source := &plugintest.Memory{}
	source.Put(tool("p", "1.0.0", "one", asking(wit.Permissions{Credential: &wit.CredentialPermission{Reason: "to sign", Names: []string{"key"}}})))
	r := newRig(t, store.OpenMemory(), source).start()
	r.says("p_tool", "one")
	table, err := rpc.NewTable(r.Methods()...)
	if err != nil {
		t.Fatal(err)
	}
	caller := &rpc.Caller{Role: wire.RoleOperator, Scopes: []wire.Scope{wire.ScopeRead}}
	if out, err := table.Call(context.Background(), caller, "plugins.status", nil, nil); err != nil || !strings.Contains(fmt.Sprintf("%+v", out), "p_tool") {
		t.Errorf("%+v %v", out, err)
	}
	out, err := table.Call(context.Background(), caller, "plugins.info", []byte(`{"id":"p"}`), nil)
	if err != nil || !strings.Contains(fmt.Sprintf("%+v", out), "to sign") {
		t.Errorf("%+v %v", out, err)
	}
	_, err = table.Call(context.Background(), caller, "plugins.info", []byte(`{"id":"x"}`), nil)
	wantCode(t, err, wit.CodeNotFound)
}

// TestWarmDoesNotWait: what a hook costs at each firing must not depend on what the keeper is busy with.
func TestWarmDoesNotWait(t *testing.T) {
	source := &plugintest.Memory{}
	source.Put(tool("p", "1.0.0", "one"))
	r := newRig(t, store.OpenMemory(), source).start()
	warm := func() error { return r.Warm(context.Background(), "p") }
	if err := warm(); err != nil {
		t.Fatal(err)
	}
	if s := r.List()[0]; s.State != plugin.StateReady {
		t.Fatalf("%+v", s)
	}
	inside, finish := make(chan struct{}), make(chan struct{})
	plugin.ChangedKind.Subscribe(r.bus, func(c plugin.Changed) {
		if c.ID == "q" && c.State == plugin.StateVerified {
			close(inside)
			<-finish
		}
	})
	defer close(finish)
	source.Put(tool("q", "1.0.0", "other"))
	<-inside // the keeper
	warmed := make(chan error, 1)
	go func() { warmed <- warm() }()
	select {
	case err := <-warmed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Error("a plugin that is ready waits for the keeper")
	}
}

// TestHammer replaces a plugin over and over while many call it: no call fails, and each is answered by
// one version from beginning to end.
func TestHammer(t *testing.T) {
	t.Parallel()
	source := &plugintest.Memory{}
	put := func(n int) {
		source.Put(tool("p", fmt.Sprintf("1.0.%d", n), fmt.Sprint(n)))
	}
	put(0)
	r := newRig(t, store.OpenMemory(), source).start()
	var calls atomic.Int64
	var last sync.Map
	seen := make(chan string, 100) // each version's answer, once
	stop := make(chan struct{})
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				text, err := r.invoke("p_tool")
				if err != nil {
					t.Errorf("call %d: %v", calls.Load(), err)
					return
				}
				calls.Add(1)
				if _, known := last.LoadOrStore(text, true); !known {
					seen <- text
				}
			}
		})
	}
	for n := 1; n <= 20; n++ {
		put(n)
		r.wait(fmt.Sprintf("p 1.0.%d ready", n))
		for text := ""; text != fmt.Sprint(n); text = <-seen {
		}
		r.SettingsChanged("p")
	}
	r.says("p_tool", "20")
	close(stop)
	callers.Wait()
	t.Logf("%d calls", calls.Load())
}
