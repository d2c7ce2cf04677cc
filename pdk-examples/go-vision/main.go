// Command go-vision is a plugin that speaks to a language model which sees pictures. They stand in the body of the request, in
// base64; the kernel puts them there, and the plugin knows no more of them than their names. See package toyeye for what the
// server understands.
package main

import (
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/provider"
	"github.com/carapace-gateway/carapace/wit"
)

type eye struct{}

// Request asks about the last turn: its text, and a place for each of its pictures.
func (eye) Request(_ *sdk.Host, chat *wit.Chat) (*wit.ProviderPlan, error) {
	config, _ := json.Parse(chat.Config) // the kernel has checked it
	request := &wit.HTTPRequest{Method: "POST", URL: config.Get("url").Text() + "/look"}
	text, pictures := "", json.Array{}
	for _, part := range lastOf(chat.Turns) {
		switch {
		case part.Kind == wit.PartKindImage && part.Media != nil && part.Mime != nil:
			request.Embed = append(request.Embed, *part.Media)
			pictures = pictures.Add(json.Object{}.Text("mime", *part.Mime).Text("data", "{{media:"+*part.Media+"}}").JSON())
		case part.Text != nil:
			text += *part.Text
		}
	}
	// The pictures stand before what people say: a place is where it stands first, and they may write one too.
	request.JSON = json.Object{}.Raw("pictures", pictures.JSON()).Text("text", text).JSON()
	return &wit.ProviderPlan{Framing: wit.FramingJSON, Request: request}, nil
}

func lastOf(turns []wit.ChatTurn) []wit.Part {
	if len(turns) == 0 {
		return nil
	}
	return turns[len(turns)-1].Content
}

// Chunk reads the answer, which comes whole, behind its head.
func (eye) Chunk(_ *sdk.Host, chunk *wit.ProviderChunk) (*wit.ProviderAnswer, error) {
	answer := &wit.ProviderAnswer{}
	for _, event := range chunk.Events {
		switch {
		case event.Kind == wit.StreamEventKindHead && event.Status != 200:
			return &wit.ProviderAnswer{Error: &wit.Error{Code: wit.CodeUnavailable, Retryable: event.Status >= 500,
				Message: "the model server answered " + strconv.Itoa(int(event.Status))}}, nil
		case event.Kind == wit.StreamEventKindEnd && event.Error != nil:
			answer.Error = event.Error
		case event.Kind == wit.StreamEventKindData:
			body, err := json.ParseText(event.Data)
			if err != nil {
				return nil, err
			}
			answer.Deltas = []wit.Delta{{Kind: wit.DeltaKindText, Text: body.Get("says").Text()}}
			answer.Usage = &wit.Usage{Input: count(body.Get("read")), Output: count(body.Get("written"))}
			answer.Stop = new(wit.StopReasonEnd)
		}
	}
	return answer, nil
}

func count(number json.Value) uint64 { return uint64(max(number.Int(), 0)) }

// Models says that the model sees: the kernel shows pictures to no other.
func (eye) Models(*sdk.Host, *wit.ModelsQuery) (*wit.ModelsAnswer, error) {
	return &wit.ModelsAnswer{Models: []wit.Model{{ID: "eye", Name: "Eye", ContextWindow: 8000, Images: true}}}, nil
}

func init() { provider.Register("go-vision", eye{}) }

func main() {}
