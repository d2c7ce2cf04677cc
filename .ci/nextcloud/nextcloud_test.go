// Package nextcloud_test drives the Nextcloud server of the tests with nc-py-api, Nextcloud's own client library for Python, as it is
// published: what the library accepts, the plugin was tested against.
package nextcloud_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/nextcloud/nextcloudtest"
)

func TestClient(t *testing.T) {
	python, err := filepath.Abs("client/bin/python")
	if err != nil {
		t.Fatal(err)
	}
	s := nextcloudtest.New(nextcloudtest.Config{})
	root, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	bot, ann := s.Register("carapace", "Carapace"), s.Register("ann", "Ann")
	s.SetPassword(bot, "app-password")
	room := ann.With(bot)
	ann.Say(room, "hello", 0)
	client := exec.CommandContext(t.Context(), python, "client.py")
	client.Env = []string{"SERVER=" + root, "BOT=carapace", "PASSWORD=app-password", "HOME=" + t.TempDir()}
	out, err := client.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if !strings.Contains(string(out), "heard ['hello']") {
		t.Errorf("it printed %s", out)
	}
	said := s.Messages(room)
	if len(said) < 2 || said[1].Text != "I heard hello" {
		t.Errorf("it said %+v", said)
	}
}
