package line

import (
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// A reply token is good once, and for a minute after what was said ("Reply token"). Which token a message goes by is written down before
// LINE is asked, and each attempt goes by that one, whatever was said since: a send whose answer was lost is known by that, since the
// token of a reply that arrived is used up. A push carries a retry key instead ("Retry failed API requests").

const (
	tokenLife  = 50_000 // in milliseconds, with a margin
	keepTokens = time.Hour
	pushed     = "-" // what is kept of a message that goes by no token
)

// deliver sends the messages of a request and returns their ids: as a reply where that is possible, and else as a push.
func (c *chat) deliver(messages []wit.JSON, idempotencyKey string, batch int) (ids []string, r result) {
	if batch == 0 && c.settings.replies {
		if ids, r, over := c.reply(messages, idempotencyKey); over {
			return ids, r
		}
	}
	return c.push(messages, retryKey(idempotencyKey, batch))
}

// reply sends messages by the conversation's reply token. over is false where there is none that can be used, and nothing was sent.
func (c *chat) reply(messages []wit.JSON, idempotencyKey string) (ids []string, r result, over bool) {
	k, again, ok := c.token(idempotencyKey)
	if !ok {
		return nil, result{}, false
	}
	body := json.Object{}.Text("replyToken", k.token).Raw("messages", list(messages))
	ids, r = c.sent(c.do(c.settings.post("/message/reply", body)))
	if r.Status != 400 {
		return ids, r, true
	}
	if again && c.young(k) && c.do(c.settings.post("/message/validate/reply", json.Object{}.Raw("messages", list(messages)))).Success() {
		return nil, result{Reply: reply.Reply{Status: 200}}, true // an attempt whose answer was lost has used it
	}
	// It has ended, or the messages are refused, which the push will tell. It is nothing that a later attempt could go by.
	if err := c.host.KVPut("reply/"+idempotencyKey, pushed, keepTokens); err != nil {
		c.host.Warn("line: that a reply token has ended cannot be remembered: " + err.Error())
	}
	return nil, result{}, false
}

// token is what a message goes by: again is that it went by it before, ok that it goes by one at all. Which way its first attempt went
// is kept, so that what LINE knows of that is not asked of the other way.
func (c *chat) token(idempotencyKey string) (k key, again, ok bool) {
	kept, known, err := c.host.KVGet("reply/" + idempotencyKey)
	if err != nil {
		return key{}, false, false
	}
	if known {
		at, token, found := strings.Cut(kept, " ")
		k.at, err = strconv.ParseInt(at, 10, 64)
		k.token = token
		return k, true, found && err == nil
	}
	way := pushed
	if k = c.state.tokens.find(c.to); k.token != "" && c.young(k) && c.claim(k, idempotencyKey) {
		way = strconv.FormatInt(k.at, 10) + " " + k.token
	}
	if err := c.host.KVPut("reply/"+idempotencyKey, way, keepTokens); err != nil {
		c.host.Warn("line: how a message is sent cannot be remembered: " + err.Error())
		return k, false, false
	}
	return k, false, way != pushed
}

// claim takes a token for a message, and reports whether no other one has it.
func (c *chat) claim(k key, idempotencyKey string) bool {
	if _, used, err := c.host.KVGet("token/" + k.token); used || err != nil {
		return false
	}
	return c.host.KVPut("token/"+k.token, idempotencyKey, keepTokens) == nil
}

// young reports whether a token can be good.
func (c *chat) young(k key) bool { return c.now-k.at < tokenLife }

// push sends messages at any time. A request that LINE has taken before is answered with what it sent then.
func (c *chat) push(messages []wit.JSON, retryKey string) (ids []string, r result) {
	body := json.Object{}.Text("to", c.to).Raw("messages", list(messages))
	r = c.do(c.settings.post("/message/push", body, wit.Header{Name: "X-Line-Retry-Key", Value: retryKey}))
	if r.Status == 409 {
		r = result{Reply: reply.Reply{Status: 200, Value: r.Value}}
	}
	if r.Status == 429 {
		r.spent = c.spent()
	}
	return c.sent(r)
}

// spent reports whether the month's messages are used up, which has the status of too many requests too ("Get the target limit for sending
// messages this month", "Get number of messages sent this month").
func (c *chat) spent() bool {
	quota := c.do(c.settings.get("/message/quota"))
	if !quota.Success() || quota.Value.Get("type").Text() != "limited" {
		return false
	}
	used := c.do(c.settings.get("/message/quota/consumption"))
	return used.Success() && used.Value.Get("totalUsage").Int() >= quota.Value.Get("value").Int()
}

// sent reads the ids of messages that were taken. An answer without them is not LINE's.
func (c *chat) sent(r result) (ids []string, of result) {
	for m := range r.Value.Get("sentMessages").Items() {
		if id := m.Get("id").Text(); id != "" && len(id) <= maxID {
			ids = append(ids, id)
		}
	}
	if r.Success() && len(ids) == 0 {
		r.foreign()
	}
	return ids, r
}

func list(messages []wit.JSON) wit.JSON {
	out := json.Array{}
	for _, m := range messages {
		out = out.Add(m)
	}
	return out.JSON()
}

// retryKey is a UUID that is the same for each attempt at a request.
func retryKey(key string, batch int) string {
	h := fnv.New128a()
	_, _ = h.Write([]byte(key + "/" + strconv.Itoa(batch))) // it never fails
	const digits = "0123456789abcdef"
	out := []byte{}
	for i, b := range h.Sum(nil) {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			out = append(out, '-')
		}
		out = append(out, digits[b>>4], digits[b&15])
	}
	return string(out)
}
