package slack

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// letter is a text on its way.
type letter struct {
	chat    *chat
	words   words
	thread  string
	actions []wit.ActionRow
}

// find returns the id of the text where an earlier attempt has posted it, "" for none.
func (l *letter) find(try *attempt) (string, error) {
	ts, err := try.arrived(l.thread)
	if ts == "" || err != nil {
		return "", err
	}
	return l.chat.channel + ":" + ts, nil
}

// deliver posts the text, and returns its id. uncertain says of an error that it may be there all the same.
func (l *letter) deliver(key string) (id string, uncertain bool, err error) {
	r := l.post(key)
	if err := r.err(); err != nil {
		return "", r.uncertain(), err
	}
	channel := r.Value.Get("channel").Text()
	if channel == "" {
		channel = l.chat.channel
	}
	return channel + ":" + r.Value.Get("ts").Text(), false, nil
}

// post posts the text (chat.postMessage). What Slack refuses is tried in another form before the text is lost: without
// markup, and outside of a thread that takes no more.
func (l *letter) post(key string) result {
	r := l.chat.call("chat.postMessage", l.form(key))
	if l.words.marked != "" && r.is("invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long", "no_text", "invalid_arguments") {
		l.chat.host.Warn("slack: a text is sent without formatting: " + r.reason)
		l.words.marked = ""
		r = l.chat.call("chat.postMessage", l.form(key))
	}
	if l.thread != "" && r.is("cannot_reply_to_message", "thread_not_found", "invalid_thread_ts", "restricted_action_non_threadable_channel") {
		l.chat.host.Warn("slack: a message goes to the channel, and not to its thread: " + r.reason)
		l.thread = ""
		r = l.chat.call("chat.postMessage", l.form(key))
	}
	return r
}

// form is the parameters of chat.postMessage. The metadata is what a repeated send is known by.
func (l *letter) form(key string) form.Form {
	f := l.chat.content(form.Of("channel", l.chat.channel), l.words, l.actions).With("thread_ts", l.thread)
	if l.chat.settings.noPreview {
		f = f.With("unfurl_links", "false").With("unfurl_media", "false")
	}
	if key != "" {
		payload := json.Object{}.Text("key", key).JSON()
		f = f.With("metadata", string(json.Object{}.Text("event_type", metadataType).Raw("event_payload", payload).JSON()))
	}
	return f
}

// content adds a text, and what people can choose at it, to a form. Where there is something to choose the text stands in
// blocks, and is once more there for notifications.
func (c *chat) content(f form.Form, w words, actions []wit.ActionRow) form.Form {
	text, marked := w.shown()
	if len(actions) > 0 {
		plain, _ := words{plain: w.plain}.shown()
		return f.With("text", plain).With("blocks", string(blocks(w, actions)))
	}
	f = f.With("text", text)
	if !marked {
		f = f.With("mrkdwn", "false")
	}
	return f
}

// maxSection is how long the text of a block may be, in characters, with a margin (Section block, 3000).
const maxSection = 2900

// blocks are a text with rows of buttons below it (Section block, Actions block, Button element).
func blocks(w words, actions []wit.ActionRow) wit.JSON {
	list := json.Array{}
	text, kind := w.plain, "plain_text"
	if w.marked != "" {
		text, kind = w.marked, "mrkdwn"
	}
	for _, piece := range pieces(text, maxSection) {
		list = list.Add(json.Object{}.Text("type", "section").Raw("text", json.Object{}.Text("type", kind).Text("text", piece).JSON()).JSON())
	}
	return appendActions(list, actions).JSON()
}

func appendActions(list json.Array, rows []wit.ActionRow) json.Array {
	for i, row := range rows {
		elements := json.Array{}
		for j, action := range row.Actions {
			button := json.Object{}.Text("type", "button").Text("action_id", "a"+strconv.Itoa(i)+"-"+strconv.Itoa(j)).Text("value", action.Value).
				Raw("text", json.Object{}.Text("type", "plain_text").Text("text", action.Label).JSON())
			if action.Style == wit.ActionStylePrimary || action.Style == wit.ActionStyleDanger {
				button = button.Text("style", string(action.Style)) // which are Slack's words too
			}
			elements = elements.Add(button.JSON())
		}
		list = list.Add(json.Object{}.Text("type", "actions").Raw("elements", elements.JSON()).JSON())
	}
	return list
}

// pieces cuts a text into pieces of at most so many characters, at the ends of lines where there are some.
func pieces(text string, most int) (out []string) {
	for text != "" {
		head := texts.Characters(text, most)
		if i := strings.LastIndexByte(head, '\n'); len(head) < len(text) && i > 0 {
			head = head[:i+1]
		}
		text = text[len(head):]
		if trimmed := strings.Trim(head, "\n"); trimmed != "" {
			out = append(out, trimmed)
		}
	}
	return out
}
