package mattermost_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/mattermost/mattermosttest"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

func choices(labels ...string) []wit.ActionRow {
	row := wit.ActionRow{}
	for i, label := range labels {
		row.Actions = append(row.Actions, wit.Action{Label: label, Value: "v:" + label, Style: []wit.ActionStyle{wit.ActionStylePrimary, wit.ActionStyleDanger, wit.ActionStylePlain}[i%3]})
	}
	return []wit.ActionRow{row}
}

// TestButtons stand at a post where the server can call the gateway; who has pressed one is told, with the proof that it was the
// server, and nothing that somebody wrote names a credential.
func TestButtons(t *testing.T) {
	channeltest.Proves(t, channeltest.Buttons)
	a := connected(t, mattermosttest.Config{}, `,"callbackUrl":"http://gateway.test/"`)
	id := a.Send(wit.ChannelSend{To: direct(ada), Text: "run {{credential:token}}?", Actions: choices("Yes", "{{credential:token}}", "Later"), IdempotencyKey: "k"})[0]
	p := a.last(ada.ID)
	rows := p.Buttons()
	if p.Message != "run {{credential:token}}?" || len(rows) != 1 || len(rows[0]) != 3 {
		t.Fatalf("sent %s %v", p, p.Props)
	}
	b := rows[0][0]
	if b.Name != "Yes" || b.Style != "primary" || b.Integration.URL != "http://gateway.test/plugins/mattermost/default/" || b.Integration.Context["token"] != "callback-token" ||
		rows[0][1].Name != "{{credential:token}}" || rows[0][1].Style != "danger" || rows[0][1].Integration.Context["value"] != "v:{{credential:token}}" {
		t.Errorf("buttons %+v", rows)
	}
	reply := a.Call(&wit.WebhookRequest{Method: "POST", Path: "/", Text: new(`{"user_id":"` + ada.ID + `","user_name":"ada","post_id":"` + id + `","channel_id":"` + p.ChannelID +
		`","channel_name":"` + a.server.Bot().ID + "__" + ada.ID + `","trigger_id":"abc","type":"button","context":{"token":"[redacted]","value":"v:Yes"}}`)})
	m := a.Last(1)
	if m.Kind != wit.MessageKindAction || m.Text != "v:Yes" || text(m.Target) != id || m.Sender.ID != ada.ID || m.Conversation.ID != ada.ID || text(m.Sender.Name) != "ada" {
		t.Errorf("pressed %+v", m)
	}
	if reply == nil || reply.Status != 200 || text(reply.Text) != "{}" {
		t.Errorf("answered %+v", reply)
	}
	edit := func(words string, rows []wit.ActionRow) {
		t.Helper()
		if _, err := a.Plugin.(channel.Editor).Edit(a.Host.SDK(), &wit.ChannelEdit{Account: "default", Config: a.Config, State: a.State(), To: direct(ada), ID: id, Text: words, Actions: rows}); err != nil {
			t.Fatal(err)
		}
	}
	edit("", choices("Other"))
	if p = a.last(ada.ID); p.Buttons()[0][0].Name != "Other" || !strings.HasPrefix(p.Message, "run") {
		t.Errorf("changed to %s %v", p, p.Props)
	}
	edit("done", nil)
	if p = a.last(ada.ID); p.Message != "done" || len(p.Buttons()) != 0 {
		t.Errorf("changed to %s %v", p, p.Props)
	}
}

// TestButtonsWithoutAToken are numbers: nobody could prove who has pressed one.
func TestButtonsWithoutAToken(t *testing.T) {
	a := sender(t, mattermosttest.Config{}, `,"callbackUrl":"http://gateway.test/"`)
	delete(a.Host.Credentials, "callbackToken")
	a.Send(wit.ChannelSend{To: direct(ada), Text: "run it?", Actions: choices("Yes")})
	if p := a.last(ada.ID); p.Message != "run it?\n\n1️⃣ Yes" || len(p.Buttons()) != 0 {
		t.Errorf("sent %s %v", p, p.Props)
	}
}

