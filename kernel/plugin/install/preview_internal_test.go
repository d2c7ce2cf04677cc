package install

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/wit"
)

// everything asks for all that there is.
const everything = `{
	"http":{"reason":"r","hosts":["api.example.org","config:server"],"paths":["/v1/"]},"kv":{"reason":"r"},"credential":{"reason":"r","names":["key","token"]},
	"schedule":{"reason":"r"},"emit":{"reason":"r"},"media":{"reason":"r"},"messageSend":{"reason":"r"},"agentRun":{"reason":"r","agents":["main"]},
	"sessionRead":{"reason":"r","agents":["main","work"]},"toolInvoke":{"reason":"r","tools":["calc"]}}`

// TestReach: there are words for each permission that there is, and for what is called by others.
func TestReach(t *testing.T) {
	m := &wit.Manifest{ID: "p"}
	if err := wit.UnmarshalStrict([]byte(everything), &m.Permissions); err != nil {
		t.Fatal(err)
	}
	m.Provides.Hooks = []wit.HookFacts{{Name: wit.HookNameMessageSending}}
	m.Provides.Webhooks = []wit.WebhookRoute{{Path: "push", Accepts: wit.WebhookFacts{Auth: wit.WebhookAuthBearer}}}
	want := []string{
		"send requests to api.example.org, the address that you set as server, below /v1/",
		"have the gateway put into them the credentials key, token, which it does not see",
		"keep data of its own",
		"read and keep files of your conversations that it is told of",
		"wake by itself at times",
		"tell apps that are connected",
		"write to people",
		"have an agent work, with its tools, of main",
		"read conversations of main, work",
		"call other plugins' tools: calc",
		"see each message_sending, and change or stop it where that hook may",
		"be called at /plugins/p/push by who proves itself by bearer",
	}
	if got := reach(m); !slices.Equal(got, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	all := reflect.TypeFor[wit.Permissions]()
	if n := len(m.Permissions.Names()); n != all.NumField() {
		t.Errorf("%d of %d permissions are asked for here", n, all.NumField())
	}
	for _, name := range m.Permissions.Names() {
		if one := (&wit.Manifest{Permissions: m.Permissions.Only(name)}); len(reach(one)) != 1 {
			t.Errorf("%s has no words: %q", name, reach(one))
		}
	}
}

func TestOlder(t *testing.T) {
	for _, c := range []struct {
		version, than string
		want          bool
	}{
		{"1.0.0", "1.0.1", true}, {"1.0.1", "1.0.0", false}, {"1.0.0", "1.0.0", false}, {"1.9.0", "1.10.0", true}, {"1.0.0-rc.1", "1.0.0", true}, {"2.0.0-a", "1.0.0", false}, {"x", "1.0.0", false}, {"1.0.0", "x", false},
	} {
		if got := older(c.version, c.than); got != c.want {
			t.Errorf("%s is older than %s: %v", c.version, c.than, got)
		}
	}
}
