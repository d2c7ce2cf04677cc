// Command go-slack-events is a plugin for direct messages to a Slack app. Slack calls it for each message; who calls is
// proven by the recipe in plugin.json, which the gateway has checked before Event is asked.
package main

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

type slack struct{}

// Event takes in what Slack tells. The first call asks whether the address is meant, and is answered with what it
// carries; it is signed as the others are.
func (slack) Event(_ *sdk.Host, event *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
	if event.Webhook == nil || event.Webhook.Text == nil {
		return nil, nil
	}
	call, err := json.ParseText(*event.Webhook.Text)
	if err != nil {
		return &wit.ChannelAnswer{Reply: &wit.WebhookReply{Status: 400}}, nil
	}
	answer := &wit.ChannelAnswer{}
	switch call.Get("type").Text() {
	case "url_verification":
		answer.Reply = &wit.WebhookReply{Text: new(call.Get("challenge").Text())}
	case "event_callback":
		if said := call.Get("event"); said.Get("type").Text() == "message" && said.Get("user").Exists() && !said.Get("bot_id").Exists() {
			answer.Messages = []wit.Message{message(said)}
		}
	}
	return answer, nil
}

// message is what somebody has said. Its time is its name in the conversation.
func message(said json.Value) wit.Message {
	where, who := said.Get("channel").Text(), said.Get("user").Text()
	return wit.Message{
		ID: where + "/" + said.Get("ts").Text(), Text: said.Get("text").Text(),
		Conversation: wit.Conversation{Kind: wit.ConversationKindDirect, ID: where}, Sender: wit.Person{ID: who},
	}
}

// Send posts a message.
func (slack) Send(host *sdk.Host, send *wit.ChannelSend) (*wit.Sent, error) {
	account, _ := json.Parse(send.Config) // the kernel has checked it
	response, err := host.HTTP(&wit.HTTPRequest{
		Method: "POST", URL: account.Get("api").Text() + "/chat.postMessage",
		Headers: []wit.Header{{Name: "Authorization", Value: "Bearer {{credential:botToken}}"}},
		JSON:    json.Object{}.Text("channel", send.To.ID).Text("text", send.Text).JSON(),
	})
	if err != nil {
		return nil, err
	}
	if response.Status != 200 || response.Text == nil {
		return nil, &wit.Error{Code: wit.CodeUnavailable, Retryable: true, Message: "Slack does not take messages now"}
	}
	posted, err := json.ParseText(*response.Text)
	if err != nil || !posted.Get("ok").Bool() {
		return nil, wit.NewError(wit.CodeInvalid, "Slack refuses the message: "+posted.Get("error").Text())
	}
	if posted.Get("ts").Text() == "" {
		return nil, wit.NewError(wit.CodeUnavailable, "Slack has not said the message's id")
	}
	return &wit.Sent{IDs: []string{posted.Get("ts").Text()}}, nil
}

func init() { channel.Register("go-slack-events", slack{}) }

func main() {}
