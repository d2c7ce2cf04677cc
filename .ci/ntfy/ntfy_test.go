// Package ntfy_test drives the ntfy server of the tests with the client library ntfy for Node, as it is published: what the library
// sends, the server takes as the plugin hears it.
package ntfy_test

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/ntfy/ntfytest"
)

func TestClient(t *testing.T) {
	s := ntfytest.New(ntfytest.Config{Token: "tk_right"})
	url, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	client := exec.CommandContext(t.Context(), "node", "client.mjs")
	client.Env = append(client.Environ(), "SERVER="+url, "TOKEN=tk_right", "FILE="+filepath.Join(t.TempDir(), "picture.png"))
	var problems strings.Builder
	client.Stderr = &problems
	out, err := client.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, problems.String())
	}
	var got struct {
		Said, File, Link ntfytest.Message
		Refused          string
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	said := got.Said
	if said.ID == "" || said.Event != "message" || said.Topic != "home" || said.Message != "The door is open" || said.Title != "House" || said.Priority != 4 ||
		!slices.Equal(said.Tags, []string{"door", "warning"}) || said.ContentType != "text/markdown" {
		t.Errorf("it was told %s", out)
	}
	if len(said.Actions) != 1 || said.Actions[0].Label != "Look" || said.Actions[0].Action != "view" || !said.Actions[0].Clear {
		t.Errorf("its button is %+v", said.Actions)
	}
	if a := got.File.Attachment; a == nil || a.Size != 8 || a.Type != "image/png" || !strings.HasPrefix(a.URL, url) {
		t.Errorf("its file is %+v", a)
	}
	if a := got.Link.Attachment; a == nil || a.Name != "door.jpg" || a.URL != "https://example.org/1" || got.Link.Message != "Look" {
		t.Errorf("what lies elsewhere is %+v", got.Link)
	}
	if !strings.Contains(got.Refused, "Unauthorized") {
		t.Errorf("a wrong token: %q", got.Refused)
	}
}
