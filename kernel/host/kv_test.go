package host_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

func TestKVIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		g := w.guest("p", everything())
		for i := range 1000 {
			ttl := 0
			if i == 0 {
				ttl = 1000
			}
			if _, err := ask(g, host.Call{}, "kv_put", fmt.Sprintf(`{"key":"k%d","value":"v","ttl":%d}`, i, ttl)); err != nil {
				t.Fatal(err)
			}
		}
		full := func(g *host.Guest, key string) wit.Code {
			_, err := ask(g, host.Call{}, "kv_put", `{"key":"`+key+`","value":"v"}`)
			return wit.CodeOf(err)
		}
		if c := full(g, "one-more"); c != wit.CodeTooLarge {
			t.Errorf("the 1001st key: %q", c)
		}
		if c := full(g, "k5"); c != "" {
			t.Errorf("replacing: %q", c)
		}
		if c := full(w.guest("q", everything()), "one-more"); c != "" {
			t.Errorf("another plugin: %q", c)
		}
		time.Sleep(time.Second)
		if out, err := ask(g, host.Call{}, "kv_get", `{"key":"k0"}`); out != "{}" || err != nil {
			t.Errorf("expired: %s %v", out, err)
		}
		if c := full(g, "one-more"); c != "" {
			t.Errorf("after one expired: %q", c)
		}
		for _, space := range []string{"plugin.kv/p", "plugin.kv.expiry/p"} {
			_ = w.store.View(t.Context(), func(tx store.Tx) error {
				if _, err := tx.Get(space, "k0"); wit.CodeOf(err) != wit.CodeNotFound {
					t.Errorf("what has expired still takes room in %s: %v", space, err)
				}
				return nil
			})
		}
	})
}

// TestKVExpires: what has expired is as if it were not there, wherever one looks, and can be set anew.
func TestKVExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newWorld().guest("p", everything())
		steps := []struct {
			name, in, out string
			wait          time.Duration
		}{
			{name: "kv_put", in: `{"key":"short","value":"1","ttl":1000}`, out: `{"ok":true}`},
			{name: "kv_put", in: `{"key":"stays","value":"2"}`, out: `{"ok":true}`, wait: 999 * time.Millisecond},
			{name: "kv_get", in: `{"key":"short"}`, out: `{"value":"1"}`, wait: time.Millisecond},
			{name: "kv_get", in: `{"key":"short"}`, out: `{}`},
			{name: "kv_keys", in: `{"prefix":""}`, out: `{"keys":["stays"]}`},
			{name: "kv_put", in: `{"key":"short","value":"3"}`, out: `{"ok":true}`, wait: time.Hour},
			{name: "kv_get", in: `{"key":"short"}`, out: `{"value":"3"}`},
		}
		for i, s := range steps {
			if out, err := ask(g, host.Call{}, s.name, s.in); out != s.out || err != nil {
				t.Errorf("step %d, %s: %s %v, want %s", i, s.name, out, err, s.out)
			}
			time.Sleep(s.wait)
		}
	})
}

// TestKVOnABadDisk: what cannot be read or written is an error, and a record whose time is damaged stays.
func TestKVOnABadDisk(t *testing.T) {
	w := newWorld()
	g := w.guest("p", everything())
	err := w.store.Update(t.Context(), func(tx store.Tx) error {
		return errors.Join(tx.Put("plugin.kv.expiry/p", "k", []byte("x")), tx.Put("plugin.kv/p", "k", []byte("v")))
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"kv_get": `{"value":"v"}`, "kv_keys": `{"keys":["k"]}`} {
		if out, err := ask(g, host.Call{}, name, `{"key":"k","prefix":""}`); out != want || err != nil {
			t.Errorf("%s: %s %v", name, out, err)
		}
	}
	_ = w.store.Close()
	for _, name := range []string{"kv_get", "kv_put", "kv_delete", "kv_keys"} {
		if out, err := ask(g, host.Call{}, name, `{"key":"k","value":"v","prefix":""}`); err == nil {
			t.Errorf("%s on a closed store: %s", name, out)
		}
	}
}

// TestKVIsAPluginsOwn: one plugin's records are not there for another, whatever their ids have in common.
func TestKVIsAPluginsOwn(t *testing.T) {
	w := newWorld()
	if _, err := ask(w.guest("p", everything()), host.Call{}, "kv_put", `{"key":"k","value":"mine"}`); err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{"q", "p/k", "pp", ""} {
		g := w.guest(other, everything())
		if out, _ := ask(g, host.Call{}, "kv_get", `{"key":"k"}`); out != `{}` {
			t.Errorf("%q reads %s", other, out)
		}
		if out, _ := ask(g, host.Call{}, "kv_keys", `{"prefix":""}`); out != `{}` {
			t.Errorf("%q lists %s", other, out)
		}
	}
}
