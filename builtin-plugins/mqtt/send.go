package mqtt

import (
	"strconv"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/wit"
)

const (
	// confirmedWithin is how long the server's PUBACK is waited for, in milliseconds.
	confirmedWithin = 60_000
	// fewAtOnce is how many messages a server has to take ahead of their acknowledgement to be left to it. With one that takes fewer, so
	// many packets' ids are used: the kernel has a send wait whose id another one has.
	fewAtOnce = 16
	// remembered is how long it is known that a packet was published before.
	remembered = 24 * time.Hour
)

// Send publishes a message, and waits for the server's PUBACK or PUBREC of the last packet: a server acknowledges in order (4.6). Of a message in
// which nothing can be seen nothing is published, which is no error.
func (MQTT) Send(host *sdk.Host, send *wit.ChannelSend) (*wit.Sent, error) {
	p, err := newPublisher(host, send)
	if err != nil {
		return nil, err
	}
	contents := p.contents(send)
	for i := range contents {
		if err := p.publish(&contents[i]); err != nil {
			return nil, err
		}
	}
	if len(p.sent.Frames) > wit.SentFramesMax {
		return nil, wit.NewError(wit.CodeTooLarge, "a message of more than "+number10(wit.SentFramesMax)+" packets is not published at once")
	}
	return &p.sent, nil
}

// publisher makes the packets of a send.
type publisher struct {
	host             *sdk.Host
	settings         settings
	old              bool
	account          string
	key              string
	topic, fileTopic string
	most             int    // bytes of a packet
	ids              uint64 // of packets that there are
	named            int    // messages that have an id in their payload
	count            int    // packets so far
	state            *state
	sent             wit.Sent
}

// newPublisher reads what a send brings. Errors: CodeInvalid for a conversation whose name makes no topic, or one that would be
// read as a question again; CodeUnavailable while the client is not on the server.
func newPublisher(host *sdk.Host, send *wit.ChannelSend) (*publisher, error) {
	settings, err := readSettings(send.Config)
	if err != nil {
		return nil, err
	}
	s, err := readState(send.State)
	if err != nil {
		return nil, err
	}
	p := &publisher{host: host, settings: settings, old: s.old, state: &s, account: send.Account, key: send.IdempotencyKey, most: int(settings.maxPacket)}
	if s.maxPacket > 0 {
		p.most = int(min(s.maxPacket, settings.maxPacket))
	}
	if p.ids = 1<<16 - firstSendPacket; s.atOnce > 0 && s.atOnce <= fewAtOnce {
		p.ids = uint64(s.atOnce)
	}
	p.topic = topicFor(settings.answerTopic, send.To.ID)
	if settings.fileTopic != "" {
		p.fileTopic = topicFor(settings.fileTopic, send.To.ID)
	}
	switch {
	case p.topic == "" || settings.fileTopic != "" && p.fileTopic == "":
		return nil, wit.NewError(wit.CodeInvalid, "a conversation's name has none of + and #, and does not begin with $: "+strconv.Quote(send.To.ID))
	case settings.reads(p.topic) && s.old:
		return nil, wit.NewError(wit.CodeInvalid, "what is published on "+p.topic+" would come back as a question: choose another `answerTopic`")
	case settings.fileTopic != "" && settings.reads(p.fileTopic) && s.old:
		return nil, wit.NewError(wit.CodeInvalid, "what is published on "+p.fileTopic+" would come back as a question: choose another `fileTopic`")
	case s.phase != phaseIn:
		return nil, &wit.Error{Code: wit.CodeUnavailable, Retryable: true, Message: "the client is not on the server now"}
	}
	return p, nil
}

// publish adds a packet. Its id is made of the send's key, so that it is the same for each attempt; that it was written before is said
// by DUP. Should two sends under way have one id, the kernel has the second one wait. With quality of service 2 a packet that the server
// has received is not written again, and one whose id the server still keeps for another packet waits: the error is unavailable.
func (p *publisher) publish(c *content) error {
	n := p.count
	p.count++
	id := uint16((hashed(p.key)%p.ids+uint64(n))%p.ids) + firstSendPacket
	since, before := p.before(id)
	received, open := p.state.received(id, since)
	p.sent.IDs = append(p.sent.IDs, messageID(p.key, n))
	switch {
	case before && received:
		return nil
	case open:
		return &wit.Error{Code: wit.CodeUnavailable, Retryable: true, RetryAfter: new(int64(idPause)), Message: "the server has not finished with an earlier message"}
	}
	first := byte(typePublish<<4 | flagQoS1)
	if p.state.twice {
		first = typePublish<<4 | flagQoS2
	}
	if before {
		first |= flagDup
	} else {
		p.note(id)
	}
	if p.settings.retain && c.topic == p.topic {
		first |= flagRetain
	}
	head := append(words(c.topic), two(id)...)
	if !p.old {
		head = append(head, c.properties()...)
	}
	parts := append([]wit.FramePart{{Bytes: []byte{first}}, {Length: &writtenLength}, {Bytes: head}}, c.parts...)
	p.sent.Frames = append(p.sent.Frames, wit.Frame{Connection: connection, Parts: parts})
	p.sent.Awaits = &wit.Awaited{Token: token(id), Within: confirmedWithin}
	return nil
}

// idPause is how long a packet waits whose id is not free, in milliseconds.
const idPause = 500

// writtenLength is the length of a packet that is written.
var writtenLength = wit.LengthPrefix{Form: wit.LengthFormVarint}

// before reports whether the same packet was written by an earlier attempt, and how many packets the server had received then.
func (p *publisher) before(id uint16) (since int64, yes bool) {
	kept, ok, err := p.host.KVGet(p.slot(id))
	if err != nil || !ok {
		return 0, false
	}
	key, count, _ := strings.Cut(kept, "\n")
	since, _ = strconv.ParseInt(count, 10, 64)
	return since, key == p.key
}

// note remembers that a packet is written now.
func (p *publisher) note(id uint16) {
	value := p.key
	if p.state.twice {
		value += "\n" + number10(int(p.state.takes))
	}
	if err := p.host.KVPut(p.slot(id), value, remembered); err != nil {
		p.host.Warn("mqtt: what was published cannot be remembered: " + err.Error())
	}
}

// slot is where it is kept what a packet's id was used for last.
func (p *publisher) slot(id uint16) string { return "sent/" + p.account + "/" + number10(int(id)) }

// messageID is what the nth packet of a send is called: it may be written again, with the same name.
func messageID(key string, n int) string {
	if n == 0 {
		return number(hashed(key))
	}
	return number(hashed(key)) + "-" + number10(n)
}

func token(id uint16) string { return "p" + number10(int(id)) }
