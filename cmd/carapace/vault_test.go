package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCredentialsPage executes every command of the page about credentials, in order, against one gateway, which then
// starts with the passphrase that the page gave it, and not without.
func TestCredentialsPage(t *testing.T) {
	state, page, bin, ran := stateDir(t), blocks(t, "docs/credentials.md"), path(t), 0
	g := serve(t, state)
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"key.txt": "sk-page-0123456789\n", "new-key.txt": "sk-page-9876543210\n", "passphrase.txt": "the passphrase of the page\n",
	} {
		write(t, name, text)
	}
	for _, b := range page {
		ran += play(t, state, bin, b.text, strings.NewReplacer())
	}
	if ran != 9 {
		t.Errorf("%d commands were found on the page", ran)
	}
	for args, says := range map[string]string{
		"set openai api_key":                               "add --value",
		"set openai api_key --value sk-on-the-line":        "would be seen by others",
		"set openai api_key --value env:NOBODY_HAS_SET":    "not set",
		"set openai nothing --value file:key.txt":          "has no credential nothing",
		"rotate openai api_key --value file:key.txt":       "there is no credential api_key",
		"revoke openai api_key --yes":                      "there is no credential api_key",
		"key --to moon":                                    "source",
		"key --to passphrase --passphrase file:nobody.txt": "nobody.txt",
	} {
		if r := carapace(t, state, append([]string{"credentials"}, strings.Fields(args)...)...); r.code == 0 || !strings.Contains(r.err, says) || strings.Contains(r.err, "sk-") && !strings.Contains(args, "on-the-line") {
			t.Errorf("%s: %+v", args, r)
		}
	}
	g.Stop()
	for args, says := range map[string]string{
		"":                              "CARAPACE_PASSPHRASE",
		" --passphrase file:key.txt":    "the passphrase is wrong",
		" --passphrase file:nobody.txt": "nobody.txt",
	} {
		if r := carapace(t, state, strings.Fields("serve --port 0"+args)...); r.code == 0 || !strings.Contains(r.err, says) {
			t.Errorf("%s: %+v", args, r)
		}
	}
	t.Setenv("CARAPACE_PASSPHRASE", "the passphrase of the page")
	g.Start()
	if out := must(t, state, "credentials", "status"); !strings.Contains(out, "by a passphrase") {
		t.Error(out)
	}
}

// TestBackupPage executes every command of the page about backups, in order: the gateway runs for the first block and not for
// the second, and starts again with what was restored.
func TestBackupPage(t *testing.T) {
	state, page, bin, ran := stateDir(t), blocks(t, "docs/backup.md"), path(t), 0
	g := serve(t, state)
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, "passphrase.txt", "the passphrase of the page\n")
	must(t, state, "config", "set", "agent.name", "before")
	local := strings.NewReplacer("/tmp/", dir+"/")
	for i, b := range page {
		if i == 1 {
			must(t, state, "config", "set", "agent.name", "after")
			r := carapace(t, state, "restore", filepath.Join(dir, "carapace.backup"), "--passphrase", "file:passphrase.txt", "--replace")
			if r.code == 0 || !strings.Contains(r.err, "stop it") {
				t.Errorf("a state in use: %+v", r)
			}
			g.Stop()
		}
		ran += play(t, state, bin, local.Replace(b.text), strings.NewReplacer())
	}
	if ran != 3 {
		t.Errorf("%d commands were found on the page", ran)
	}
	g.Start()
	if got := must(t, state, "config", "get", "agent.name"); got != "before\n" {
		t.Errorf("%q", got)
	}
	g.Stop()
	other := stateDir(t)
	for args, says := range map[string]string{
		"backup " + filepath.Join(dir, "carapace.backup"):                                   "exists already",
		"backup " + filepath.Join(state, "x.backup"):                                        "in the state directory",
		"backup verify " + filepath.Join(dir, "carapace.backup"):                            "--passphrase",
		"backup verify passphrase.txt":                                                      "no backup of carapace",
		"backup verify nothing.backup":                                                      "cannot be read",
		"restore carapace.backup --passphrase file:passphrase.txt":                          "--replace",
		"--state-dir " + other + " restore carapace.backup --passphrase env:NOT_SET_AT_ALL": "not set",
	} {
		if r := carapace(t, state, strings.Fields(args)...); r.code == 0 || !strings.Contains(r.err, says) {
			t.Errorf("%s: %+v", args, r)
		}
	}
	if r := carapace(t, state, "backup", "offline.backup"); r.code != 0 || !strings.Contains(r.out, "secret.key") {
		t.Errorf("while none runs: %+v", r)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 3 {
		t.Errorf("left: %v %v", left, err)
	}
}
