// Command go-files is a channel whose messages bring files, answer others and are handed on; see package toypost for what its
// server understands. No file passes through the plugin: it says where one is, or where one goes.
package main

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

type post struct{}

// Event takes what the server posts. The gateway has checked its token.
func (post) Event(_ *sdk.Host, event *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
	if event.Kind == wit.EventKindStart {
		return &wit.ChannelAnswer{Status: &wit.AccountStatus{State: wit.ConnectionStateConnected}}, nil
	}
	if event.Webhook == nil || event.Webhook.Text == nil {
		return nil, nil
	}
	said, err := json.ParseText(*event.Webhook.Text)
	if err != nil {
		return nil, err
	}
	from := said.Get("from").Text()
	m := wit.Message{ID: said.Get("id").Text(), Text: said.Get("text").Text(), Time: event.Now, Sender: wit.Person{ID: from},
		Conversation: wit.Conversation{Kind: wit.ConversationKindDirect, ID: from}}
	if file := said.Get("file"); file.Exists() {
		m.Attachments = []wit.Attachment{attachment(file, address(event.Config))}
	}
	if answers := said.Get("answers"); answers.Exists() {
		m.ReplyTo = &wit.Quoted{ID: answers.Get("id").Text(), Text: new(answers.Get("text").Text()),
			Sender: &wit.Person{ID: answers.Get("from").Text()}}
	}
	if before := said.Get("forwarded"); before.Exists() {
		m.Forwarded = &wit.Forward{Sender: &wit.Person{ID: before.Get("from").Text()}, Time: 1000 * before.Get("at").Int()}
	}
	return &wit.ChannelAnswer{Messages: []wit.Message{m}}, nil
}

// attachment says what a file is, and how it is fetched.
func attachment(file json.Value, url string) wit.Attachment {
	a := wit.Attachment{
		Kind: wit.AttachmentKindDocument, Mime: new(file.Get("type").Text()),
		Fetch: &wit.HTTPRequest{URL: url + file.Get("path").Text(), Headers: signed()},
	}
	if name := file.Get("name"); name.IsText() {
		a.Name = new(name.Text())
	}
	if size := file.Get("size").Int(); size > 0 {
		a.Size = &size
	}
	if seconds := file.Get("seconds").Int(); seconds > 0 {
		a.Duration = new(1000 * seconds)
	}
	if width, height := file.Get("width").Int(), file.Get("height").Int(); width > 0 && height > 0 {
		a.Width, a.Height = new(uint32(width)), new(uint32(height))
	}
	switch kind, _, _ := strings.Cut(*a.Mime, "/"); {
	case file.Get("voice").Bool(): // somebody has spoken it, and it is heard as if he had written it
		a.Kind = wit.AttachmentKindVoice
	case kind == "image":
		a.Kind = wit.AttachmentKindImage
	case kind == "audio":
		a.Kind = wit.AttachmentKindAudio
	case kind == "video":
		a.Kind = wit.AttachmentKindVideo
	}
	return a
}

// Send posts a form, into which the gateway puts the files. The server knows a repeated message by its key.
func (post) Send(host *sdk.Host, send *wit.ChannelSend) (*wit.Sent, error) {
	text, form := send.Text, []wit.HTTPPart{part("to", send.To.ID), part("key", send.IdempotencyKey)}
	for _, file := range send.Attachments {
		switch {
		case file.Media != nil:
			form = append(form, wit.HTTPPart{Name: "file", Media: file.Media, FileName: file.Name, ContentType: file.Mime})
		case file.Fetch != nil: // it is on the web
			text = strings.TrimSpace(text + "\n" + file.Fetch.URL)
		}
	}
	form = append(form, part("text", text))
	if send.ReplyTo != nil {
		form = append(form, part("answers", *send.ReplyTo))
	}
	url := address(send.Config) + "/messages"
	response, err := host.HTTP(&wit.HTTPRequest{Method: "POST", URL: url, Headers: signed(), Parts: form})
	switch {
	case err != nil:
		return nil, err
	case response.Status != 200 || response.Text == nil:
		return nil, &wit.Error{Code: wit.CodeUnavailable, Retryable: response.Status == 429 || response.Status >= 500,
			Message: "the server answered " + strconv.Itoa(int(response.Status)) + ": check the account's url and token"}
	}
	number, err := json.ParseText(*response.Text)
	if err != nil || number.Int() == 0 {
		return nil, wit.NewError(wit.CodeUnavailable, "the server has not said the message's number: check the account's url")
	}
	return &wit.Sent{IDs: []string{string(number.Raw())}}, nil
}

func part(name, text string) wit.HTTPPart { return wit.HTTPPart{Name: name, Text: &text} }

func address(config wit.JSON) string {
	account, _ := json.Parse(config) // the kernel has checked it
	return account.Get("url").Text()
}

func signed() []wit.Header {
	return []wit.Header{{Name: "Authorization", Value: "Bearer {{credential:token}}"}}
}

func init() { channel.Register("go-files", post{}) }

func main() {}
