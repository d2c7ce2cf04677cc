package examples_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/pdk-examples/go-files/toypost"
	"github.com/carapace-gateway/carapace/pdk-examples/go-vision/toyeye"
)

const postHook = "http://gateway/plugins/go-files/home/"

func filesConfig(server, more string) string {
	return fmt.Sprintf(`{%s"channels":{"go-files":{"accounts":{"home":{"dmPolicy":"open","config":{"url":%q}}}}}}`, more, server)
}

// arrives has somebody send the bot a message.
func arrives(t *testing.T, k *kerneltest.Kernel, m toypost.Message) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), kerneltest.Patience)
	defer cancel()
	if err := toypost.Send(ctx, k.HTTP(), postHook, m); err != nil {
		t.Fatal(err)
	}
}

// TestQuotes: the model reads what a message answers, and who has said first what is handed on; a file of the owner's goes out.
func TestQuotes(t *testing.T) {
	t.Parallel()
	server := toypost.New()
	k := start(t, []string{"go-files"}, kerneltest.Config(t, filesConfig(serve(t, server), "")), kerneltest.Plugin(kerneltest.Echo("echo")))
	l := k.Listen()
	configure(l, "go-files", "home", "token", toypost.Token)
	ctx, cancel := context.WithTimeout(t.Context(), kerneltest.Patience)
	defer cancel()
	arrives(t, k, toypost.Message{ID: "1", From: "ann", Text: "is it?", Answers: &toypost.Said{ID: "3", From: "bob", Text: "the sun is cold"}})
	arrives(t, k, toypost.Message{ID: "2", From: "cy", Text: "ice is hot", Forwarded: &toypost.Said{From: "eve", At: 1700000000}})
	for _, p := range server.Posts(ctx, 2) {
		answered := p.To == "ann" && strings.Contains(p.Text, "bob: the sun is cold") && strings.Contains(p.Text, "is it?")
		handedOn := p.To == "cy" && strings.Contains(p.Text, "eve") && strings.Contains(p.Text, "ice is hot")
		if !answered && !handedOn {
			t.Errorf("the model has read %+v", p)
		}
	}
	l.MustCall("send", map[string]any{"channel": "go-files", "to": "ann", "message": "a dot", "idempotencyKey": "s1",
		"buffer": dot, "filename": "dot.png", "contentType": "image/png"}, nil)
	p := server.Posts(ctx, 3)[2]
	if len(p.Files) != 1 || base64.StdEncoding.EncodeToString([]byte(p.Files[0])) != dot || p.Text != "a dot" {
		t.Errorf("ann has got %+v", p)
	}
}

// TestFiles: a picture that somebody sends is fetched and seen by the model, also where the gateway was killed before that has
// answered; the answer comes once.
func TestFiles(t *testing.T) {
	t.Parallel()
	server, eye, state := toypost.New(), toyeye.New(), t.TempDir()
	disk, ring := &mortal{Store: store.OpenMemory()}, kerneltest.Keyring{}
	config := kerneltest.Config(t, filesConfig(serve(t, server), fmt.Sprintf(
		`"agent":{"model":"go-vision/eye"},"plugins":{"go-vision":{"config":{"url":%q}}},`, serve(t, eye))))
	for _, id := range []string{"go-files", "go-vision"} {
		drop(t, filepath.Join(state, "plugins", id), id)
	}
	boot := func() *kerneltest.Kernel {
		disk.kill(nil)
		return kerneltest.Start(t, config, kerneltest.StateDir(state), kerneltest.Store(disk, ring), kerneltest.Compiled(t))
	}
	k := boot()
	configure(k.Listen(), "go-files", "home", "token", toypost.Token)
	data, _ := base64.StdEncoding.DecodeString(dot)
	picture := toypost.Message{ID: "1", From: "ann", Text: "what is this?", File: &toypost.File{Path: server.Keep(string(data)), Type: "image/png", Size: len(data), Width: 1, Height: 1}}
	eye.Hold(true)
	arrives(t, k, picture)
	looked(t, eye, 1)
	disk.kill(func(string, bool) bool { return true })
	k.Stop()
	k = boot()
	arrives(t, k, picture) // once more: the messenger has not heard that it was taken
	looked(t, eye, 2)
	eye.Hold(false)
	ctx, cancel := context.WithTimeout(t.Context(), kerneltest.Patience)
	defer cancel()
	server.Posts(ctx, 1)
	arrives(t, k, toypost.Message{ID: "2", From: "ann", Text: "and without one?"})
	if posts := server.Posts(ctx, 2); len(posts) != 2 || posts[0].To != "ann" || posts[0].Text != "image/png with 70 bytes" {
		t.Errorf("ann has got %+v", posts)
	}
}

// looked waits until the model was asked so many times, and returns what it was shown.
func looked(t *testing.T, eye *toyeye.Server, times int) [][]toyeye.Picture {
	t.Helper()
	timeout := time.After(kerneltest.Patience)
	for {
		looks, changed := eye.Looks()
		if len(looks) >= times {
			return looks
		}
		select {
		case <-changed:
		case <-timeout:
			t.Fatalf("the model was asked %d times, not %d", len(looks), times)
		}
	}
}
