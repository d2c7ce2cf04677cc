package main

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/bwmarrin/discordgo"

	"github.com/carapace-gateway/carapace/builtin-plugins/discord/discordtest"
	"github.com/carapace-gateway/carapace/cmd/carapace/gatewaytest"
)

// TestDiscordPage does what docs/discord.md says, step by step, against a Discord of its own.
func TestDiscordPage(t *testing.T) {
	state := stateDir(t)
	server := discordtest.New(discordtest.Config{Token: botToken})
	root, err := server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	write(t, settingsPath(state), fmt.Sprintf(`{"channels": {"discord": {"accounts": {"default": {"enabled": false, "config": {"apiRoot": %q}}}}}}`, root))
	serve(t, state)
	bin, me, guild := path(t), discordtest.Person(1), server.AddGuild("Mine")
	channel := server.AddChannel(guild.ID, "general")
	said := func(in, what string) discordtest.Message {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), gatewaytest.Patience)
		defer cancel()
		var found discordtest.Message
		err := server.Wait(ctx, func() bool {
			for _, m := range server.FromBot(in) {
				if found = m; strings.Contains(m.Content, what) {
					return true
				}
			}
			return false
		})
		if err != nil {
			t.Fatalf("nobody said %q: %+v", what, server.Messages(in))
		}
		return found
	}
	code := ""
	steps := []func(){ // behind each block
		func() {
			asked := server.DM(me, "hello")
			code = regexp.MustCompile(`[A-Z0-9]{8}`).FindString(said(asked.ChannelID, "code").Content)
		},
		func() {
			asked := server.DM(me, "what is 17*23?")
			said(asked.ChannelID, "391")
		},
		func() {
			server.Write(me, channel.ID, "<@"+server.Bot().ID+"> what is 2*21?")
			said(channel.ID, "42")
		},
		func() {
			server.Write(me, channel.ID, "what is 2*22?")
			said(channel.ID, "44")
		},
		func() { said(channel.ID, "Lunch?") },
	}
	for _, b := range blocks(t, "docs/discord.md") {
		switch b.language {
		case "text":
			invited(t, b.text)
		case "console":
			local := strings.NewReplacer("discord CODE", "discord "+code, "channel:…", "channel:"+channel.ID)
			play(t, state, bin, b.text, local)
			if len(steps) == 0 {
				t.Fatalf("nothing is done behind\n%s", b.text)
			}
			steps[0]()
			steps = steps[1:]
		default:
			t.Errorf("nothing checks this block:\n%s", b.text)
		}
	}
	if len(steps) > 0 {
		t.Errorf("%d steps are not on the page", len(steps))
	}
}

// invited checks the permissions that the page's invitation asks for.
func invited(t *testing.T, address string) {
	t.Helper()
	_, number, _ := strings.Cut(strings.TrimSpace(address), "permissions=")
	const polls = 1 << 49 // newer than the library
	want := discordgo.PermissionViewChannel | discordgo.PermissionSendMessages | discordgo.PermissionSendMessagesInThreads | discordgo.PermissionEmbedLinks |
		discordgo.PermissionAttachFiles | discordgo.PermissionReadMessageHistory | discordgo.PermissionAddReactions | discordgo.PermissionUseExternalEmojis | polls
	if got, err := strconv.ParseInt(number, 10, 64); err != nil || got != int64(want) {
		t.Errorf("the page asks for %s, and means %d", number, want)
	}
}
