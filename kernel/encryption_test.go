package kernel_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/secret"
	"github.com/carapace-gateway/carapace/kernel/service/media"
	"github.com/carapace-gateway/carapace/kernel/service/system"
)

// TestWhatIsKeptIsEncrypted: with encryption on no word of a conversation is on the disk, the conversation goes on and outlives
// a restart, a new key of the credentials, and a backup that is restored elsewhere.
func TestWhatIsKeptIsEncrypted(t *testing.T) {
	t.Parallel()
	const word = "rhododendron"
	dir, other := t.TempDir(), t.TempDir()
	said := func(l *kerneltest.Listener) int {
		var kept json.RawMessage
		l.MustCall("chat.history", object{"sessionKey": "main"}, &kept)
		return strings.Count(string(kept), word)
	}
	found := func(l *kerneltest.Listener) (result struct{ Results []any }, err error) {
		err = l.Call(t.Context(), "sessions.search", object{"query": "rhodo"}, &result)
		return result, err
	}
	k, l := echoAt(t, dir)
	l.Ask("r1", "one "+word)
	if got, err := found(l); err != nil || len(got.Results) == 0 {
		t.Errorf("nothing is found: %v", err)
	}
	var status system.EncryptionStatus
	if l.MustCall("encryption.set", object{"enabled": true}, &status); !status.Enabled || status.Changing {
		t.Errorf("%+v", status)
	}
	l.Ask("r2", "two "+word)
	if got, err := found(l); err == nil || !strings.Contains(err.Error(), "carapace encrypt off") {
		t.Errorf("what is encrypted is found: %v %v", got, err)
	}
	l.MustCall("credentials.key", nil, nil)
	grep(t, dir, word)
	if n := said(l); n < 4 {
		t.Errorf("the word is in the history %d times", n)
	}
	l.MustCall("sessions.archive", object{"key": "main", "deleteHistory": true}, nil)
	files := archived(t, dir)
	if len(files) != 1 || bytes.HasPrefix(files[0], []byte("\x1f\x8b")) {
		t.Error("the archive is not sealed")
	}
	l.MustCall("encryption.set", object{"enabled": false}, nil)
	if files := archived(t, dir); len(files) != 1 || !bytes.HasPrefix(files[0], []byte("\x1f\x8b")) {
		t.Error("the archive is still sealed")
	}
	l.MustCall("encryption.set", object{"enabled": true}, nil)
	if files := archived(t, dir); len(files) != 1 || bytes.HasPrefix(files[0], []byte("\x1f\x8b")) {
		t.Error("the archive was not sealed")
	}
	archiveIsReplaced(t, l, dir)
	l.MustCall("sessions.restore", object{"key": "main"}, nil)
	path := other + ".backup"
	l.MustCall("backup.create", object{"path": path, "passphrase": backupPassphrase}, nil)
	k.Stop()
	grep(t, dir, word)
	if _, err := kernel.Restore(t.Context(), kernel.RestoreOptions{Path: path, StateDir: other, Vault: secret.Config{Passphrase: backupPassphrase}}); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{dir, other} {
		k, l := echoAt(t, dir)
		if l.MustCall("encryption.status", nil, &status); !status.Enabled || said(l) < 4 {
			t.Errorf("after a restart: %+v, %d", status, said(l))
		}
		if l.MustCall("encryption.set", object{"enabled": false}, &status); status.Enabled || said(l) < 4 {
			t.Errorf("decrypted: %+v, %d", status, said(l))
		}
		if got, err := found(l); err != nil || len(got.Results) < 4 {
			t.Errorf("found again: %d %v", len(got.Results), err)
		}
		k.Stop()
	}
}

