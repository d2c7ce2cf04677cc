// Package zulip_test drives the Zulip server of the tests with Zulip's own client library for Python, as it is published: what the
// library accepts, the plugin was tested against.
package zulip_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/zulip/zuliptest"
)

func TestClient(t *testing.T) {
	python, err := filepath.Abs("client/bin/python")
	if err != nil {
		t.Fatal(err)
	}
	s := zuliptest.New(zuliptest.Config{})
	site, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	bot, ann := s.Register("Carapace", true), s.Register("Ann", false)
	s.NewChannel("kitchen", bot, ann)
	client := exec.CommandContext(t.Context(), python, "client.py")
	client.Env = []string{"EMAIL=" + bot.Email, "KEY=" + bot.Key, "SITE=" + site, "HOME=" + t.TempDir()}
	done := make(chan struct{})
	go func() { // once the library's loop waits, somebody writes
		defer close(done)
		if s.Wait(t.Context(), func() bool { return len(s.Calls("register")) == 2 && s.Polling(bot) }) == nil {
			ann.Direct("hello", bot)
		}
	}()
	out, err := client.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	<-done
	if said := s.From(ann, bot); !strings.Contains(string(out), "heard ['hello']") || said[len(said)-1].Content != "I heard hello" {
		t.Errorf("%s: %+v", out, said)
	}
}
