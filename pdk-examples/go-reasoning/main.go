// Command go-reasoning is a plugin that speaks to a language model which thinks, calls tools, and wants what it has thought
// back with a tool's result; see package toysage for what the server understands.
package main

import (
	"encoding/binary"
	"math"
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/provider"
	"github.com/carapace-gateway/carapace/wit"
)

type sage struct{}

// Request puts a chat into the server's words.
func (sage) Request(_ *sdk.Host, chat *wit.Chat) (*wit.ProviderPlan, error) {
	tools, turns := json.Array{}, json.Array{}
	for _, tool := range chat.Tools {
		tools = tools.Add(json.Text(tool.Name))
	}
	for i := range chat.Turns {
		turns = turns.Add(words(&chat.Turns[i]))
	}
	body := json.Object{}.Text("model", chat.Model).Raw("tools", tools.JSON()).Raw("turns", turns.JSON())
	return &wit.ProviderPlan{Framing: wit.FramingNDJSON, Request: request(chat.Config, "/chat", body)}, nil
}

// words is a turn as the server has it. Its opaque data is what read has kept with it.
func words(turn *wit.ChatTurn) wit.JSON {
	o := json.Object{}.Text("role", string(turn.Role))
	for _, part := range turn.Content {
		if part.Text != nil {
			o = o.Text("text", *part.Text)
			break // the server takes one text
		}
	}
	if len(turn.ToolCalls) > 0 {
		o = o.Text("call", turn.ToolCalls[0].ID)
	}
	return o.Raw("reasoning", turn.Opaque).JSON()
}

// Chunk reads what has arrived of the response: its head first, then lines, one or many, then its end.
func (sage) Chunk(_ *sdk.Host, chunk *wit.ProviderChunk) (*wit.ProviderAnswer, error) {
	answer := &wit.ProviderAnswer{}
	for _, event := range chunk.Events {
		switch {
		case event.Kind == wit.StreamEventKindHead && event.Status != 200:
			return &wit.ProviderAnswer{Error: refusal(event.Status)}, nil
		case event.Kind == wit.StreamEventKindEnd && event.Error != nil:
			answer.Error = event.Error
		case event.Kind == wit.StreamEventKindData:
			line, err := json.ParseText(event.Data)
			if err != nil {
				return nil, err
			}
			read(line, answer)
		}
	}
	return answer, nil
}

// read adds what one line says to the answer.
func read(line json.Value, answer *wit.ProviderAnswer) {
	if text := line.Get("text").Text(); text != "" {
		answer.Deltas = append(answer.Deltas, wit.Delta{Kind: wit.DeltaKindText, Text: text})
	}
	if text := line.Get("thinking").Text(); text != "" { // for people
		answer.Deltas = append(answer.Deltas, wit.Delta{Kind: wit.DeltaKindThinking, Text: text})
	}
	if reasoning := line.Get("reasoning"); reasoning.IsText() { // for the server
		answer.Opaque = reasoning.Raw()
	}
	if call := line.Get("call"); call.IsObject() {
		answer.ToolCalls = append(answer.ToolCalls,
			wit.ToolCall{ID: call.Get("id").Text(), Name: call.Get("name").Text(), Args: call.Get("args").Raw()})
	}
	switch line.Get("stop").Text() {
	case "":
		return
	case "call":
		answer.Stop = new(wit.StopReasonToolCalls)
	default:
		answer.Stop = new(wit.StopReasonEnd)
	}
	answer.Usage = &wit.Usage{Input: count(line.Get("read")), Output: count(line.Get("written"))}
}

// Models asks for the first page, and then for the next one for as long as an answer names one.
func (sage) Models(_ *sdk.Host, query *wit.ModelsQuery) (*wit.ModelsAnswer, error) {
	if query.Response == nil {
		return &wit.ModelsAnswer{Request: request(query.Config, "/models?page=1", nil)}, nil
	}
	page, err := received(query.Response)
	if err != nil {
		return nil, err
	}
	answer := &wit.ModelsAnswer{}
	for _, id := range page.Get("models").Texts() {
		answer.Models = append(answer.Models, wit.Model{ID: id, Name: id, Reasoning: id == "sage", Tools: id == "sage"})
	}
	if next := page.Get("next"); next.Exists() {
		answer.Request = request(query.Config, "/models?page="+strconv.FormatInt(next.Int(), 10), nil)
	}
	return answer, nil
}

// Embeddings asks for vectors, and then writes each number in four bytes.
func (sage) Embeddings(_ *sdk.Host, query *wit.EmbeddingQuery) (*wit.EmbeddingAnswer, error) {
	if query.Response == nil {
		texts := json.Array{}
		for _, text := range query.Texts {
			texts = texts.Add(json.Text(text))
		}
		return &wit.EmbeddingAnswer{Request: request(query.Config, "/vectors", json.Object{}.Raw("texts", texts.JSON()))}, nil
	}
	body, err := received(query.Response)
	if err != nil {
		return nil, err
	}
	answer := &wit.EmbeddingAnswer{Usage: &wit.Usage{Input: count(body.Get("read"))}}
	for numbers := range body.Get("vectors").Items() {
		var vector []byte
		for number := range numbers.Items() {
			vector = binary.LittleEndian.AppendUint32(vector, math.Float32bits(float32(number.Float())))
		}
		answer.Embeddings = append(answer.Embeddings, wit.Embedding{Vector: vector})
	}
	return answer, nil
}

func count(number json.Value) uint64 { return uint64(max(number.Int(), 0)) }

// request is a POST of a body, or a GET without one, signed with the key.
func request(settings wit.JSON, path string, body json.Object) *wit.HTTPRequest {
	config, _ := json.Parse(settings) // the kernel has checked it
	r := &wit.HTTPRequest{Method: "GET", URL: config.Get("url").Text() + path,
		Headers: []wit.Header{{Name: "Authorization", Value: "Bearer {{credential:key}}"}}}
	if body != nil {
		r.Method, r.JSON = "POST", body.JSON()
	}
	return r
}

// received is the value in a good response.
func received(response *wit.HTTPResponse) (json.Value, error) {
	switch {
	case response.Error != nil:
		return json.Value{}, response.Error
	case response.Status != 200 || response.Text == nil:
		return json.Value{}, refusal(response.Status)
	}
	return json.ParseText(*response.Text)
}

// refusal says for the owner what a status means, in one of the contract's codes.
func refusal(status uint16) *wit.Error {
	switch status {
	case 401:
		return wit.NewError(wit.CodeUnauthorized,
			"the model server does not know the key: set another with carapace setup go-reasoning")
	case 400:
		return wit.NewError(wit.CodeInvalid, "the model server does not take the request: it may be of another version")
	}
	return &wit.Error{Code: wit.CodeUnavailable, Retryable: status >= 500,
		Message: "the model server answered " + strconv.Itoa(int(status))}
}

func init() { provider.Register("go-reasoning", sage{}) }

func main() {}
