// Command go-tts is a plugin that has texts said aloud by a server, which answers JSON with a sound.
package main

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/tts"
	"github.com/carapace-gateway/carapace/wit"
)

type reader struct{}

// Synthesize plans the request. The gateway makes it and keeps the sound that comes back: the plugin never has it.
func (reader) Synthesize(_ *sdk.Host, order *wit.SpeechOrder) (*wit.Speech, error) {
	config, err := json.Parse(order.Config)
	if err != nil {
		return nil, err
	}
	body := json.Object{}.Text("text", order.Text).Text("format", string(order.Format))
	if order.Voice != nil {
		body = body.Text("voice", *order.Voice)
	}
	if order.Speed != 0 {
		body = body.Int("percent", int64(order.Speed))
	}
	return tts.Request(&wit.HTTPRequest{Method: "POST", URL: config.Get("url").Text() + "/speak", JSON: body.JSON()}), nil
}

// Voices is asked first without a response, and then with the one to its request.
func (reader) Voices(_ *sdk.Host, query *wit.VoicesQuery) (*wit.VoicesAnswer, error) {
	if query.Response == nil {
		config, err := json.Parse(query.Config)
		return &wit.VoicesAnswer{Request: &wit.HTTPRequest{URL: config.Get("url").Text() + "/voices"}}, err
	}
	if query.Response.Status != 200 || query.Response.Text == nil {
		return nil, wit.NewError(wit.CodeUnavailable, "go-tts: the server does not list its voices; look at its log")
	}
	list, err := json.Parse([]byte(*query.Response.Text))
	answer := &wit.VoicesAnswer{}
	for item := range list.Items() {
		answer.Voices = append(answer.Voices, wit.Voice{ID: item.Get("id").Text(), Name: item.Get("name").Text()})
	}
	return answer, err
}

func init() { tts.Register("go-tts", reader{}) }

func main() {}
