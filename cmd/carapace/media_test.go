//go:build linux

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/service/media"
)

// TestMediaPage runs the commands that docs/media.md shows, and compares what it shows of them.
func TestMediaPage(t *testing.T) {
	state := stateDir(t)
	serve(t, state)
	shown := map[string]string{}
	for _, b := range blocks(t, "docs/media.md") {
		shown[b.language+" "+b.kind] = b.text
	}
	t.Chdir(t.TempDir())
	if err := os.WriteFile("hello.txt", []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	used := regexp.MustCompile(` \d+s ago`)
	for _, line := range strings.Split(strings.TrimSpace(shown["sh media"]), "\n") {
		words := strings.Fields(line)
		got := must(t, state, words[1:]...)
		if words[2] == "list" && used.ReplaceAllString(got, "0s ago") != used.ReplaceAllString(shown["console list"], "0s ago") {
			t.Errorf("%s prints\n%s", line, got)
		}
	}
	if b, err := os.ReadFile("copy.txt"); err != nil || string(b) != "hello" {
		t.Errorf("%q %v", b, err)
	}
}

// TestMediaCommands: what is put can be listed, got and removed, and nothing of this machine is written over.
func TestMediaCommands(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	serve(t, state)
	if got := must(t, state, "media", "list"); !strings.Contains(got, "no file is kept") {
		t.Errorf("%s", got)
	}
	from, to := filepath.Join(t.TempDir(), "hello & bye.txt"), filepath.Join(t.TempDir(), "copy")
	if err := os.WriteFile(from, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	var f media.File
	if err := json.Unmarshal([]byte(must(t, state, "media", "put", from, "--json")), &f); err != nil || f.Name != "hello & bye.txt" || f.Mime != "text/plain" {
		t.Fatalf("%+v %v", f, err)
	}
	if got := must(t, state, "media", "list"); !strings.Contains(got, f.ID[:shortID]+"  text/plain  5 B") || !strings.Contains(got, "1 file, 5 B of at most 2.0 GB; each is kept for 7d after its last use") {
		t.Errorf("%s", got)
	}
	if got := must(t, state, "status"); !strings.Contains(got, "media     1 file, 5 B of at most") {
		t.Errorf("%s", got)
	}
	if got := must(t, state, "media", "get", f.ID[:8], to); !strings.Contains(got, "written: "+to) {
		t.Errorf("%s", got)
	}
	if b, err := os.ReadFile(to); err != nil || string(b) != "hello" {
		t.Errorf("%q %v", b, err)
	}
	if got := must(t, state, "media", "get", f.ID, "-"); got != "hello" {
		t.Errorf("%q", got)
	}
	for args, says := range map[string]string{
		"media get " + f.ID[:8] + " " + to: "is there already", "media get abcdef": "`carapace media list` shows", "media get": "FILE is missing",
		"media put " + to + ".none": "no such file", "media put " + filepath.Dir(to): "not a plain file", "media rm 0123": "there is no file",
		"media fetch http://127.0.0.1/x": "https", "media fetch https://127.0.0.1/x": "private",
		"media get " + strings.Repeat("0", 64): "there is no file", "media fetch x --timeout 0s": "duration",
	} {
		if r := carapace(t, state, strings.Fields(args)...); r.code == 0 || !strings.Contains(r.err, says) {
			t.Errorf("%s: %d %s", args, r.code, r.err)
		}
	}
	if got := must(t, state, "media", "rm", f.ID[:8]); !strings.Contains(got, "removed") {
		t.Errorf("%s", got)
	}
}
