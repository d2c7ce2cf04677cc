package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/slack/slacktest"
	"github.com/carapace-gateway/carapace/cmd/carapace/gatewaytest"
)

// TestSlackCommands executes every command of the page about Slack, in order, against one gateway and a Slack on which what
// the page says between them is done.
func TestSlackCommands(t *testing.T) {
	state := stateDir(t)
	workspace := slacktest.New(slacktest.Config{BotToken: "xoxb-page-test-token-0123456789", AppToken: "xapp-1-page-test-token-0123456789"})
	root, err := workspace.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = workspace.Close() })
	workspace.AddUser(slacktest.User{ID: "U0ADA", Name: "ada", RealName: "Ada Lovelace"})
	workspace.AddChannel(slacktest.Channel{ID: "C0CLUB", Name: "club"})
	for name, value := range map[string]string{"SLACK_BOT_TOKEN": workspace.BotToken(), "SLACK_APP_TOKEN": workspace.AppToken(), "SLACK_SIGNING_SECRET": workspace.SigningSecret()} {
		t.Setenv(name, value)
	}
	write(t, settingsPath(state), fmt.Sprintf(`{"channels": {"slack": {"accounts": {"default": {"enabled": false, "config": {"apiRoot": %q}}}}}}`, root))
	serve(t, state)
	ctx, cancel := context.WithTimeout(t.Context(), gatewaytest.Patience)
	defer cancel()
	bin, ran, code := path(t), []string{}, ""
	for _, b := range blocks(t, "docs/slack.md") {
		if b.language != "console" {
			continue
		}
		if b.kind == "pairing" {
			workspace.DM("U0ADA", "hello")
			if err := workspace.Wait(ctx, func() bool { return len(workspace.Posts("U0ADA")) > 0 }); err != nil {
				t.Fatal(err)
			}
			text := workspace.Posts("U0ADA")[0].Text
			if code = regexp.MustCompile(`[A-Z0-9]{6,}`).FindString(strings.ReplaceAll(text, "U0ADA", "")); code == "" {
				t.Fatalf("Ada reads %q", text)
			}
		}
		play(t, state, bin, b.text, strings.NewReplacer("CODE", code, "--set mode=events", "--set mode=events --set apiRoot="+root))
		ran = append(ran, b.kind)
	}
	if want := []string{"setup", "pairing", "send", "events"}; !slices.Equal(ran, want) {
		t.Errorf("the page has the blocks %v, want %v", ran, want)
	}
	if err := workspace.Wait(ctx, func() bool {
		return slices.ContainsFunc(workspace.Posts("U0ADA"), func(m slacktest.Message) bool { return m.Text == "Lunch?" })
	}); err != nil {
		t.Errorf("Ada reads %+v", workspace.Posts("U0ADA"))
	}
}

// TestTheManifestOfTheSlackApp asks for what the plugin uses: the events that it reads, and the scopes that Slack's reference
// names for those and for the methods that it calls.
func TestTheManifestOfTheSlackApp(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(repository(t), "docs/slack.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```yaml manifest\n")
	manifest, _, _ := strings.Cut(rest, "```")
	items := func(name string) (out []string) {
		_, rest, found := strings.Cut(manifest, " "+name+":\n")
		for line := range strings.Lines(rest) {
			item, ok := strings.CutPrefix(strings.TrimSpace(line), "- ")
			if !found || !ok {
				break
			}
			out = append(out, item)
		}
		return out
	}
	source, err := filepath.Glob(filepath.Join(repository(t), "builtin-plugins/slack/*.go"))
	if err != nil || len(source) < 10 {
		t.Fatal(err, source)
	}
	var code strings.Builder
	for _, file := range source {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(file, "_test.go") {
			code.Write(b)
		}
	}
	events := items("bot_events")
	for _, event := range events {
		kind, _, _ := strings.Cut(event, ".")
		if !strings.Contains(code.String(), `case "`+kind+`"`) && !strings.Contains(code.String(), `, "`+kind+`"`) {
			t.Errorf("the plugin does not read %s", event)
		}
	}
	scopes := items("bot")
	for method, scope := range map[string]string{
		"chat.postMessage": "chat:write", "chat.update": "chat:write", "chat.delete": "chat:write", "reactions.add": "reactions:write",
		"reactions.get": "reactions:read", "conversations.open": "im:write", "conversations.info": "channels:read", "conversations.list": "groups:read",
		"conversations.history": "channels:history", "conversations.replies": "im:history", "users.info": "users:read", "users.list": "users:read",
		"files.getUploadURLExternal": "files:write", "files.info": "files:read",
	} {
		if !strings.Contains(code.String(), `"`+method+`"`) || !slices.Contains(scopes, scope) {
			t.Errorf("%s needs %s; the manifest has %v", method, scope, scopes)
		}
	}
	for event, scope := range map[string]string{"app_mention": "app_mentions:read", "message.groups": "groups:history", "message.mpim": "mpim:history", "message.im": "im:history",
		"message.channels": "channels:history", "reaction_added": "reactions:read", "member_joined_channel": "channels:read", "user_change": "users:read"} {
		if !slices.Contains(events, event) || !slices.Contains(scopes, scope) {
			t.Errorf("%s needs %s", event, scope)
		}
	}
}
