package ntfy

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// transferTimeout is how long a request that carries a file may take, in milliseconds.
const transferTimeout = 120_000

// What a sequence id of the account's begins with, and how long it is.
const (
	markBegin  = "cp-"
	markLength = len(markBegin) + 16
)

// markOf is the sequence id of a part of a message: the same at each attempt.
func markOf(key string, part int) string {
	h := uint64(14695981039346656037) // FNV-1a
	for _, b := range []byte(key + "/" + strconv.Itoa(part)) {
		h = (h ^ uint64(b)) * 1099511628211
	}
	text := strconv.FormatUint(h, 16)
	return markBegin + strings.Repeat("0", 16-len(text)) + text
}

func isMark(id string) bool { return len(id) == markLength && strings.HasPrefix(id, markBegin) }

// do makes a request of the topic that answers go to.
func (c *chat) do(r *wit.HTTPRequest) result {
	r.Headers = append(r.Headers, c.settings.headers()...)
	if r.Timeout == 0 {
		r.Timeout = callTimeout
	}
	return decode(reply.Response(c.host.HTTP(r)))
}

// address is that of a message to be published: its parameters stand in the query, so that the body is the text as it is
// ("List of all parameters").
func (c *chat) address(mark, title string, priority int64, more string) string {
	url := c.settings.server + "/" + c.out + "?sid=" + mark + "&tags=" + ownTag
	if title != "" {
		url += "&title=" + form.Escape(title)
	}
	if c.quiet {
		priority = 2
	}
	if priority != usualPriority {
		url += "&priority=" + strconv.FormatInt(priority, 10)
	}
	return url + more
}

// publish publishes a part under a mark, and returns the server's own id of it. A text that is refused as Markdown goes without marks.
func (c *chat) publish(mark string, p part) (id string, r result) {
	if p.attachment != nil {
		return c.publishFile(mark, p)
	}
	more := ""
	if len(p.actions) > 0 {
		more = "&actions=" + form.Escape(string(c.buttons(mark, p.actions)))
	}
	text, refused := p.plain, p.text != "" && len(p.text) > maxText
	if p.text != "" && !refused {
		if id, r = c.post(mark, p.text, more+"&markdown=1"); !r.refused() {
			return id, r
		}
		c.host.Warn("ntfy: a text was refused as Markdown: " + r.message())
	}
	return c.post(mark, text, more)
}

// post publishes a text.
func (c *chat) post(mark, text, more string) (id string, r result) {
	return published(c.do(&wit.HTTPRequest{
		ID: "publish", Method: "POST", URL: c.address(mark, c.settings.title, c.settings.priority, more), Text: &text,
		Headers: []wit.Header{{Name: "Content-Type", Value: "text/plain; charset=utf-8"}},
	}))
}

// published reads the id of a message that was taken. An answer without one is not ntfy's.
func published(r result) (id string, of result) {
	if r.Success() {
		if id = r.Value.Get("id").Text(); id == "" || len(id) > maxID {
			r.foreign()
		}
	}
	return id, r
}

// kept reads the messages that an answer has, one on each line.
func kept(r result) (list []json.Value) {
	for line := range strings.SplitSeq(r.Body, "\n") {
		if v, err := json.ParseText(line); err == nil && v.Get("event").Text() == "message" {
			list = append(list, v)
		}
	}
	return list
}
