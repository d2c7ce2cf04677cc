// Package once sends a message once on a platform that does not know a send that comes again, but lets one look for it. Before each
// part it is written down that it is tried, and which message was the last before it; a second attempt with the same idempotency key
// looks for the part first. It needs the permission kv.
//
// What is said in a conversation is sent in order, so one record for each conversation is enough: a message that begins is behind
// all before it. The beginning of one that is still being written is sent beside them, and has a record of its own.
package once

import (
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
)

// Message is a message while its parts are sent. It belongs to one call.
type Message struct {
	// IDs are what the platform calls the parts that have arrived, in order.
	IDs []string
	// Since is a message that was there before the part which is tried: where the platform's ids are numbers that grow, what may
	// have been sent of it has a larger one.
	Since int64

	host   *sdk.Host
	place  string // where the conversation's last attempt is remembered
	key    string
	trying bool // a part was tried, and it is not known what became of it
}

// keep is longer than a message is repeated: after a day the gateway gives it up. maxKey bounds a key that is remembered, in bytes.
const (
	keep   = 24 * time.Hour
	maxKey = 512
)

// Begin reads how far an earlier attempt at a message has come. conversation names where it goes, also between accounts; seen is
// the newest message that is known there, 0 for none.
func Begin(host *sdk.Host, conversation, idempotencyKey string, seen int64) *Message {
	h := fnv.New64a()
	_, _ = h.Write([]byte(conversation))
	m := &Message{host: host, place: Slot("once/"+strconv.FormatUint(h.Sum64(), 36), idempotencyKey), key: idempotencyKey, Since: seen}
	if len(m.key) > maxKey {
		m.key = m.key[:maxKey]
	}
	value, ok, err := host.KVGet(m.place)
	if err != nil || !ok {
		return m
	}
	v, err := json.ParseText(value)
	if err != nil {
		return m
	}
	m.Since = max(m.Since, v.Get("since").Int())
	if m.key == "" || v.Get("key").Text() != m.key {
		return m
	}
	m.Since, m.trying = v.Get("since").Int(), v.Get("trying").Bool()
	for id := range v.Get("ids").Items() {
		m.IDs = append(m.IDs, id.Text())
	}
	return m
}

// Slot is where the attempts at a message are remembered whose key this is, among those of a conversation.
func Slot(conversation, idempotencyKey string) string {
	if strings.HasPrefix(idempotencyKey, "draft:") {
		return conversation + "/draft"
	}
	return conversation
}

// Part sends a part, unless it is there already. find returns the id of what an earlier attempt has sent of it, "" for nothing; it is
// called only where there was one. send returns the part's id; uncertain says of its error that the part may have arrived all the same.
func (m *Message) Part(i int, find func() (string, error), send func() (id string, uncertain bool, err error)) error {
	if i < len(m.IDs) {
		return nil
	}
	if m.trying {
		id, err := find()
		if err != nil {
			return err
		}
		if id != "" {
			m.arrived(id)
			return nil
		}
	}
	m.trying = true
	m.note()
	id, uncertain, err := send()
	if err == nil {
		m.arrived(id)
	} else if !uncertain {
		m.trying = false
		m.note()
	}
	return err
}

// arrived notes that a part was sent.
func (m *Message) arrived(id string) {
	m.IDs, m.trying = append(m.IDs, id), false
	if n, err := strconv.ParseInt(id, 10, 64); err == nil {
		m.Since = n
	}
	m.note()
}

// note writes down how far the message has come. Where that cannot be done it is sent all the same: twice is better than never.
func (m *Message) note() {
	ids := json.Array{}
	for _, id := range m.IDs {
		ids = ids.Add(json.Text(id))
	}
	o := json.Sparse{Object: json.Object{}.Text("key", m.key).Int("since", m.Since)}
	o.AddTrue("trying", m.trying)
	if err := m.host.KVPut(m.place, string(o.Raw("ids", ids.JSON()).JSON()), keep); err != nil {
		m.host.Warn("what was sent of a message cannot be remembered: " + err.Error())
	}
}
