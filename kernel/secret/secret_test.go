package secret_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/secret"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

var ctx = context.Background()

func open(t testing.TB, c secret.Config) *secret.Vault {
	t.Helper()
	v, err := secret.Open(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// config is a vault with a key file, on a store of its own.
func config(t testing.TB) secret.Config {
	return secret.Config{Store: store.OpenMemory(), StateDir: t.TempDir()}
}

func put(t testing.TB, v *secret.Vault, owner, account, name, value string) {
	t.Helper()
	if err := v.Put(ctx, owner, account, name, value); err != nil {
		t.Fatal(err)
	}
}

func want(t testing.TB, v *secret.Vault, owner, account, name, value string) {
	t.Helper()
	if got, err := v.Get(ctx, owner, account, name); got != value || err != nil {
		t.Errorf("%s/%s/%s: %q, %v; want %q", owner, account, name, got, err, value)
	}
}

func wantCode(t testing.TB, what string, err error, code wit.Code) {
	t.Helper()
	if wit.CodeOf(err) != code {
		t.Errorf("%s: %v (code %q), want code %q", what, err, wit.CodeOf(err), code)
	}
}

func TestVault(t *testing.T) {
	c := config(t)
	v := open(t, c)
	put(t, v, "chat", "work", "token", "value one")
	put(t, v, "chat", "", "token", "value two")
	put(t, v, "mail", "ann@example.org", "password", "value three")
	put(t, v, "chat", "work", "token", "value four")
	for range 2 { // as it is, and opened again
		want(t, v, "chat", "work", "token", "value four")
		want(t, v, "chat", "", "token", "value two")
		want(t, v, "mail", "ann@example.org", "password", "value three")
		if !v.Has("chat", "work", "token") || v.Has("chat", "home", "token") {
			t.Error("Has is wrong")
		}
		if got := fmt.Sprint(v.List("")); got != "[credential token of chat credential token of chat (account work) credential password of mail (account ann@example.org)]" {
			t.Errorf("list: %s", got)
		}
		if got := v.List("mail"); len(got) != 1 || v.Count("mail") != 1 || got[0] != (secret.Entry{Owner: "mail", Account: "ann@example.org", Name: "password"}) {
			t.Errorf("list of mail: %v", got)
		}
		_, err := v.Get(ctx, "chat", "home", "token")
		wantCode(t, "missing", err, wit.CodeNotFound)
		v = open(t, c)
	}
	if err := errors.Join(v.Delete(ctx, "chat", "work", "token"), v.Delete(ctx, "chat", "work", "token")); err != nil {
		t.Errorf("delete: %v", err)
	}
	if v.Has("chat", "work", "token") || open(t, c).Has("chat", "work", "token") {
		t.Error("a deleted credential is there")
	}
}

func TestBounds(t *testing.T) {
	v := open(t, config(t))
	long := strings.Repeat("x", secret.MaxName)
	put(t, v, long, strings.Repeat("x", secret.MaxAccount), long, strings.Repeat("v", secret.MaxValue))
	for _, c := range []struct {
		name                        string
		owner, account, item, value string
		code                        wit.Code
	}{
		{"no owner", "", "a", "n", "v", wit.CodeInvalid},
		{"no name", "o", "a", "", "v", wit.CodeInvalid},
		{"long owner", long + "x", "a", "n", "v", wit.CodeInvalid},
		{"long account", "o", long + long + "x", "n", "v", wit.CodeInvalid},
		{"long name", "o", "a", long + "x", "v", wit.CodeInvalid},
		{"slash", "o", "a/b", "n", "v", wit.CodeInvalid},
		{"newline", "o", "a", "n\n", "v", wit.CodeInvalid},
		{"not UTF-8", "o", "\xff", "n", "v", wit.CodeInvalid},
		{"no value", "o", "a", "n", "", wit.CodeInvalid},
		{"large value", "o", "a", "n", strings.Repeat("v", secret.MaxValue+1), wit.CodeTooLarge},
	} {
		wantCode(t, c.name, v.Put(ctx, c.owner, c.account, c.item, c.value), c.code)
	}
	for i := range secret.MaxPerOwner {
		put(t, v, "many", fmt.Sprint(i), "n", "v")
	}
	wantCode(t, "one too many", v.Put(ctx, "many", "more", "n", "v"), wit.CodeTooLarge)
	put(t, v, "many", "7", "n", "replaced")
	put(t, v, "other", "", "n", "v")
}

// TestTogether: several credentials are kept together or not at all.
func TestTogether(t *testing.T) {
	c := config(t)
	v := open(t, c)
	put(t, v, "o", "a", "old", "value-0")
	if err := v.PutAll(ctx, "o", "a", map[string]string{"old": "value-1", "new": "value-2"}); err != nil {
		t.Fatal(err)
	}
	for name, values := range map[string]map[string]string{
		"an empty one":        {"old": "x", "third": ""},
		"a name that is none": {"old": "x", "a/b": "y"},
		"a large one":         {"old": "x", "third": strings.Repeat("v", secret.MaxValue+1)},
	} {
		if err := v.PutAll(ctx, "o", "a", values); err == nil {
			t.Errorf("%s is kept", name)
		}
	}
	for i := range secret.MaxPerOwner - 3 {
		put(t, v, "o", "b", fmt.Sprint(i), "v")
	}
	wantCode(t, "one too many of two", v.PutAll(ctx, "o", "a", map[string]string{"third": "x", "fourth": "y"}), wit.CodeTooLarge)
	if err := v.PutAll(ctx, "o", "a", map[string]string{"third": "value-3", "old": "value-4"}); err != nil {
		t.Error(err)
	}
	again := open(t, c)
	for name, value := range map[string]string{"old": "value-4", "new": "value-2", "third": "value-3"} {
		want(t, v, "o", "a", name, value)
		want(t, again, "o", "a", name, value)
	}
}

// What lies in the store is neither readable nor movable nor changeable.
func TestTampering(t *testing.T) {
	c := config(t)
	v := open(t, c)
	put(t, v, "chat", "a", "token", "the first value")
	put(t, v, "chat", "b", "token", "the second value")
	for name, change := range map[string]func([]byte, []byte) []byte{
		"moved":       func(_, other []byte) []byte { return other },
		"bit flipped": func(b, _ []byte) []byte { b[len(b)-1] ^= 1; return b },
		"new nonce":   func(b, _ []byte) []byte { b[3] ^= 1; return b },
		"new version": func(b, _ []byte) []byte { b[0]++; return b },
		"cut":         func(b, _ []byte) []byte { return b[:len(b)-1] },
		"short":       func(b, _ []byte) []byte { return b[:5] },
		"empty":       func([]byte, []byte) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			c := c
			c.Logger = hclog.New(&hclog.LoggerOptions{Output: &log})
			var before []byte
			err := c.Store.Update(ctx, func(tx store.Tx) (err error) {
				if before, err = tx.Get("secret", "chat/a/token"); err != nil {
					return err
				}
				other, err := tx.Get("secret", "chat/b/token")
				if err != nil {
					return err
				}
				if bytes.Contains(before, []byte("value")) {
					t.Error("the value is readable in the store")
				}
				return tx.Put("secret", "chat/a/token", change(bytes.Clone(before), other))
			})
			if err != nil {
				t.Fatal(err)
			}
			v := open(t, c)
			_, err = v.Get(ctx, "chat", "a", "token")
			wantCode(t, "damaged", err, wit.CodeInvalid)
			if v.Has("chat", "a", "token") || len(v.List("chat")) != 2 || v.Count("chat") != 2 || !strings.Contains(log.String(), "damaged") {
				t.Errorf("a damaged credential: has %v, list %v, log %q", v.Has("chat", "a", "token"), v.List("chat"), log.String())
			}
			want(t, v, "chat", "b", "token", "the second value")
			put(t, v, "chat", "a", "token", "the first value") // entering it again mends it
			want(t, open(t, c), "chat", "a", "token", "the first value")
		})
	}
}

