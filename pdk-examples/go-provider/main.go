// Command go-provider is a plugin that speaks to a language model: it plans a request, and reads what
// streams back. The kernel makes the request, fills in the key and cuts the stream into events.
package main

import (
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/provider"
	"github.com/carapace-gateway/carapace/wit"
)

type echo struct{}

// Request puts a chat into the server's words. See package toymodel for them.
func (echo) Request(_ *sdk.Host, chat *wit.Chat) (*wit.ProviderPlan, error) {
	config, err := json.Parse(chat.Config)
	if err != nil {
		return nil, err
	}
	return &wit.ProviderPlan{
		Framing: wit.FramingSSE,
		Request: &wit.HTTPRequest{
			Method: "POST", URL: config.Get("url").Text() + "/chat",
			JSON:    json.Object{}.Text("model", chat.Model).Text("text", said(chat)).JSON(),
			Headers: []wit.Header{{Name: "Authorization", Value: "Bearer {{credential:key}}"}},
		},
	}, nil
}

// said is the text of the last turn.
func said(chat *wit.Chat) (text string) {
	if len(chat.Turns) == 0 {
		return ""
	}
	for _, part := range chat.Turns[len(chat.Turns)-1].Content {
		if part.Text != nil {
			text += *part.Text
		}
	}
	return text
}

// Chunk reads what has arrived of the response: its head first, then events, one or many, then its end.
func (echo) Chunk(_ *sdk.Host, chunk *wit.ProviderChunk) (*wit.ProviderAnswer, error) {
	answer := &wit.ProviderAnswer{}
	for _, event := range chunk.Events {
		switch {
		case event.Kind == wit.StreamEventKindHead && event.Status != 200:
			return &wit.ProviderAnswer{Error: refusal(event.Status)}, nil
		case event.Kind == wit.StreamEventKindEnd && event.Error != nil:
			answer.Error = event.Error
		case event.Kind == wit.StreamEventKindData:
			if err := read(event.Data, answer); err != nil {
				return nil, err
			}
		}
	}
	return answer, nil
}

// read adds what one event says to the answer.
func read(data string, answer *wit.ProviderAnswer) error {
	event, err := json.ParseText(data)
	if err != nil {
		return err
	}
	if text := event.Get("text").Text(); text != "" {
		answer.Deltas = append(answer.Deltas, wit.Delta{Kind: wit.DeltaKindText, Text: text})
	}
	if words := event.Get("words"); words.Exists() { // the last event
		answer.Stop = new(wit.StopReasonEnd)
		answer.Usage = &wit.Usage{Input: uint64(words.Int()), Output: uint64(words.Int())}
	}
	return nil
}

// refusal says for the owner what a status means, in one of the contract's codes.
func refusal(status uint16) *wit.Error {
	if status == 401 {
		return wit.NewError(wit.CodeUnauthorized, "the model server does not know the key: set another with carapace setup go-provider")
	}
	return &wit.Error{Code: wit.CodeUnavailable, Retryable: status >= 500, Message: "the model server answered " + strconv.Itoa(int(status))}
}

// Models lists the models; a provider that has to ask for them returns a request first.
func (echo) Models(*sdk.Host, *wit.ModelsQuery) (*wit.ModelsAnswer, error) {
	return &wit.ModelsAnswer{Models: []wit.Model{{ID: "echo", Name: "Echo", ContextWindow: 8000}}}, nil
}

func init() { provider.Register("go-provider", echo{}) }

func main() {}
