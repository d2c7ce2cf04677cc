package zulip

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/wit"
)

// Send delivers a text with its attachments as one message, or as several where the server takes only shorter ones. Zulip has
// no replies: a link to what is answered goes before the text. Of a message in which there is nothing, nothing is sent,
// which is no error.
func (Zulip) Send(host *sdk.Host, send *wit.ChannelSend) (*wit.Sent, error) {
	t, err := newTalk(host, send.Account, send.Config, send.State)
	if err != nil {
		return nil, err
	}
	to, err := targetOf(send.To, t.settings)
	if err != nil {
		return nil, err
	}
	text, err := t.contentOf(send)
	if err != nil || strings.TrimSpace(text) == "" {
		return &wit.Sent{}, err
	}
	prefix := t.replyPrefix(to, send.ReplyTo)
	o := t.begin(to, send.IdempotencyKey)
	for i, part := range t.split(prefix + text) {
		if err := o.part(i, part); err != nil {
			return nil, err
		}
	}
	if prefix != "" {
		t.remember("reply/"+o.IDs[0], prefix, replyTime)
	}
	return &wit.Sent{IDs: o.IDs}, nil
}

// replyTime is for how long an edit of a message keeps its link to what it answers.
const replyTime = time.Hour

// talk makes the calls of one operation.
type talk struct {
	host     *sdk.Host
	account  string
	settings settings
	state    state // as the last event left it
}

func newTalk(host *sdk.Host, account string, config, state wit.JSON) (*talk, error) {
	settings, err := readSettings(config)
	if err != nil {
		return nil, err
	}
	if lacks := settings.lacks(); lacks != "" {
		return nil, wit.NewError(wit.CodeInvalid, lacks)
	}
	s, err := readState(state)
	if err != nil {
		return nil, err
	}
	return &talk{host: host, account: account, settings: settings, state: s}, nil
}

// call makes a request.
func (t *talk) call(method, path string, p params) result {
	r := t.settings.request("call", method, path, p)
	return t.do(&r)
}

func (t *talk) do(request *wit.HTTPRequest) result {
	return decode(reply.Response(t.host.HTTP(request)))
}

// remember keeps something of the account's for a while.
func (t *talk) remember(key, value string, while time.Duration) {
	if err := t.host.KVPut(key+"/"+t.account, value, while); err != nil {
		t.host.Warn("zulip: " + err.Error())
	}
}

// recall is what remember has kept, "" for nothing.
func (t *talk) recall(key string) string {
	value, ok, err := t.host.KVGet(key + "/" + t.account)
	if err != nil || !ok {
		return ""
	}
	return value
}

// contentOf is a message's text with links to its files, which are uploaded for it.
func (t *talk) contentOf(send *wit.ChannelSend) (string, error) {
	lines := []string{withoutWildcards(send.Text)}
	for i := range send.Attachments {
		line, err := t.fileLine(&send.Attachments[i], send.IdempotencyKey+"/"+strconv.Itoa(i))
		if err != nil {
			return "", err
		}
		lines = append(lines, line)
	}
	return strings.TrimLeft(strings.Join(lines, "\n"), "\n"), nil
}

// replyPrefix is a link to the message that is answered, and who has said it, where that is remembered. The mention is a
// silent one: whoever waits for an answer is not called.
func (t *talk) replyPrefix(to target, replyTo *string) string {
	if replyTo == nil || !isID(*replyTo) || to.channel != "" && !isID(to.channel) {
		return ""
	}
	where := "dm/" + peopleID(to.people)
	if to.channel != "" {
		where = "channel/" + to.channel + "/topic/" + hashed(to.topic)
	}
	who := ""
	id, _ := strconv.ParseInt(*replyTo, 10, 64)
	if k := t.state.recent.find(id); k != nil && isID(k.sender) {
		who = " @_**|" + k.sender + "**"
	}
	return "[↩](#narrow/" + where + "/near/" + *replyTo + ")" + who + "\n\n"
}

// isID reports whether a text is an id of Zulip's: digits.
func isID(s string) bool { return s != "" && len(s) < 20 && strings.Trim(s, "0123456789") == "" }

// hashed is a text as the addresses of Zulip's conversations have it: escaped, with points for percent signs.
func hashed(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(form.Escape(s), ".", "%2E"), "%", ".")
}

// split cuts a text into parts that the server takes, at the ends of lines where there are any.
func (t *talk) split(text string) (parts []string) {
	most := int(t.state.limit)
	if most <= 0 {
		most = 10_000 // "Send a message", content
	}
	for utf8.RuneCountInString(text) > most {
		end := 0
		for range most {
			_, size := utf8.DecodeRuneInString(text[end:])
			end += size
		}
		if line := strings.LastIndexByte(text[:end], '\n'); line > end/2 {
			end = line
		}
		parts = append(parts, text[:end])
		text = strings.TrimLeft(text[end:], "\n")
	}
	return append(parts, text)
}
