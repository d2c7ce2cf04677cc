package secret_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/secret"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

func TestPassphrase(t *testing.T) {
	c := config(t)
	c.Passphrase = "correct horse"
	put(t, open(t, c), "chat", "a", "token", "value")
	want(t, open(t, c), "chat", "a", "token", "value")
	for _, wrong := range []string{"", "correct horsf", "Correct horse"} {
		c.Passphrase = wrong
		_, err := secret.Open(ctx, c)
		wantCode(t, "passphrase "+wrong, err, wit.CodeUnauthorized)
		if wrong != "" && strings.Contains(err.Error(), wrong) {
			t.Errorf("the passphrase is in the error: %v", err)
		}
	}
}

// The stored parameters are what a thief of the store could change to make the gateway work for days.
func TestHostileParameters(t *testing.T) {
	c := config(t)
	c.Passphrase = "correct horse"
	open(t, c)
	for from, to := range map[string]string{`"time":3`: `"time":4000000000`, `"memory":65536`: `"memory":4000000000`, `"threads":4`: `"threads":0`, `"kdf":`: `"kdx":`} {
		err := c.Store.Update(ctx, func(tx store.Tx) error {
			b, err := tx.Get("secret.vault", "key")
			if err != nil {
				return err
			}
			if !strings.Contains(string(b), from) {
				t.Fatalf("no %s in %s", from, b)
			}
			return tx.Put("secret.vault", "key", []byte(strings.Replace(string(b), from, to, 1)))
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = secret.Open(ctx, c)
		wantCode(t, to, err, wit.CodeInvalid)
		err = c.Store.Update(ctx, func(tx store.Tx) error {
			b, _ := tx.Get("secret.vault", "key")
			return tx.Put("secret.vault", "key", []byte(strings.Replace(string(b), to, from, 1)))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	open(t, c)
}

func TestKeyFile(t *testing.T) {
	c := config(t)
	path := filepath.Join(c.StateDir, secret.KeyFile)
	put(t, open(t, c), "chat", "a", "token", "value")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("key file: %v, %v", info, err)
	}
	if list, _ := os.ReadDir(c.StateDir); len(list) != 1 {
		t.Errorf("left in the state folder: %v", list)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write := func(b []byte, mode os.FileMode) {
		if err := errors.Join(os.RemoveAll(path), os.WriteFile(path, b, mode), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
	}
	other := bytes.Clone(good)
	if other[0] == '0' {
		other[0] = '1'
	} else {
		other[0] = '0'
	}
	for _, c2 := range []struct {
		name string
		make func()
		code wit.Code
		says string
	}{
		{"readable by the group", func() { write(good, 0o640) }, wit.CodeInvalid, "chmod 600 " + path},
		{"another key", func() { write(other, 0o600) }, wit.CodeUnauthorized, "restore"},
		{"not a key", func() { write([]byte("hello"), 0o600) }, wit.CodeInvalid, "restore"},
		{"empty", func() { write(nil, 0o600) }, wit.CodeInvalid, "restore"},
		{"missing", func() { _ = os.Remove(path) }, wit.CodeUnavailable, "restore"},
		{"a folder", func() { _ = os.Mkdir(path, 0o700) }, wit.CodeInvalid, "not a plain file"},
	} {
		c2.make()
		_, err := secret.Open(ctx, c)
		if wit.CodeOf(err) != c2.code || !strings.Contains(err.Error(), c2.says) {
			t.Errorf("%s: %v (code %q); want %q and %q", c2.name, err, wit.CodeOf(err), c2.code, c2.says)
		}
	}
	write(good, 0o600)
	want(t, open(t, c), "chat", "a", "token", "value")
}

// A crash between the key file and the header leaves a key file that the next start uses.
func TestHalfMade(t *testing.T) {
	c := config(t)
	open(t, c)
	c.Store = store.OpenMemory()
	put(t, open(t, c), "chat", "a", "token", "value")
	want(t, open(t, c), "chat", "a", "token", "value")
}

func TestNoStateFolder(t *testing.T) {
	c := config(t)
	c.StateDir = filepath.Join(c.StateDir, "missing")
	_, err := secret.Open(ctx, c)
	wantCode(t, "no state folder", err, wit.CodeUnavailable)
}

func TestFromFileToPassphrase(t *testing.T) {
	c := config(t)
	put(t, open(t, c), "chat", "a", "token", "value")
	c.Passphrase = "correct horse"
	want(t, open(t, c), "chat", "a", "token", "value")
	if _, err := os.Stat(filepath.Join(c.StateDir, secret.KeyFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the key file is still there: %v", err)
	}
	want(t, open(t, c), "chat", "a", "token", "value")
	c.Passphrase = ""
	_, err := secret.Open(ctx, c)
	wantCode(t, "without the passphrase", err, wit.CodeUnauthorized)
}

// ring is a keyring in memory; fail makes it fail, hang makes it wait.
type ring struct {
	items map[string]string
	fail  error
	hang  chan struct{}
}

func (r *ring) Get(item string) (string, error) {
	if r.hang != nil {
		<-r.hang
	}
	if r.fail != nil {
		return "", r.fail
	}
	v, ok := r.items[item]
	if !ok {
		return "", errors.New("no such item")
	}
	return v, nil
}

func (r *ring) Set(item, value string) error {
	if r.hang != nil {
		<-r.hang
	}
	if r.fail != nil {
		return r.fail
	}
	r.items[item] = value
	return nil
}

func (r *ring) Delete(item string) error {
	if r.fail != nil {
		return r.fail
	}
	delete(r.items, item)
	return nil
}

func TestKeyring(t *testing.T) {
	c := config(t)
	r := &ring{items: map[string]string{}}
	c.Keyring, c.Ring = true, r
	c.Passphrase = "not needed then"
	put(t, open(t, c), "chat", "a", "token", "value")
	if len(r.items) != 1 {
		t.Fatalf("the keyring has %d items, want 1", len(r.items))
	}
	c.Keyring = false // the vault knows where its key is
	want(t, open(t, c), "chat", "a", "token", "value")

	r.fail = errors.New("locked")
	_, err := secret.Open(ctx, c)
	wantCode(t, "keyring fails", err, wit.CodeUnavailable)
	r.fail = nil
	for item := range r.items {
		r.items[item] = strings.Repeat("0", 64)
	}
	_, err = secret.Open(ctx, c)
	wantCode(t, "another key", err, wit.CodeUnauthorized)
	clear(r.items)
	_, err = secret.Open(ctx, c)
	wantCode(t, "no item", err, wit.CodeUnavailable)
	if list, _ := os.ReadDir(c.StateDir); len(list) != 0 {
		t.Errorf("a vault with a keyring leaves %v", list)
	}
}

func TestKeyringFails(t *testing.T) {
	for passphrase, where := range map[string]string{"": "kept in " + string(filepath.Separator), "correct horse": "kept by the passphrase"} {
		var log bytes.Buffer
		c := config(t)
		c.Keyring, c.Ring, c.Passphrase = true, &ring{fail: errors.New("no bus")}, passphrase
		c.Logger = hclog.New(&hclog.LoggerOptions{Output: &log})
		put(t, open(t, c), "chat", "a", "token", "value")
		want(t, open(t, c), "chat", "a", "token", "value")
		if !strings.Contains(log.String(), "no bus") || !strings.Contains(log.String(), where) || !strings.Contains(log.String(), "credential store created") {
			t.Errorf("the log does not say why, and where the key is: %q", log.String())
		}
		if _, err := os.Stat(filepath.Join(c.StateDir, secret.KeyFile)); (err == nil) != (passphrase == "") {
			t.Errorf("passphrase %q: key file %v", passphrase, err)
		}
	}
}

func TestKeyringHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := config(t)
		hang := make(chan struct{})
		defer close(hang)
		c.Keyring, c.Ring = true, &ring{hang: hang, fail: errors.New("late")}
		start := time.Now()
		put(t, open(t, c), "chat", "a", "token", "value")
		if d := time.Since(start); d < time.Second || d > 10*time.Second {
			t.Errorf("it took %v", d)
		}
	})
}

// The system's own keyring: whatever this machine has, the vault opens.
func TestSystemKeyring(t *testing.T) {
	c := config(t)
	c.Keyring = true
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+filepath.Join(t.TempDir(), "nobody"))
	put(t, open(t, c), "chat", "a", "token", "value")
	want(t, open(t, c), "chat", "a", "token", "value")
}

// TestWithoutAStateFolder leaves nothing behind: neither in the working directory nor elsewhere.
func TestWithoutAStateFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	v, err := secret.Open(t.Context(), secret.Config{Store: store.OpenMemory()})
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Put(t.Context(), "p", "", "token", "hunter2!"); err != nil {
		t.Fatal(err)
	}
	if got, err := v.Get(t.Context(), "p", "", "token"); err != nil || got != "hunter2!" {
		t.Errorf("%q %v", got, err)
	}
	if files, err := os.ReadDir("."); err != nil || len(files) != 0 {
		t.Errorf("left behind: %v %v", files, err)
	}
}