// TestNumbers stand below a post instead, where the server cannot call: who sets one has chosen.
func TestNumbers(t *testing.T) {
	channeltest.Proves(t, channeltest.Buttons)
	a := connected(t, mattermosttest.Config{}, "")
	id := a.Send(wit.ChannelSend{To: channelOf(club), Text: "run it?", Actions: choices("Yes", "No"), IdempotencyKey: "k"})[0]
	me := a.server.Bot().ID
	if p := a.last(club.ID); p.Message != "run it?\n\n1️⃣ Yes\n2️⃣ No" || strings.Join(a.server.Reactions(id, me), " ") != "one two" {
		t.Errorf("sent %s with %v", p, a.server.Reactions(id, me))
	}
	a.server.React(id, ada.ID, "two", true)
	a.server.React(id, ada.ID, "three", true)
	a.server.React(id, ada.ID, "two", false)
	got := a.Messages(3)
	if m := got[0]; m.Kind != wit.MessageKindAction || m.Text != "v:No" || text(m.Target) != id || m.Sender.ID != ada.ID {
		t.Errorf("chosen %+v", m)
	}
	if got[1].Kind != wit.MessageKindReaction || got[1].Text != "3️⃣" || got[2].Kind != wit.MessageKindReaction {
		t.Errorf("then %+v", got[1:])
	}
	if _, err := a.Plugin.(channel.Editor).Edit(a.Host.SDK(), &wit.ChannelEdit{Account: "default", Config: a.Config, State: a.State(), To: channelOf(club), ID: id, Text: "It runs."}); err != nil {
		t.Fatal(err)
	}
	if p := a.last(club.ID); p.Message != "It runs." || len(a.server.Reactions(id, me)) != 0 {
		t.Errorf("changed to %s with %v", p, a.server.Reactions(id, me))
	}
	a.server.React(id, bob.ID, "one", true)
	if m := a.Last(4); m.Kind != wit.MessageKindReaction {
		t.Errorf("chosen later %+v", m)
	}
}

// TestSlashCommands: the text behind the one of the settings is what is said, others are commands.
func TestSlashCommands(t *testing.T) {
	channeltest.Proves(t, channeltest.Commands)
	a := connected(t, mattermosttest.Config{}, `,"slashCommand":"ask"`)
	form := "channel_id=" + club.ID + "&channel_name=club&team_domain=t&user_id=" + ada.ID + "&user_name=ada&token=%5Bredacted%5D"
	for i, tt := range []struct{ form, said, shown string }{
		{"&command=%2Fask&text=what+is+1%2B1%3F&trigger_id=a", "what is 1+1?", "/ask what is 1+1?"},
		{"&command=%2Fask&text=&trigger_id=b", "/help", "/ask"},
		{"&command=%2Fnew&text=&trigger_id=c", "/new", "/new"},
	} {
		reply := a.Call(&wit.WebhookRequest{Method: "POST", Path: "/", Text: new(form + tt.form)})
		if m := a.Last(i + 1); m.Text != tt.said || !m.Mentioned || m.Conversation.ID != club.ID || m.Sender.ID != ada.ID || text(m.Conversation.Name) != "club" {
			t.Errorf("%s came as %+v", tt.form, m)
		}
		if reply == nil || !strings.Contains(text(reply.Text), `"in_channel"`) || !strings.Contains(text(reply.Text), `"text":"`+tt.shown+`"`) {
			t.Errorf("answered %+v", reply)
		}
	}
	a.Call(&wit.WebhookRequest{Method: "POST", Path: "/", Text: new("nonsense=%zz&%")})
	a.Call(&wit.WebhookRequest{Method: "POST", Path: "/", Text: new(`{"nonsense":`)})
	a.Call(&wit.WebhookRequest{Method: "POST", Path: "/", Bytes: []byte{0xff}})
	a.Messages(3)
}
