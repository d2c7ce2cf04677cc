package grant

import (
	"context"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

func TestBeyond(t *testing.T) {
	perms := func(text string) *wit.Permissions {
		p := &wit.Permissions{}
		if err := wit.UnmarshalStrict([]byte(text), p); err != nil {
			t.Fatal(err)
		}
		return p
	}
	tests := []struct{ have, want, lacking string }{
		{`{}`, `{}`, ``},
		{`{}`, `{"kv":{"reason":"r"},"emit":{"reason":"r"}}`, `kv, emit`},
		{`{"kv":{"reason":"r"},"emit":{"reason":"r"}}`, `{"kv":{"reason":"another"}}`, ``},
		{`{}`, `{"http":{"hosts":["a.b"]}}`, `http host a.b, http method GET, http method POST, http on every path`},
		{`{"http":{"hosts":["a.b"]}}`, `{"http":{"hosts":["a.b"],"paths":["/x"],"methods":["GET"]}}`, ``},
		{`{"http":{"hosts":["a.b"],"paths":["/x"]}}`, `{"http":{"hosts":["a.b"],"paths":["/x/y","/z"]}}`, `http path /z`},
		{`{"http":{"hosts":["a.b"],"paths":["/x"]}}`, `{"http":{"hosts":["a.b"]}}`, `http on every path`},
		{`{"http":{"hosts":["*.b"]}}`, `{"http":{"hosts":["a.b","b","x.ab"]}}`, `http host b, http host x.ab`},
		{`{"http":{"hosts":["a.b"]}}`, `{"http":{"hosts":["a.b:8443","config:a"]}}`, `http host a.b:8443, http host config:a`},
		{`{"http":{"hosts":["a.b"]}}`, `{"http":{"hosts":["a.b"],"methods":["GET","DELETE"]}}`, `http method DELETE`},
		{`{"http":{"hosts":["b"]}}`, `{"http":{"hosts":["x.b"]}}`, `http host x.b`},
		{`{"http":{"hosts":["*.b"]}}`, `{"http":{"hosts":["config:x.b"]}}`, `http host config:x.b`},
		{`{"credential":{"names":["a"]}}`, `{"credential":{"names":["a","b"]}}`, `credential b`},
		{`{}`, `{"credential":{"names":["a"]}}`, `credential a`},
		{`{}`, `{"messageSend":{}}`, `messageSend`},
		{`{}`, `{"messageSend":{"channels":["a","b"]}}`, `messageSend a, messageSend b`},
		{`{"messageSend":{"channels":["a"]}}`, `{"messageSend":{"channels":["a","b"]}}`, `messageSend b`},
		{`{"messageSend":{"channels":["a"]}}`, `{"messageSend":{}}`, `messageSend`},
		{`{"messageSend":{}}`, `{"messageSend":{"channels":["a"]}}`, ``},
		{`{"agentRun":{"agents":["a"]},"sessionRead":{"agents":["b"]}}`, `{"agentRun":{"agents":["b"]},"sessionRead":{"agents":["b"]}}`, `agentRun b`},
		{`{"toolInvoke":{"tools":["a"]}}`, `{"toolInvoke":{}}`, `toolInvoke`},
	}
	for _, tt := range tests {
		if got := strings.Join(Beyond(perms(tt.have), perms(tt.want)), ", "); got != tt.lacking {
			t.Errorf("%s beyond %s: %q, want %q", tt.want, tt.have, got, tt.lacking)
		}
	}
}

// TestLacking is what a newer manifest is and uses beyond what an older one was granted.
func TestLacking(t *testing.T) {
	manifest := func(text string) *wit.Manifest {
		m := &wit.Manifest{}
		if err := wit.UnmarshalStrict([]byte(text), m); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		m.ID = "p"
		return m
	}
	const (
		tool = `{"provides":{"tools":[{"name":"t","effects":["writes","reads"]}]}}`
		hook = `{"provides":{"hooks":[{"name":"message_received","onFailure":"closed"}]}}`
		low  = `{"limits":{"memory":1048576,"deadline":1000,"maxInstances":1}}`
		high = `{"limits":{"memory":2097152,"deadline":2000,"maxInstances":2}}`
	)
	for _, tt := range []struct{ have, want, lacking string }{
		{`{}`, `{"provides":{"channel":{}}}`, `channel`},
		{`{"provides":{"channel":{}}}`, `{"provides":{"channel":{},"provider":{}}}`, `provider`},
		{`{"provides":{"channel":{},"provider":{}}}`, `{"provides":{"provider":{}}}`, ``},
		{`{}`, tool, `tool t reads writes`},
		{tool, `{"provides":{"tools":[{"name":"t","effects":["reads","writes"]}]}}`, ``},
		{tool, `{"provides":{"tools":[{"name":"t","effects":["reads"]}]}}`, `tool t reads`},
		{`{}`, hook, `hook message_received closed`},
		{hook, hook, ``},
		{low, high, `limits.memory 2 MB instead of 1 MB, limits.deadline 2s instead of 1s, limits.maxInstances 2 instead of 1`},
		{high, low, ``},
		{low, low, ``},
		{`{"permissions":{"kv":{"reason":"r"}}}`, `{"permissions":{"emit":{"reason":"r"}},"provides":{"channel":{}}}`, `emit, channel`},
	} {
		g, err := Open(t.Context(), store.OpenMemory())
		if err == nil {
			err = g.Record(t.Context(), manifest(tt.have), ByOwner)
		}
		have, known := g.Of("p")
		if err != nil || !known {
			t.Fatal(known, err)
		}
		if got := strings.Join(have.Lacking(manifest(tt.want)), ", "); got != tt.lacking {
			t.Errorf("%s after %s: %q, want %q", tt.want, tt.have, got, tt.lacking)
		}
		granted, lacking, err := g.Admit(t.Context(), manifest(tt.want), false)
		if granted || strings.Join(lacking, ", ") != tt.lacking || err != nil {
			t.Errorf("%s is admitted after %s: %v, %q, %v", tt.want, tt.have, granted, lacking, err)
		}
	}
}

// TestStockPluginsMayBeMore: what a stock plugin is comes with the gateway, also where the owner's was in its place.
func TestStockPluginsMayBeMore(t *testing.T) {
	g, err := Open(t.Context(), store.OpenMemory())
	if err == nil {
		err = g.Record(t.Context(), &wit.Manifest{ID: "p"}, ByInstall)
	}
	if err != nil {
		t.Fatal(err)
	}
	bolder := &wit.Manifest{ID: "p", Provides: wit.Provides{Channel: &wit.ChannelFacts{}}}
	if granted, lacking, err := g.Admit(t.Context(), bolder, true); granted || lacking != nil || err != nil {
		t.Error(granted, lacking, err)
	}
	bolder.Permissions.KV = &wit.Permission{Reason: "r"}
	if granted, lacking, err := g.Admit(t.Context(), bolder, true); granted || len(lacking) != 1 || err != nil {
		t.Error("permissions of the owner's plugin:", granted, lacking, err)
	}
}

// TestOldGrants were recorded before it was looked at what a plugin is: what it is now is taken as granted, once.
func TestOldGrants(t *testing.T) {
	db := store.OpenMemory()
	err := db.Update(t.Context(), func(tx store.Tx) error { return grantTable.Put(tx, "p", Grant{By: ByOwner}) })
	if err != nil {
		t.Fatal(err)
	}
	g, err := Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	m := &wit.Manifest{ID: "p", Version: "2.0.0", Provides: wit.Provides{Channel: &wit.ChannelFacts{}}}
	if granted, lacking, err := g.Admit(t.Context(), m, false); granted || lacking != nil || err != nil {
		t.Error(granted, lacking, err)
	}
	if have, _ := g.Of("p"); have.By != ByOwner || strings.Join(have.Is, ", ") != "channel" {
		t.Errorf("kept as %+v", have)
	}
	m.Provides.Provider = &wit.ProviderFacts{}
	if granted, lacking, err := g.Admit(t.Context(), m, false); granted || len(lacking) != 1 || err != nil {
		t.Error("a second time:", granted, lacking, err)
	}
}

// broken is a store that refuses everything.
type broken struct{ store.Store }

func (broken) View(context.Context, func(store.Tx) error) error {
	return wit.NewError(wit.CodeUnavailable, "broken")
}

func (broken) Update(context.Context, func(store.Tx) error) error {
	return wit.NewError(wit.CodeUnavailable, "broken")
}

// TestNothingIsGrantedThatIsNotKept: with a store that refuses, a grant holds for nobody.
func TestNothingIsGrantedThatIsNotKept(t *testing.T) {
	if _, err := Open(t.Context(), broken{}); wit.CodeOf(err) != wit.CodeUnavailable {
		t.Error(err)
	}
	db := store.OpenMemory()
	g, err := Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	g.store = broken{}
	if _, _, err := g.Admit(t.Context(), &wit.Manifest{ID: "p"}, false); wit.CodeOf(err) != wit.CodeUnavailable {
		t.Error(err)
	}
	if have, known := g.Of("p"); known {
		t.Errorf("granted %+v", have)
	}
	err = db.Update(t.Context(), func(tx store.Tx) error { return tx.Put(string(grantTable), "p", []byte("{")) })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), db); err == nil {
		t.Error("a damaged grant counts as none")
	}
}

