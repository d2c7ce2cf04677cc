package mattermost

import (
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// handleWebhook takes a call of the server's, whose token the kernel has checked: a button that somebody has pressed ("Message
// buttons"), which is JSON, or a slash command ("Custom slash commands"), which is a form.
func handleWebhook(a *answer, call *wit.WebhookRequest) {
	a.Out.Reply = &wit.WebhookReply{Status: 200, Headers: []wit.Header{{Name: "Content-Type", Value: "application/json"}}, Text: new("{}")}
	body := texts.Of(call.Text)
	if !strings.HasPrefix(strings.TrimSpace(body), "{") {
		handleSlash(a, form.Parse(body))
		return
	}
	if v, err := json.ParseText(body); err == nil {
		a.Message(readPress(a, v))
	}
}

// readPress reads that somebody has pressed a button at a post.
func readPress(a *answer, v json.Value) *wit.Message {
	user, at, chosen := v.Get("user_id").Text(), v.Get("post_id").Text(), v.Get("context", "value").Text()
	if user == "" || at == "" || chosen == "" {
		return nil
	}
	meet(a, v.Get("channel_id").Text(), v.Get("channel_name").Text(), user, v.Get("user_name").Text())
	return &wit.Message{
		ID: at + ":action:" + mark(v.Get("trigger_id").Text(), a.Now), Kind: wit.MessageKindAction, Conversation: a.conversation(v.Get("channel_id").Text(), ""),
		Sender: a.person(user), Text: chosen, Target: &at, Time: a.Now,
	}
}

// handleSlash takes a slash command. The text behind the one that is named in the settings is what is said; others are commands of
// the kernel's, such as /new. What somebody typed is shown to all, so that the answer below it is understood.
func handleSlash(a *answer, f form.Form) {
	user, name, said := f.Get("user_id"), f.Get("command"), strings.TrimSpace(f.Get("text"))
	if user == "" || name == "" {
		return
	}
	typed := strings.TrimSpace(name + " " + said)
	switch {
	case !strings.EqualFold(name, a.Settings.command):
		said = typed
	case said == "":
		said = "/help"
	}
	meet(a, f.Get("channel_id"), f.Get("channel_name"), user, f.Get("user_name"))
	a.Message(&wit.Message{
		ID: "command:" + mark(f.Get("trigger_id"), a.Now) + ":" + user, Kind: wit.MessageKindText, Conversation: a.conversation(f.Get("channel_id"), f.Get("root_id")),
		Sender: a.person(user), Text: said, Mentioned: true, Time: a.Now,
	})
	a.Out.Reply.Text = new(string(json.Object{}.Text("response_type", "in_channel").Text("text", typed).JSON()))
}

// meet notes what a call says of a channel and of who has made it. It does not say what kind of channel it is; names of direct
// ones have two ids.
func meet(a *answer, channel, name, user, called string) {
	if _, known := a.place(channel); !known && isID(channel) {
		kind := "O"
		if strings.Contains(name, "__") {
			kind = "D"
		}
		a.learn(channel, kind, name, "")
	}
	if isID(user) && called != "" {
		a.names.Keep(user, called)
	}
}

// mark is what one press or command is known by: what its trigger id comes to, which is long, or the time.
func mark(trigger string, now int64) string {
	if trigger == "" {
		return strconv.FormatInt(now, 10)
	}
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(trigger))
	return strconv.FormatUint(hash.Sum64(), 36)
}
