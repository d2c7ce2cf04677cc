package slack

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// handleWebhook takes a call of Slack's; the kernel has checked its signature ("Verifying requests from Slack") and that it
// was not taken before. Events are JSON; what people press and slash commands are forms. A call that Slack repeats since
// it was not answered (X-Slack-Retry-Num) is signed anew, and its messages are known by their ids.
func handleWebhook(a *answer, call *wit.WebhookRequest) {
	a.Out.Reply = &wit.WebhookReply{Status: 200}
	if call.Text == nil {
		return
	}
	p := parcel{kind: kindEvent, since: a.Now, answers: true}
	if body := *call.Text; !strings.HasPrefix(strings.TrimSpace(body), "{") {
		p.kind, p.payload = readForm(body)
	} else if v, err := json.ParseText(body); err == nil {
		p.payload = v
	}
	switch p.payload.Get("type").Text() {
	case "url_verification": // whether this is the address that was meant ("url_verification event")
		a.Out.Reply.Headers = []wit.Header{{Name: "Content-Type", Value: "text/plain"}}
		a.Out.Reply.Text = new(p.payload.Get("challenge").Text())
		return
	case "app_rate_limited":
		a.Host.Warn("slack: more happens in the workspace than Slack tells an app; what is above 30,000 events an hour is lost")
		return
	}
	a.askFor(mentionedIn(a, &p)) // for the next time: Slack waits for the answer
	handle(a, &p)
}

// readForm reads a press or a slash command.
func readForm(body string) (kind string, payload json.Value) {
	f := form.Parse(body)
	if text := f.Get("payload"); text != "" {
		v, err := json.ParseText(text)
		if err != nil {
			return "", json.Value{}
		}
		return kindInteractive, v
	}
	if f.Get("command") == "" {
		return "", json.Value{}
	}
	o := json.Object{}
	for _, field := range f {
		o = o.Text(field.Name, field.Value)
	}
	v, _ := json.ParseText(string(o.JSON()))
	return kindCommand, v
}
