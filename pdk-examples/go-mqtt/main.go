// Command go-mqtt is a plugin that chats over MQTT 3.1.1: people publish {"id":"7","text":"hello"} to
// <root>/in/<person> and hear the bot at <root>/out/<person>. Its connection is cut into packets, and its sends
// (QoS 1) wait for their PUBACK. A message that comes is acknowledged once the kernel has it.
package main

import (
	"encoding/binary"
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// The packets that it knows, by the first byte's upper half.
const (
	connect = iota + 1
	connack
	publish
	puback
	subscribe = 8
	pingreq   = 12
)

// keepAlive is how long the server waits for a sign of life, in seconds.
const keepAlive = 60

// packetLength is where MQTT has the length of a packet: behind its first byte.
var packetLength = wit.LengthPrefix{Offset: 1, Form: wit.LengthFormVarint}

type mqtt struct{}

// Event keeps the connection. The state says whether the server has let the account in.
func (mqtt) Event(_ *sdk.Host, event *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
	account, _ := json.Parse(event.Config) // the kernel has checked it
	answer := &wit.ChannelAnswer{}
	say := func(packets ...[]byte) {
		for _, p := range packets {
			answer.Frames = append(answer.Frames, wit.Frame{Connection: "mqtt", Bytes: p})
		}
	}
	switch event.Kind {
	case wit.EventKindStart:
		url := account.Get("server").Text()
		transport, _, _ := strings.Cut(url, ":")
		answer.Open = []wit.OpenConnection{{Connection: "mqtt", Transport: wit.Transport(transport), URL: url,
			Framing: wit.StreamFramingPackets, Length: &packetLength, MaxBytes: 256 << 10}}
		answer.Status = &wit.AccountStatus{State: wit.ConnectionStateConnecting}
		answer.State = wit.JSON(`false`)
	case wit.EventKindOpened:
		// Version 4 is MQTT 3.1.1; without the flag "clean session" the server keeps what comes meanwhile.
		say(packet(connect<<4, text("MQTT"), []byte{4, 0, 0, keepAlive}, text(account.Get("client").Text())))
		answer.Status = &wit.AccountStatus{State: wit.ConnectionStateConnecting}
	case wit.EventKindClosed:
		answer.State = wit.JSON(`false`) // sends wait until it is in again
	case wit.EventKindTimer:
		say(packet(pingreq << 4))
		answer.Timers = []wit.Timer{{ID: "ping", After: keepAlive * 500}}
	case wit.EventKindMessage:
		kind, body := open(event.Message.Bytes)
		switch {
		case kind>>4 == connack && len(body) == 2 && body[1] == 0:
			say(packet(subscribe<<4|2, number(1), text(account.Get("root").Text()+"/in/+"), []byte{1}))
			answer.State = wit.JSON(`true`)
			answer.Status = &wit.AccountStatus{State: wit.ConnectionStateConnected}
			answer.Timers = []wit.Timer{{ID: "ping", After: keepAlive * 500}}
		case kind>>4 == connack:
			answer.Status = &wit.AccountStatus{State: wit.ConnectionStateNeedsLogin, Message: new("the server does not let the client in")}
			answer.Close = []string{"mqtt"}
		case kind>>4 == puback && len(body) == 2:
			answer.Confirmed = []wit.Confirmation{{Token: token(binary.BigEndian.Uint16(body))}}
		case kind>>4 == publish && kind&6 == 2: // QoS 1
			message, id, ok := received(body)
			if ok {
				answer.Messages = []wit.Message{message}
			}
			say(packet(puback<<4, id)) // also what is no message, or it comes again and again
		}
	}
	return answer, nil
}

// received reads what was published, and the packet's id.
func received(body []byte) (m wit.Message, id []byte, ok bool) {
	topic, rest := untext(body)
	if len(rest) < 2 {
		return m, number(0), false
	}
	payload, err := json.Parse(rest[2:])
	person := topic[strings.LastIndexByte(topic, '/')+1:]
	m = wit.Message{
		ID: payload.Get("id").Text(), Text: payload.Get("text").Text(), Sender: wit.Person{ID: person},
		Conversation: wit.Conversation{Kind: wit.ConversationKindDirect, ID: person},
	}
	return m, rest[:2], err == nil && m.ID != "" && person != ""
}

// Send publishes a message. A packet's id is of its idempotency key: should two under way have the same, the kernel
// has the second one wait. MQTT cannot tell a repetition: a message whose PUBACK was lost is published twice.
func (mqtt) Send(_ *sdk.Host, send *wit.ChannelSend) (*wit.Sent, error) {
	if string(send.State) != "true" {
		return nil, &wit.Error{Code: wit.CodeUnavailable, Retryable: true, Message: "the account is not on the server now"}
	}
	if strings.ContainsAny(send.To.ID, "+#/\x00") || len(send.To.ID) > 1000 {
		return nil, wit.NewError(wit.CodeInvalid, "a person's id has none of + # /")
	}
	account, _ := json.Parse(send.Config)
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(send.IdempotencyKey))
	id := uint16(hash.Sum32()%65534) + 2 // 1 is the subscription's
	return &wit.Sent{
		IDs:    []string{send.IdempotencyKey},
		Frames: []wit.Frame{{Connection: "mqtt", Bytes: packet(publish<<4|2, text(account.Get("root").Text()+"/out/"+send.To.ID), number(id), []byte(send.Text))}},
		Awaits: &wit.Awaited{Token: token(id)},
	}, nil
}

func token(id uint16) string { return strconv.Itoa(int(id)) }

// packet is one with its length, which has seven bits in each byte.
func packet(first byte, parts ...[]byte) []byte {
	length := 0
	for _, part := range parts {
		length += len(part)
	}
	out := binary.AppendUvarint([]byte{first}, uint64(length))
	for _, part := range parts {
		out = append(out, part...)
	}
	return out
}

// open takes a packet apart, which is whole.
func open(data []byte) (first byte, body []byte) {
	if len(data) < 2 {
		return 0, nil
	}
	_, n := binary.Uvarint(data[1:])
	return data[0], data[1+max(n, 0):]
}

func number(n uint16) []byte { return binary.BigEndian.AppendUint16(nil, n) }

func text(s string) []byte { return append(number(uint16(len(s))), s...) }

// untext reads a text, empty where there is none.
func untext(data []byte) (s string, rest []byte) {
	if len(data) < 2 {
		return "", nil
	}
	n := 2 + int(binary.BigEndian.Uint16(data))
	if n > len(data) {
		return "", nil
	}
	return string(data[2:n]), data[n:]
}

func init() { channel.Register("go-mqtt", mqtt{}) }

func main() {}