func TestGrantsOutliveTheProcess(t *testing.T) {
	ctx, db := context.Background(), store.OpenMemory()
	m := &wit.Manifest{ID: "p", Version: "1.0.0", Permissions: wit.Permissions{KV: &wit.Permission{Reason: "r"}}}
	more := &wit.Manifest{ID: "p", Version: "2.0.0", Permissions: wit.Permissions{KV: &wit.Permission{Reason: "r"}, Emit: &wit.Permission{Reason: "r"}}}
	open := func() *Grants {
		g, err := Open(ctx, db)
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	if granted, lacking, err := open().Admit(ctx, m, false); !granted || lacking != nil || err != nil {
		t.Fatal(granted, lacking, err)
	}
	if granted, lacking, err := open().Admit(ctx, more, false); granted || len(lacking) != 1 || err != nil {
		t.Fatal(granted, lacking, err)
	}
	if _, lacking, _ := open().Admit(ctx, more, true); len(lacking) != 1 {
		t.Error("a stock plugin takes over what the owner's was granted")
	}
	if err := open().Record(ctx, more, ByOwner); err != nil {
		t.Fatal(err)
	}
	if g, _ := open().Of("p"); g.By != ByOwner || g.Version != "2.0.0" || g.Permissions.Emit == nil {
		t.Errorf("%+v", g)
	}
	stock := &wit.Manifest{ID: "s", Version: "1.0.0"}
	_, _, _ = open().Admit(ctx, stock, true)
	stock.Permissions.KV = m.Permissions.KV
	if granted, lacking, _ := open().Admit(ctx, stock, false); granted || len(lacking) != 1 {
		t.Error("a plugin in a stock one's place gets what the gateway's would")
	}
	if granted, lacking, _ := open().Admit(ctx, stock, true); !granted || lacking != nil {
		t.Error("a new gateway's stock plugin is not granted what it asks for")
	}
}
