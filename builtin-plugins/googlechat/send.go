package googlechat

import (
	"encoding/hex"
	"hash/fnv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// How long calls may take, in milliseconds: those that Google answers at once, and those that carry a file.
const (
	callTimeout     = 20_000
	transferTimeout = 120_000
)

// authorized are the headers of every call. The kernel fills the token in.
func authorized() []wit.Header {
	return []wit.Header{{Name: "Authorization", Value: "Bearer {{credential:accessToken}}"}}
}

// chat makes the calls of one operation on a space.
type chat struct {
	host     *sdk.Host
	settings settings
	to       wit.Conversation
	moved    *wit.Conversation // the space's own id, when somebody's was said
}

// openChat reads what an operation is given. The error is invalid.
func openChat(host *sdk.Host, config wit.JSON, to wit.Conversation) (*chat, error) {
	settings, err := readSettings(config)
	if err != nil {
		return nil, err
	}
	if to.ID == "" {
		return nil, wit.NewError(wit.CodeInvalid, "the message has nowhere to go to")
	}
	return &chat{host: host, settings: settings, to: to}, nil
}

// call makes a call of a resource.
func (c *chat) call(method, path string, body json.Object) result {
	request := &wit.HTTPRequest{ID: "call", Method: method, URL: c.settings.api + "v1/" + path, Headers: authorized(), Timeout: callTimeout}
	if body != nil {
		request.JSON = body.JSON()
	}
	return decode(reply.Response(c.host.HTTP(request)))
}

// meet finds the direct message with somebody (spaces.findDirectMessage). An app cannot begin one.
func (c *chat) meet() *wit.Error {
	name := c.to.ID
	if strings.Contains(name, "@") && !strings.HasPrefix(name, "users/") {
		name = "users/" + name
	}
	if !strings.HasPrefix(name, "users/") {
		return nil
	}
	r := c.call("GET", "spaces:findDirectMessage?name="+form.Escape(name), nil)
	if err := r.err(); err != nil {
		if r.Status == 404 {
			err.Message += ": they have to write to the app first"
		}
		return err
	}
	id := r.Value.Get("name").Text()
	if id == "" || len(id) > maxID {
		return wit.NewError(wit.CodeUnavailable, "the answer is not the Chat API's; is apiRoot right?")
	}
	c.to.ID, c.to.Kind, c.to.Thread = id, wit.ConversationKindDirect, nil
	c.moved = &wit.Conversation{Kind: wit.ConversationKindDirect, ID: id, Name: c.to.Name}
	return nil
}

// Send delivers a text and what can be chosen below it. Apps can send no files: the text says which. Of a message in which nothing can be
// seen nothing is sent, which is no error.
func (GoogleChat) Send(host *sdk.Host, send *wit.ChannelSend) (*wit.Sent, error) {
	c, err := openChat(host, send.Config, send.To)
	if err != nil {
		return nil, err
	}
	forms := formsOf(send)
	if len(forms) == 0 {
		return &wit.Sent{}, nil
	}
	if err := c.meet(); err != nil {
		return nil, err
	}
	path := form.Path(c.to.ID) + "/messages?requestId=" + requestID(send.IdempotencyKey)
	thread := wit.JSON(nil)
	if t := c.to.Thread; t != nil && *t != "" {
		path += "&messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD"
		thread = json.Object{}.Text("name", *t).JSON()
	}
	quote := c.quote(send.ReplyTo)
	post := func(body json.Object) result { return c.call("POST", path, body.Raw("thread", thread)) }
	r := c.inForms(forms, func(body json.Object) result {
		if quote != nil {
			if r := post(body.Raw("quotedMessageMetadata", quote)); !r.refused() {
				return r
			}
			c.host.Warn("googlechat: a message is sent without what it answers")
			quote = nil
		}
		return post(body)
	})
	if err := r.err(); err != nil {
		return nil, err
	}
	id := r.Value.Get("name").Text()
	if id == "" || len(id) > maxID {
		e := wit.NewError(wit.CodeUnavailable, "the answer is not the Chat API's; is apiRoot right?")
		e.Retryable = true
		return nil, e
	}
	return &wit.Sent{IDs: []string{id}, Moved: c.moved}, nil
}

// quote is what quotes a message (QuotedMessageMetadata), nil where that cannot be: it has to be in the same thread, and Google wants to
// be told when it was changed last, which it tells of those that the app may read (spaces.messages.get).
func (c *chat) quote(id *string) wit.JSON {
	if id == nil || !strings.HasPrefix(*id, c.to.ID+"/messages/") {
		return nil
	}
	r := c.call("GET", form.Path(*id), nil)
	changed := r.Value.Get("lastUpdateTime").Text()
	if changed == "" {
		changed = r.Value.Get("createTime").Text()
	}
	if r.err() != nil || changed == "" || c.to.Thread != nil && r.Value.Get("thread", "name").Text() != *c.to.Thread {
		return nil
	}
	return json.Object{}.Text("name", *id).Text("lastUpdateTime", changed).JSON()
}

// requestID makes of the kernel's key what Google knows a repeated request by (spaces.messages.create, requestId).
func requestID(key string) string {
	if key == "" {
		return ""
	}
	h := fnv.New128a()
	_, _ = h.Write([]byte(key))
	return "carapace-" + hex.EncodeToString(h.Sum(nil))
}

// formsOf are what a message is sent as, in the order in which they are tried: with its buttons, and without.
func formsOf(send *wit.ChannelSend) []json.Object {
	text := send.Text
	if send.Formatted != nil {
		text = *send.Formatted
	}
	for i := range send.Attachments {
		text = texts.Join("\n\n", text, missing(&send.Attachments[i]))
	}
	if text = quiet(text); strings.TrimSpace(text) == "" {
		return nil
	}
	return bodies(text, send.Actions)
}

// bodies are a text with buttons, and without.
func bodies(text string, actions []wit.ActionRow) []json.Object {
	if len(actions) == 0 {
		return []json.Object{json.Object{}.Text("text", text)}
	}
	return []json.Object{json.Object{}.Text("text", text).Raw("cardsV2", card(actions)), json.Object{}.Text("text", listed(text, actions))}
}

// quiet is a text that calls nobody: Chat takes <users/…> for a mention.
func quiet(text string) string { return strings.ReplaceAll(text, "<users/", "<\u200busers/") }

// missing names a file that cannot be sent: uploads want a user's login (media.upload, "Authorization scopes").
func missing(a *wit.Attachment) string {
	label, caption := string(a.Kind), ""
	if a.Name != nil && *a.Name != "" {
		label = *a.Name
	}
	if a.Caption != nil {
		caption = *a.Caption
	}
	if a.Kind == wit.AttachmentKindLocation || a.Kind == wit.AttachmentKindContact {
		return texts.Join("\n", "📍 "+label, caption)
	}
	if f := a.Fetch; f != nil && a.Media == nil && (f.Method == "" || f.Method == "GET") && len(f.Headers) == 0 && !strings.Contains(f.URL, "{{") {
		return texts.Join("\n", caption, label+": "+f.URL)
	}
	return texts.Join("\n", caption, "["+label+" could not be sent: Google lets apps send no files]")
}

// inForms does something with each form until one is not refused.
func (c *chat) inForms(forms []json.Object, do func(body json.Object) result) (r result) {
	for i, body := range forms {
		if r = do(body); !r.refused() {
			return r
		}
		if i < len(forms)-1 {
			c.host.Warn("googlechat: a message was refused and is sent in another form: " + r.err().Message)
		}
	}
	return r
}
