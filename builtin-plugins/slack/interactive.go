package slack

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// readActions reads that somebody has pressed a button or chosen of a menu at a message (block_actions payload). Other
// kinds of interaction come to nothing.
func readActions(a *answer, v json.Value) (out []wit.Message) {
	if v.Get("type").Text() != "block_actions" {
		return nil
	}
	user, at := v.Get("user", "id").Text(), v.Get("container", "message_ts").Text()
	if at == "" {
		at = v.Get("message", "ts").Text()
	}
	where := place{channel: v.Get("container", "channel_id").Text(), with: user}
	if where.channel == "" {
		where.channel = v.Get("channel", "id").Text()
	}
	thread := v.Get("message", "thread_ts").Text()
	if thread == at {
		thread = ""
	}
	for action := range v.Get("actions").Items() {
		value := action.Get("value").Text()
		if value == "" {
			value = action.Get("selected_option", "value").Text()
		}
		if value == "" || at == "" || user == "" {
			continue
		}
		when, target := action.Get("action_ts").Text(), where.channel+":"+at
		out = append(out, wit.Message{
			ID: target + ":action:" + when + ":" + user, Kind: wit.MessageKindAction, Conversation: a.conversation(where, thread),
			Sender: *a.person(user), Text: value, Target: &target, Time: milliseconds(when),
		})
	}
	return out
}

// readCommand reads a slash command ("Enabling interactivity with slash commands"). The text behind the one that is named in
// the settings is what is said; others are commands of the kernel's, such as /new.
func readCommand(a *answer, v json.Value) *wit.Message {
	user, name, said := v.Get("user_id").Text(), v.Get("command").Text(), strings.TrimSpace(v.Get("text").Text())
	where := place{channel: v.Get("channel_id").Text(), with: user}
	if user == "" || v.Get("trigger_id").Text() == "" {
		return nil
	}
	switch {
	case !strings.EqualFold(name, a.Settings.command):
		said = strings.TrimSpace(name + " " + said)
	case said == "":
		said = "/help"
	}
	if _, known := a.names.Find(user); !known {
		a.names.Keep(user, v.Get("user_name").Text())
	}
	return &wit.Message{
		ID: "command:" + v.Get("trigger_id").Text(), Kind: wit.MessageKindText, Conversation: a.conversation(where, ""), Sender: *a.person(user),
		Text: a.readable(said), Mentioned: true, Time: a.Now,
	}
}

// answerCommand has what somebody typed shown to all ("Responding to commands"), so that the answer below it is understood.
func answerCommand(a *answer, p *parcel) {
	payload := json.Object{}.Text("response_type", "in_channel").JSON()
	if p.envelope != "" {
		a.acknowledge(p, payload)
		return
	}
	a.Out.Reply = &wit.WebhookReply{Status: 200, Text: new(string(payload)), Headers: []wit.Header{{Name: "Content-Type", Value: "application/json"}}}
}
