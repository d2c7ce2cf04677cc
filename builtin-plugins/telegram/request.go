package telegram

import (
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// requestKind is what a request is for. It is the first part of the request's id, by which the response is
// recognised, and what the state notes as to be tried again.
type requestKind string

const (
	requestMe            requestKind = "me"     // getMe: who is the bot?
	requestWebhookInfo   requestKind = "hook"   // getWebhookInfo: do its updates go elsewhere?
	requestDeleteWebhook requestKind = "unhook" // deleteWebhook: not any more
	requestSetWebhook    requestKind = "set"    // setWebhook: they come to this gateway
	requestUpdates       requestKind = "poll"   // getUpdates
	requestFile          requestKind = "file"   // getFile; which is the attachment's index
	requestProbe         requestKind = "probe"  // getMe, for the command of that name
	requestMenu          requestKind = "menu"   // setMyCommands; which is the scope's index
	requestButton        requestKind = "ack"    // answerCallbackQuery; its response does not matter
)

// tokenPlaceholder is replaced by the bot's token when the kernel makes the request.
const tokenPlaceholder = "{{credential:botToken}}"

// request describes a call of a Bot API method with JSON parameters ("Making requests").
func (s settings) request(id, method string, params json.Object) wit.HTTPRequest {
	return wit.HTTPRequest{
		ID:     id,
		Method: "POST",
		URL:    s.root + "/bot" + tokenPlaceholder + "/" + method,
		JSON:   params.JSON(),
	}
}

// callTimeout is for calls that Telegram answers at once, with the way there and back, in milliseconds.
const callTimeout = 10_000

// transferTimeout is for requests that carry a file, in milliseconds: 50 MB at 3.5 Mbit/s.
const transferTimeout = 120_000

// download describes fetching a file by the path that getFile gave.
func (s settings) download(path string) *wit.HTTPRequest {
	return &wit.HTTPRequest{URL: s.root + "/file/bot" + tokenPlaceholder + "/" + form.Path(path), Timeout: transferTimeout}
}