// archiveIsReplaced: a file of the archive that is none of what was sealed is refused, plain ones too.
func archiveIsReplaced(t *testing.T, l *kerneltest.Listener, dir string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "archives", "*.jsonl.gz"))
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	whole := archived(t, dir)[0]
	for name, b := range map[string][]byte{"plain": []byte("\x1f\x8bplain"), "cut": whole[:len(whole)-1]} {
		if err := os.WriteFile(names[0], b, 0o600); err != nil {
			t.Fatal(err)
		}
		err := l.Call(t.Context(), "sessions.restore", object{"key": "main"}, nil)
		if err == nil || !strings.Contains(err.Error(), filepath.Base(names[0])) || name == "plain" && !strings.Contains(err.Error(), "is not encrypted") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.WriteFile(names[0], whole, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestMediaIsEncrypted: files that were there and new ones are sealed while encryption is on, and served in ranges all the same,
// also after a restart and from a backup that is restored elsewhere. One that was changed is refused.
func TestMediaIsEncrypted(t *testing.T) {
	t.Parallel()
	const word = "rhododendron"
	text := strings.Repeat(word+" ", 20_000)
	dir, other := t.TempDir(), t.TempDir()
	k := kerneltest.Start(t, kerneltest.StateDir(dir))
	l := k.Listen()
	var ids []string
	upload := func(text string) {
		t.Helper()
		res, body := k.Exchange("POST", "/media?name=a.txt", strings.NewReader(text))
		var f media.File
		if err := json.Unmarshal([]byte(body), &f); err != nil || res.StatusCode != 201 {
			t.Fatalf("%d %s", res.StatusCode, body)
		}
		ids = append(ids, f.ID)
	}
	served := func(k *kerneltest.Kernel) {
		t.Helper()
		for i, id := range ids {
			if res, body := k.Exchange("GET", "/media/"+id, nil); res.StatusCode != 200 || body != text[i:] {
				t.Errorf("file %d: %d, %d bytes", i, res.StatusCode, len(body))
			}
			res, body := k.Exchange("GET", "/media/"+id, nil, "Range", "bytes=65530-65545,200000-200001")
			if res.StatusCode != 206 || !strings.Contains(body, "\r\n\r\n"+text[i+65530:i+65546]+"\r\n") {
				t.Errorf("ranges of file %d: %d %q", i, res.StatusCode, body)
			}
		}
	}
	upload(text)
	l.MustCall("encryption.set", object{"enabled": true}, nil)
	upload(text[1:])
	grep(t, dir, word)
	served(k)
	path := other + ".backup"
	l.MustCall("backup.create", object{"path": path, "passphrase": backupPassphrase}, nil)
	k.Stop()
	if _, err := kernel.Restore(t.Context(), kernel.RestoreOptions{Path: path, StateDir: other, Vault: secret.Config{Passphrase: backupPassphrase}}); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{dir, other} {
		grep(t, dir, word)
		k := kerneltest.Start(t, kerneltest.StateDir(dir))
		served(k)
		damageMedia(t, k, dir, ids[1])
		k.Listen().MustCall("media.delete", object{"id": ids[1]}, nil)
		var status system.EncryptionStatus
		k.Listen().MustCall("encryption.set", object{"enabled": false}, &status)
		b, err := os.ReadFile(filepath.Join(dir, "media", ids[0][:2], ids[0]))
		if err != nil || string(b) != text || status.Enabled || status.Changing {
			t.Errorf("decrypted: %d bytes, %v, %+v", len(b), err, status)
		}
		k.Stop()
	}
}

// damageMedia changes a sealed file, which is refused then.
func damageMedia(t *testing.T, k *kerneltest.Kernel, dir, id string) {
	t.Helper()
	path := filepath.Join(dir, "media", id[:2], id+".sealed")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b[:len(b)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	if res, body := k.Exchange("GET", "/media/"+id, nil); res.StatusCode != 400 || !strings.Contains(body, "was changed on the disk") {
		t.Errorf("cut off: %d %s", res.StatusCode, body)
	}
}

// archived are the files of the archive.
func archived(t *testing.T, dir string) (files [][]byte) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "archives", "*.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, b)
	}
	return files
}
