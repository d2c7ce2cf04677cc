package secret_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/secret"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

const phrase = "correct horse battery"

// sealed returns what the store has of a credential.
func sealed(t *testing.T, s store.Store, key string) (box []byte) {
	t.Helper()
	err := s.View(ctx, func(tx store.Tx) (err error) {
		box, err = tx.Get("secret", key)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return box
}

// TestRekey goes from each place to each other, and from each to itself with another key.
func TestRekey(t *testing.T) {
	c, r := config(t), &ring{items: map[string]string{}}
	c.Ring = r
	path := filepath.Join(c.StateDir, secret.KeyFile)
	put(t, open(t, c), "chat", "a", "token", "value one")
	derived := open(t, c).Key("x")
	for _, to := range []secret.Place{
		secret.InFile, secret.InKeyring, secret.InKeyring, secret.ByPassphrase, secret.ByPassphrase, secret.InFile,
	} {
		v, before := open(t, c), sealed(t, c.Store, "chat/a/token")
		c.Passphrase = ""
		if to == secret.ByPassphrase {
			c.Passphrase = phrase
		}
		if err := v.Rekey(ctx, to, c.Passphrase); err != nil {
			t.Fatalf("to %s: %v", to, err)
		}
		if bytes.Equal(before, sealed(t, c.Store, "chat/a/token")) {
			t.Errorf("to %s: what is stored has the old key", to)
		}
		put(t, v, "chat", "a", "other", "set under the new key")
		for _, v := range []*secret.Vault{v, open(t, c)} {
			want(t, v, "chat", "a", "token", "value one")
			want(t, v, "chat", "a", "other", "set under the new key")
			if s := v.Status(); s.Source != to || s.Credentials != 2 || s.Damaged != 0 || s.Created == 0 || s.Rotated < s.Created || (s.KDF != nil) != (to == secret.ByPassphrase) {
				t.Errorf("to %s: %+v", to, s)
			}
			if !bytes.Equal(v.Key("x"), derived) {
				t.Errorf("to %s: a derived key has changed", to)
			}
		}
		if _, err := os.Stat(path); (err == nil) != (to == secret.InFile) || len(r.items) != map[bool]int{true: 1}[to == secret.InKeyring] {
			t.Errorf("to %s: key file %v, %d items in the keyring: the old one is still there", to, err, len(r.items))
		}
	}
}

// TestRekeyCutOff kills the change of a key file before, and after, its commit.
func TestRekeyCutOff(t *testing.T) {
	c := config(t)
	path := filepath.Join(c.StateDir, secret.KeyFile)
	put(t, open(t, c), "chat", "a", "token", "value one")
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	faulty := storetest.NewFaulty(c.Store)
	c2 := c
	c2.Store = faulty
	v := open(t, c2)
	faulty.Fail(storetest.FaultCommit, 1, 1)
	wantCode(t, "a disk that is full", v.Rekey(ctx, "", ""), wit.CodeUnavailable)
	want(t, v, "chat", "a", "token", "value one")
	put(t, v, "chat", "b", "token", "after the failure")
	if b, _ := os.ReadFile(path); len(b) != 2*len(old) {
		t.Errorf("the file has %d bytes", len(b))
	}
	want(t, open(t, c), "chat", "b", "token", "after the failure")
	if b, _ := os.ReadFile(path); !bytes.Equal(b, old) {
		t.Error("the key that opens nothing was not taken away, or the other one was")
	}
	if err := open(t, c).Rekey(ctx, "", ""); err != nil {
		t.Fatal(err)
	}
	now, _ := os.ReadFile(path)
	if err := os.WriteFile(path, append(bytes.Clone(now), old...), 0o600); err != nil { // killed before the old key was taken away
		t.Fatal(err)
	}
	want(t, open(t, c), "chat", "a", "token", "value one")
	if b, _ := os.ReadFile(path); !bytes.Equal(b, now) {
		t.Error("the old key was not taken away")
	}
}

// TestRekeyRefused changes nothing.
func TestRekeyRefused(t *testing.T) {
	c := config(t)
	c.Ring = &ring{fail: fmt.Errorf("no bus")}
	v := open(t, c)
	put(t, v, "chat", "a", "token", "value one")
	for _, tried := range []struct {
		to         secret.Place
		passphrase string
		code       wit.Code
	}{
		{"moon", "", wit.CodeInvalid}, {secret.InMemory, "", wit.CodeInvalid}, {secret.InFile, phrase, wit.CodeInvalid},
		{secret.ByPassphrase, "", wit.CodeInvalid}, {secret.ByPassphrase, "short", wit.CodeInvalid}, {secret.InKeyring, "", wit.CodeUnavailable},
	} {
		err := v.Rekey(ctx, tried.to, tried.passphrase)
		if wit.CodeOf(err) != tried.code || tried.passphrase != "" && strings.Contains(err.Error(), tried.passphrase) {
			t.Errorf("to %q: %v", tried.to, err)
		}
	}
	want(t, open(t, c), "chat", "a", "token", "value one")
}

// TestADamagedOneStaysAlone: a key is changed also where one credential is damaged, which stays listed.
func TestADamagedOneStaysAlone(t *testing.T) {
	c := config(t)
	v := open(t, c)
	put(t, v, "chat", "a", "token", "value one")
	put(t, v, "chat", "b", "token", "value two")
	err := c.Store.Update(ctx, func(tx store.Tx) error { return tx.Put("secret", "chat/a/token", []byte("nonsense")) })
	if err != nil {
		t.Fatal(err)
	}
	if err := open(t, c).Rekey(ctx, "", ""); err != nil {
		t.Fatal(err)
	}
	v = open(t, c)
	want(t, v, "chat", "b", "token", "value two")
	_, err = v.Get(ctx, "chat", "a", "token")
	wantCode(t, "damaged", err, wit.CodeInvalid)
	if uses := v.Uses(""); v.Status().Damaged != 1 || len(uses) != 2 || !uses[0].Damaged || uses[1].Damaged {
		t.Errorf("%+v %+v", v.Status(), uses)
	}
}

// TestAsked asks for the passphrase, three times at most and slower each time.
func TestAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := config(t)
		c.Passphrase = phrase
		put(t, open(t, c), "chat", "a", "token", "value one")
		c.Passphrase = ""
		answers := []string{"wrong", phrase}
		c.Ask = func(context.Context) (string, error) {
			a := answers[0]
			answers = answers[1:]
			return a, nil
		}
		want(t, open(t, c), "chat", "a", "token", "value one")
		answers = []string{"wrong", "wrong", "wrong", phrase}
		begun := time.Now()
		_, err := secret.Open(ctx, c)
		wantCode(t, "three wrong ones", err, wit.CodeUnauthorized)
		if took := time.Since(begun); len(answers) != 1 || took < 6*time.Second || took > time.Minute {
			t.Errorf("%d answers left after %v", len(answers), took)
		}
	})
}

// TestUses tells when a credential was set and used, also after a restart.
func TestUses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := config(t)
		v := open(t, c)
		run, stop := context.WithCancel(ctx)
		done := make(chan error, 1)
		go func() { done <- v.Run(run) }()
		put(t, v, "chat", "a", "token", "value one")
		set := time.Now().UnixMilli()
		time.Sleep(time.Hour)
		want(t, v, "chat", "a", "token", "value one")
		used := time.Now().UnixMilli()
		if uses := v.Uses(""); len(uses) != 1 || uses[0].Set != set || uses[0].Used != used {
			t.Errorf("%+v at %d", uses, used)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if uses := open(t, c).Uses(""); len(uses) != 1 || uses[0].Set != set || uses[0].Used != used {
			t.Errorf("after a restart: %+v", uses)
		}
		put(t, v, "chat", "a", "token", "value two")
		if uses := open(t, c).Uses(""); uses[0].Set != used || uses[0].Used != 0 {
			t.Errorf("set again: %+v", uses)
		}
	})
}
