package mattermost

import (
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// handleWebhook takes a call of the server's, whose token the kernel has checked: a button that somebody has pressed ("Message
// buttons"), which is JSON, or a slash command ("Custom slash commands"), which is a form.
func handleWebhook(a *answer, call *wit.WebhookRequest) {
	a.Out.Reply = &wit.WebhookReply{Status: 200, Headers: []wit.Header{{Name: "Content-Type", Value: "application/json"}}, Text: new("{}")}
	body := value(call.Text)
	if !strings.HasPrefix(strings.TrimSpace(body), "{") {
		handleSlash(a, parseForm(body))
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
func handleSlash(a *answer, f map[string]string) {
	user, name, said := f["user_id"], f["command"], strings.TrimSpace(f["text"])
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
	meet(a, f["channel_id"], f["channel_name"], user, f["user_name"])
	a.Message(&wit.Message{
		ID: "command:" + mark(f["trigger_id"], a.Now) + ":" + user, Kind: wit.MessageKindText, Conversation: a.conversation(f["channel_id"], f["root_id"]),
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
		a.names.keep(user, clip(called, maxName))
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

// maxFields bounds what is read of a form. Mattermost sends about fifteen.
const maxFields = 100

// parseForm reads a body (application/x-www-form-urlencoded), of each name the first value. What is no escape stays as it is.
func parseForm(body string) map[string]string {
	f := map[string]string{}
	for pair := range strings.SplitSeq(body, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if name = unescape(name); name != "" && f[name] == "" {
			f[name] = unescape(value)
		}
		if len(f) == maxFields {
			break
		}
	}
	return f
}

func unescape(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '+' {
			c = ' '
		}
		if c == '%' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				c = byte(n)
				i += 2
			}
		}
		b = append(b, c)
	}
	return strings.ToValidUTF8(string(b), "\uFFFD")
}
