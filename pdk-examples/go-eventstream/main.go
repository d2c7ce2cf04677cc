// Command go-eventstream is a plugin that speaks to a language model whose answers come as binary packets: the messages
// of an AWS event stream, each with its length, its headers, its payload and two checksums. The kernel cuts the
// response into packets, and the plugin reads them.
package main

import (
	"encoding/binary"
	"hash/crc32"
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/provider"
	"github.com/carapace-gateway/carapace/wit"
)

type stream struct{}

// Request asks for packets that begin with their length, in four bytes, which counts all of the packet.
func (stream) Request(_ *sdk.Host, chat *wit.Chat) (*wit.ProviderPlan, error) {
	config, err := json.Parse(chat.Config)
	if err != nil {
		return nil, err
	}
	body := json.Object{}.Text("text", said(chat)).JSON()
	return &wit.ProviderPlan{
		Framing: wit.FramingPackets, Length: &wit.LengthPrefix{Whole: true},
		Request: &wit.HTTPRequest{Method: "POST", URL: config.Get("url").Text() + "/stream", JSON: body},
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

// Chunk reads the packets that have arrived.
func (stream) Chunk(_ *sdk.Host, chunk *wit.ProviderChunk) (*wit.ProviderAnswer, error) {
	answer := &wit.ProviderAnswer{}
	for _, event := range chunk.Events {
		switch {
		case event.Kind == wit.StreamEventKindHead && event.Status != 200:
			return &wit.ProviderAnswer{Error: &wit.Error{Code: wit.CodeUnavailable, Retryable: event.Status >= 500,
				Message: "the model server answered " + strconv.Itoa(int(event.Status))}}, nil
		case event.Kind == wit.StreamEventKindEnd && event.Error != nil:
			answer.Error = event.Error
		case event.Kind == wit.StreamEventKindData:
			if err := read(event.Bytes, answer); err != nil {
				return nil, err
			}
		}
	}
	return answer, nil
}

// read adds what one message says to the answer.
func read(packet []byte, answer *wit.ProviderAnswer) error {
	m, err := parse(packet)
	if err != nil {
		return err
	}
	payload, err := json.Parse(m.payload)
	if err != nil {
		return err
	}
	switch {
	case m.headers[":message-type"] == "exception":
		answer.Error = &wit.Error{Code: wit.CodeUnavailable, Message: "the model server says: " + payload.Get("message").Text()}
	case m.headers[":event-type"] == "text":
		answer.Deltas = append(answer.Deltas, wit.Delta{Kind: wit.DeltaKindText, Text: payload.Get("text").Text()})
	case m.headers[":event-type"] == "stop":
		answer.Stop = new(wit.StopReasonEnd)
	}
	return nil
}

// message is one of an event stream. Of its headers only those that are texts are kept.
type message struct {
	headers map[string]string
	payload []byte
}

// The parts of a message: its length and that of its headers with a checksum of both; the headers; the payload; and a
// checksum of all before.
const (
	prelude  = 12
	checksum = 4
	textType = 7
)

func parse(p []byte) (m message, err error) {
	bad := wit.NewError(wit.CodeUnavailable, "the model server sent a message that is damaged")
	if len(p) < prelude+checksum || sum(p[:8]) != binary.BigEndian.Uint32(p[8:]) || sum(p[:len(p)-checksum]) != binary.BigEndian.Uint32(p[len(p)-checksum:]) {
		return m, bad
	}
	rest := p[prelude : len(p)-checksum]
	n := binary.BigEndian.Uint32(p[4:])
	if uint64(n) > uint64(len(rest)) {
		return m, bad
	}
	headers := rest[:n]
	m = message{map[string]string{}, rest[n:]}
	for len(headers) > 0 {
		name, after := cut(headers[1:], int(headers[0]))
		if len(after) < 3 || after[0] != textType {
			return m, bad
		}
		value, rest := cut(after[3:], int(binary.BigEndian.Uint16(after[1:])))
		m.headers[string(name)], headers = string(value), rest
	}
	return m, nil
}

// cut takes n bytes off, or as many as there are.
func cut(data []byte, n int) (taken, rest []byte) {
	n = min(n, len(data))
	return data[:n], data[n:]
}

func sum(data []byte) uint32 { return crc32.ChecksumIEEE(data) }

// Models lists the models.
func (stream) Models(*sdk.Host, *wit.ModelsQuery) (*wit.ModelsAnswer, error) {
	return &wit.ModelsAnswer{Models: []wit.Model{{ID: "echo", Name: "Echo", ContextWindow: 8000}}}, nil
}

func init() { provider.Register("go-eventstream", stream{}) }

func main() {}