func TestLostHeader(t *testing.T) {
	c := config(t)
	put(t, open(t, c), "chat", "a", "token", "value")
	if err := c.Store.Update(ctx, func(tx store.Tx) error { return tx.Delete("secret.vault", "key") }); err != nil {
		t.Fatal(err)
	}
	_, err := secret.Open(ctx, c)
	wantCode(t, "credentials without a header", err, wit.CodeInvalid)
}

func TestStoreFails(t *testing.T) {
	c := config(t)
	v := open(t, c)
	put(t, v, "chat", "a", "token", "value one")
	if err := c.Store.Close(); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "put", v.Put(ctx, "chat", "a", "token", "value two"), wit.CodeUnavailable)
	wantCode(t, "delete", v.Delete(ctx, "chat", "a", "token"), wit.CodeUnavailable)
	want(t, v, "chat", "a", "token", "value one") // what could not be stored did not happen
	_, err := secret.Open(ctx, c)
	wantCode(t, "open", err, wit.CodeUnavailable)
}

func TestSilence(t *testing.T) {
	c := config(t)
	var log bytes.Buffer
	c.Logger = hclog.New(&hclog.LoggerOptions{Output: &log, Level: hclog.Trace})
	c.Passphrase = "open sesame please"
	v := open(t, c)
	value := strings.Repeat("s3cr3t", 20000)
	err := errors.Join(v.Put(ctx, "chat", "a", "token", value), v.Put(ctx, "chat", "a/", "token", "s3cr3t"))
	put(t, v, "chat", "a", "token", "s3cr3t")
	text := log.String() + err.Error() + fmt.Sprint(v.List("")) + fmt.Sprintf("%+v", v.List(""))
	for _, secret := range []string{"s3cr3t", "sesame"} {
		if strings.Contains(text, secret) {
			t.Errorf("%s is in %.500q", secret, text)
		}
	}
	b, err := os.ReadDir(c.StateDir)
	if len(b) != 0 || err != nil {
		t.Errorf("a vault with a passphrase leaves %v in the state folder, %v", b, err)
	}
}

func TestConcurrent(t *testing.T) {
	c := config(t)
	v := open(t, c)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 20 {
				value := fmt.Sprintf("value %d of %d", i, w)
				put(t, v, "chat", fmt.Sprint(w), "token", value)
				want(t, v, "chat", fmt.Sprint(w), "token", value)
				put(t, v, "chat", "all", "token", value)
				if got := v.Redact("x " + value + " y"); got != "x [redacted] y" {
					t.Errorf("redact: %q", got)
				}
				v.List("")
			}
		})
	}
	wg.Wait()
	last, err := v.Get(ctx, "chat", "all", "token")
	if err != nil {
		t.Fatal(err)
	}
	want(t, open(t, c), "chat", "all", "token", last) // memory and store agree on who was last
}

func TestOnDisk(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state.db")
	db, err := store.Open(ctx, path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	put(t, open(t, secret.Config{Store: db, StateDir: dir}), "chat", "a", "token", "a value that nobody may find")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil || bytes.Contains(b, []byte("nobody may find")) || !bytes.Contains(b, []byte("chat/a/token")) {
		t.Errorf("the file has the value in clear, or not even its name: %v", err)
	}
}
