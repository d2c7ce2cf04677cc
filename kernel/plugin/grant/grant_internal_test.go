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
		{`{"credential":{"names":["a"]}}`, `{"credential":{"names":["a","b"]}}`, `credential b`},
	}
	for _, tt := range tests {
		if got := strings.Join(Beyond(perms(tt.have), perms(tt.want)), ", "); got != tt.lacking {
			t.Errorf("%s beyond %s: %q, want %q", tt.want, tt.have, got, tt.lacking)
		}
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
	if granted, lacking, _ := open().Admit(ctx, stock, true); !granted || lacking != nil {
		t.Error("a new gateway's stock plugin is not granted what it asks for")
	}
}
