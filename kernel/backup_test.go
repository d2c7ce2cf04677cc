package kernel_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/secret"
	"github.com/carapace-gateway/carapace/kernel/service/system"
	"github.com/carapace-gateway/carapace/wit"
)

const backupPassphrase = "a passphrase of the backup"

// held are the messages that wait for the owner.
func held(l *kerneltest.Listener) (list struct {
	Messages []struct {
		ID    string
		Error *wit.Error
	}
}) {
	l.MustCall("delivery.list", object{"state": "held"}, &list)
	return list
}

// TestARestoredGatewayGoesOn: a backup is made in the midst of work, which goes on after it. What is restored from it, on
// another machine, has its conversations, credentials, pairings and files, and does nothing a second time.
func TestARestoredGatewayGoesOn(t *testing.T) {
	t.Parallel()
	p, dir, outside := kerneltest.NewPlatform(t), t.TempDir(), t.TempDir()
	asked, answer := make(chan struct{}, 10), make(chan struct{})
	brain := kerneltest.Provider("brain", func(context.Context, *wit.Chat) (*wit.ProviderAnswer, error) {
		asked <- struct{}{}
		select { // the deadline of a call may pass meanwhile: deriving a key takes long on a slow machine
		case <-answer:
		case <-t.Context().Done():
		}
		return kerneltest.Says("done"), nil
	})
	options := func(dir string) []kerneltest.Option {
		return []kerneltest.Option{kerneltest.StateDir(dir), account(t, p, openToAll), kerneltest.Plugin(kerneltest.Channel("chat"), brain)}
	}
	k := kerneltest.Start(t, options(dir)...)
	l := k.Listen()
	setToken(l)
	identity := filepath.Join(outside, "node.key")
	node := joinNode(t, k, client.Options{Identity: identity})
	if err := os.WriteFile(filepath.Join(dir, "plugins", "note.txt"), []byte("a file of the owner's"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.Refuse(1_000_000, 429)
	sending := make(chan error, 1)
	go func() {
		sending <- l.Call(context.WithoutCancel(t.Context()), "send", object{"channel": "chat", "to": "ann", "message": "hello once", "idempotencyKey": "s1"}, nil)
	}()
	p.Until("the platform is asked", func(posts []kerneltest.Post) bool { return len(posts) > 0 })
	l.Send("r1", "a question")
	<-asked
	path := filepath.Join(outside, "carapace.backup")
	var made system.BackedUp
	l.MustCall("backup.create", object{"path": path, "passphrase": backupPassphrase}, &made)
	if made.Files < 3 || made.OpensWith != "passphrase" || made.Size == 0 {
		t.Errorf("%+v", made)
	}
	for what, bad := range map[string]object{
		"over a file": {"path": path}, "into the state": {"path": filepath.Join(dir, "x.backup")}, "a relative path": {"path": "x.backup"},
		"a short passphrase": {"path": path + "2", "passphrase": "short"}, "no such folder": {"path": filepath.Join(outside, "no", "x")},
	} {
		if err := l.Call(t.Context(), "backup.create", bad, nil); err == nil || strings.Contains(err.Error(), "short\"") {
			t.Errorf("%s: %v", what, err)
		}
	}
	close(answer) // it goes on after the backup, to its end
	l.End("r1")
	p.Refuse(0, 0)
	p.Until("it is sent", func(posts []kerneltest.Post) bool { return !posts[len(posts)-1].Refused })
	<-sending
	if _, err := kernel.Restore(t.Context(), kernel.RestoreOptions{Path: path, StateDir: dir, Replace: true, Vault: secret.Config{Passphrase: backupPassphrase}}); wit.CodeOf(err) != wit.CodeConflict {
		t.Errorf("over a gateway that runs: %v", err)
	}
	k.Stop()
	refuseChanged(t, path)

	sent, other := len(p.Posts()), t.TempDir()
	r, err := kernel.Restore(t.Context(), kernel.RestoreOptions{Path: path, StateDir: other, Vault: secret.Config{Passphrase: backupPassphrase}})
	if err != nil || r.Held != 1 || r.Ended != 1 || r.Files != made.Files || r.Key != "file" || r.Before != "" {
		t.Fatalf("%+v %v", r, err)
	}
	if b, err := os.ReadFile(filepath.Join(other, "plugins", "note.txt")); err != nil || string(b) != "a file of the owner's" {
		t.Errorf("%q %v", b, err)
	}
	k = kerneltest.Start(t, options(other)...)
	l = k.Listen()
	if again := joinNode(t, k, client.Options{Identity: identity}); again.id != node.id {
		t.Error("the node is another one")
	}
	var nodes struct{ Nodes []struct{ NodeID string } }
	if l.MustCall("node.list", nil, &nodes); len(nodes.Nodes) != 1 || nodes.Nodes[0].NodeID != node.id {
		t.Errorf("nodes %+v", nodes)
	}
	list := held(l)
	if len(list.Messages) != 1 || list.Messages[0].Error == nil || !strings.Contains(list.Messages[0].Error.Message, "may have been sent") || len(p.Posts()) != sent {
		t.Fatalf("held %+v, sent %d, before %d", list, len(p.Posts()), sent)
	}
	if got := l.Ask("r2", "another one"); got != "done" || len(asked) != 1 {
		t.Errorf("%q; what was answered before is asked for again: %d", got, len(asked))
	}
	l.MustCall("delivery.release", object{"id": list.Messages[0].ID}, nil)
	posts := p.Until("the owner lets it go", func(posts []kerneltest.Post) bool { return len(posts) > sent })
	if last := posts[len(posts)-1]; last.Text != "hello once" || last.Authorization != "Bearer platform-token" {
		t.Errorf("%+v", last)
	}
}

// refuseChanged changes a backup in many places, none of which gets as far as the state directory.
func refuseChanged(t *testing.T, path string) {
	t.Helper()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(whole, []byte("a question")) || bytes.Contains(whole, []byte("platform-token")) {
		t.Error("it can be read without the passphrase")
	}
	dir, bad := t.TempDir(), filepath.Join(t.TempDir(), "bad.backup")
	try := func(what string, b []byte, passphrase string) {
		t.Helper()
		if err := os.WriteFile(bad, b, 0o600); err != nil {
			t.Fatal(err)
		}
		o := kernel.RestoreOptions{Path: bad, StateDir: dir, Vault: secret.Config{Passphrase: passphrase}}
		_, err := kernel.Restore(t.Context(), o)
		if code := wit.CodeOf(err); code != wit.CodeInvalid && code != wit.CodeUnauthorized {
			t.Errorf("%s: %v", what, err)
		}
		left, _ := os.ReadDir(dir)
		for _, e := range left {
			if e.Name() != "carapace.db.lock" {
				t.Errorf("%s has left %s", what, e.Name())
			}
		}
	}
	try("another passphrase", whole, "another passphrase")
	try("none", whole, "")
	try("cut in the middle", whole[:len(whole)/2], backupPassphrase)
	try("cut at its end", whole[:len(whole)-1], backupPassphrase)
	try("empty", nil, backupPassphrase)
	try("more behind it", append(bytes.Clone(whole), 'x'), backupPassphrase)
	for _, at := range []int{3, 40, 150, len(whole) / 2, len(whole) - 3} {
		changed := bytes.Clone(whole)
		changed[at] ^= 1
		try("a bit changed", changed, backupPassphrase)
	}
}

// TestABackupForTheSameMachine opens with the key of the credentials, also after it was restored over what came later, which
// is put aside.
func TestABackupForTheSameMachine(t *testing.T) {
	t.Parallel()
	dir, outside := t.TempDir(), t.TempDir()
	k := kerneltest.Start(t, kerneltest.StateDir(dir), kerneltest.Plugin(kerneltest.Echo("echo")))
	l := k.Listen()
	l.Ask("r1", "before")
	first, second := filepath.Join(outside, "1"), filepath.Join(outside, "2")
	l.MustCall("backup.create", object{"path": first}, nil)
	l.Ask("r2", "after")
	k.Stop()
	vault := secret.Config{StateDir: dir}
	if made, err := kernel.Backup(t.Context(), kernel.BackupOptions{StateDir: dir, Version: "test"}, second, ""); err != nil || made.OpensWith != "vault-file" {
		t.Fatalf("%+v %v", made, err)
	}
	if _, err := kernel.VerifyBackup(t.Context(), first, secret.Config{StateDir: t.TempDir()}); wit.CodeOf(err) != wit.CodeUnavailable {
		t.Errorf("without the key: %v", err)
	}
	o := kernel.RestoreOptions{Path: first, StateDir: dir, Vault: vault}
	if _, err := kernel.Restore(t.Context(), o); wit.CodeOf(err) != wit.CodeConflict {
		t.Errorf("over a state: %v", err)
	}
	o.Replace = true
	for path, wants := range map[string]bool{first: false, second: true} {
		o.Path = path
		r, err := kernel.Restore(t.Context(), o)
		if err != nil || r.Before == "" {
			t.Fatalf("%+v %v", r, err)
		}
		if _, err := os.Stat(filepath.Join(r.Before, "carapace.db")); err != nil {
			t.Error(err)
		}
		k := kerneltest.Start(t, kerneltest.StateDir(dir), kerneltest.Plugin(kerneltest.Echo("echo")))
		var kept json.RawMessage
		k.Listen().MustCall("chat.history", object{"sessionKey": "main"}, &kept)
		text := string(kept)
		if !strings.Contains(text, "before") || strings.Contains(text, "after") != wants {
			t.Errorf("%s: %s", path, text)
		}
		k.Stop()
	}
}
