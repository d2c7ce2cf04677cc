package twilio

import (
	"strconv"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// keep is longer than a send is repeated: after a day the gateway gives a message up.
const keep = 48 * time.Hour

// What a part's mark begins with, and how long it is.
const (
	markBegin  = "cp"
	markLength = len(markBegin) + 16
)

// markOf names a part of a message: the same at each attempt.
func markOf(key string, part int) string {
	h := uint64(14695981039346656037) // FNV-1a
	for _, b := range []byte(key + "/" + strconv.Itoa(part)) {
		h = (h ^ uint64(b)) * 1099511628211
	}
	text := strconv.FormatUint(h, 16)
	return markBegin + strings.Repeat("0", 16-len(text)) + text
}

func isMark(s string) bool { return len(s) == markLength && strings.HasPrefix(s, markBegin) }

// last is what is remembered of a number: the part that is being sent to it, "" for none, and the SID of the last one that was.
type last struct{ mark, id string }

// once sends a part, unless an earlier attempt has, whose answer was lost: then it is in the list.
func (c *chat) once(mark string, p part) (id string, r result) {
	known := c.recall()
	if known.mark == mark {
		if id, r = c.find(known.id, p); !r.Success() || id != "" {
			if id != "" {
				c.remember(last{id: id})
			}
			return id, r
		}
	} else {
		known.mark = mark
		c.remember(known)
	}
	id, r = c.create(mark, p)
	switch {
	case r.Success():
		c.remember(last{id: id})
	case !r.Lost():
		c.remember(last{id: known.id})
	}
	return id, r
}

// create sends a part (Message resource, "Create a Message").
func (c *chat) create(mark string, p part) (id string, r result) {
	body := form.Form{}.With("To", c.to).With("Body", p.text)
	if c.settings.service() {
		body = body.With("MessagingServiceSid", c.settings.from)
	} else {
		body = body.With("From", c.settings.from)
	}
	for _, url := range p.files {
		body = body.With("MediaUrl", url)
	}
	if c.settings.webhook != "" {
		body = body.With("StatusCallback", c.settings.webhook+"status?key="+mark)
	}
	text := body.With("SmartEncoded", "true").Encode()
	r = c.do(&wit.HTTPRequest{
		ID: "create", Method: "POST", URL: c.settings.messages() + ".json", Text: &text,
		Headers: []wit.Header{{Name: "Content-Type", Value: "application/x-www-form-urlencoded"}},
	})
	if r.Success() {
		if id = r.Value.Get("sid").Text(); !isSID(id) {
			r.foreign()
		}
	}
	return id, r
}

func (c *chat) do(request *wit.HTTPRequest) result {
	request.Basic, request.Timeout = c.settings.login(), callTimeout
	return decode(reply.Response(c.host.HTTP(request)))
}

// lookBack is how many messages to a number are looked through.
const lookBack = "20"

// find looks for a part among what was sent to the number since a message. What has failed does not count: it was not sent.
func (c *chat) find(since string, p part) (id string, r result) {
	query := form.Form{}.With("To", c.to).With("PageSize", lookBack)
	if !c.settings.service() {
		query = query.With("From", c.settings.from)
	}
	r = c.do(&wit.HTTPRequest{ID: "find", URL: c.settings.messages() + ".json?" + query.Encode()})
	if !r.Success() {
		return "", r
	}
	if r.Large {
		c.host.Warn("twilio: the list is too long to look for a message whose answer was lost, and it is sent again")
		return "", r
	}
	for m := range r.Value.Get("messages").Items() {
		sid := m.Get("sid").Text()
		if sid == since {
			break
		}
		if !strings.HasPrefix(m.Get("direction").Text(), "outbound") || m.Get("to").Text() != c.to || m.Get("status").Text() == "failed" {
			continue
		}
		if same(m.Get("body").Text(), p.text) && m.Get("num_media").Int() == int64(len(p.files)) {
			return sid, r
		}
	}
	return "", r
}

// same reports whether Twilio has a text: it may have written some characters in another way (SmartEncoded), so what is not ASCII does
// not count, nor do the signatures of links, which are others at each attempt.
func same(has, want string) bool {
	plain := func(s string) string {
		if at, query := strings.Index(s, "https://"), strings.LastIndexByte(s, '?'); at >= 0 && query > at {
			s = s[:query]
		}
		return strings.Map(func(r rune) rune {
			if r > '~' || r == '"' || r == '\'' || r == '-' || r == '.' || r == ' ' || r == '\n' || r == '\r' {
				return -1
			}
			return r
		}, s)
	}
	return plain(has) == plain(want)
}

func (c *chat) recall() last {
	value, ok, err := c.host.KVGet("last/" + c.to)
	if err != nil || !ok {
		return last{}
	}
	v, err := json.ParseText(value)
	if err != nil {
		return last{}
	}
	return last{v.Get("mark").Text(), v.Get("id").Text()}
}

// remember keeps what is known of the number. If it cannot be kept, a message whose answer is lost is sent twice: twice is better than
// never.
func (c *chat) remember(l last) {
	o := json.Sparse{}
	o.AddText("mark", l.mark)
	o.AddText("id", l.id)
	if err := c.host.KVPut("last/"+c.to, string(o.JSON()), keep); err != nil {
		c.host.Warn("twilio: what is sent cannot be remembered: " + err.Error())
	}
}
