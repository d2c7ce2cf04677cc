package mattermost

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// letter is a post on its way.
type letter struct {
	chat    *chat
	text    string
	files   []*wit.Attachment
	root    string
	guessed bool // root may be an answer itself
	actions []wit.ActionRow
}

// keyProp is the property of a post that has the key of its send.
const keyProp = "carapace_key"

// deliver makes the post, and returns its id. uncertain says of an error that it may have been made all the same.
func (l *letter) deliver(key string) (id string, uncertain bool, err error) {
	ids, lines, err := l.chat.upload(l.files)
	if err != nil {
		return "", false, err
	}
	for _, line := range lines {
		l.text = joined(l.text, line)
	}
	r := l.post(key, ids)
	if err := r.err(); err != nil {
		return "", r.Failure != nil || r.Status >= 500, err
	}
	if id = idOf(r.Value); !isID(id) {
		return "", true, wit.NewError(wit.CodeUnavailable, "Mattermost names no post that it has made")
	}
	l.chat.offer(id, l.actions)
	return id, false, nil
}

// post makes the post (POST /posts). A thread that Mattermost does not know is another one, or none: then the text goes to the
// channel before it is lost.
func (l *letter) post(key string, files []string) result {
	r := l.chat.do(l.request(key, files))
	if l.root == "" || !r.is(reasonRoot) && !(r.Status == 404 && r.reason != "") {
		return r
	}
	if found := l.chat.call("GET", "/posts/"+l.root, nil); l.guessed && found.ok && isID(found.Value.Get("root_id").Text()) {
		l.root = found.Value.Get("root_id").Text()
		if r = l.chat.do(l.request(key, files)); r.ok {
			return r
		}
	}
	l.chat.host.Warn("mattermost: a message goes to the channel, and not to its thread: " + r.message)
	l.root = ""
	return l.chat.do(l.request(key, files))
}

// request describes the post. pending_post_id is by what Mattermost knows a repeated one for a while, and the property by what the
// plugin finds it later. Where there are buttons the kernel fills in their token, and nothing that somebody wrote may name one.
func (l *letter) request(key string, files []string) wit.HTTPRequest {
	o := json.Sparse{Object: json.Object{}.Text("channel_id", l.chat.channel).Raw("message", inert(l.chat.worded(l.text, l.actions)))}
	o.AddText("root_id", l.root)
	if key != "" {
		o.AddText("pending_post_id", l.chat.state.me.id+":"+key)
	}
	o.AddTexts("file_ids", files)
	if props := l.chat.props(key, l.actions); len(props) > 0 {
		o.Object = o.Raw("props", props)
	}
	request := l.chat.settings.call("", "POST", "/posts", o.JSON())
	request.Fill = l.chat.hasButtons(l.actions)
	return request
}

// props are the properties of a post; nothing where it has none.
func (c *chat) props(key string, actions []wit.ActionRow) wit.JSON {
	o := json.Object{}
	if key != "" {
		o = o.Raw(keyProp, inert(key))
	}
	if c.hasButtons(actions) {
		o = o.Raw("attachments", c.buttons(actions))
	}
	if len(o) == 0 {
		return nil
	}
	return o.JSON()
}

// inert writes a text as JSON in which nothing can name a credential.
func inert(text string) wit.JSON {
	plain := json.Text(text)
	out := make(wit.JSON, 0, len(plain))
	for _, c := range plain {
		if c == '{' {
			out = append(out, `\u007b`...)
		} else {
			out = append(out, c)
		}
	}
	return out
}
