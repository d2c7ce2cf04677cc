package webchat

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// What is pushed is kept under the key of its message: what a visitor has said under the id that the script made, what the assistant has
// said under that of its send, with what has changed of it since under two more, since nobody here remembers the rest of it.
const (
	visitorKey   = "v:"
	assistantKey = "a:"
	textKey      = "#text"
	actionsKey   = "#actions"
	maxKey       = 1024
	maxData      = 256 << 10
	maxFiles     = 16
)

// sent is the answer to a send: what is pushed to a visitor under the message's id and other keys. Errors: CodeNotFound for what can be no
// visitor; CodeTooLarge.
func sent(to wit.Conversation, id string, pushes ...wit.Push) (*wit.Sent, error) {
	if to.ID == "" || len(to.ID) > maxKey {
		return nil, wit.NewError(wit.CodeNotFound, "there is no such visitor")
	}
	for i := range pushes {
		if len(pushes[i].Data) > maxData || len(pushes[i].Files) > maxFiles {
			return nil, wit.NewError(wit.CodeTooLarge, "this is more than one message of the web chat can have: 256 KB, and 16 files")
		}
	}
	s := &wit.Sent{Pushes: pushes}
	if id != "" {
		s.IDs = []string{id}
	}
	return s, nil
}

func push(visitor string, key *string, data wit.JSON) wit.Push {
	return wit.Push{Visitor: visitor, Key: key, Data: string(data)}
}

// message is something said: plain, and as HTML where there is markup.
func message(from, plain string, html *string, files []wit.Attachment, rows []wit.ActionRow) wit.JSON {
	o := words(json.Object{}.Text("kind", "message").Text("from", from), plain, html)
	if len(files) > 0 {
		o = o.Array("files", func(a json.Array) json.Array {
			for i := range files {
				a = a.Object(func(o json.Object) json.Object { return file(o, &files[i]) })
			}
			return a
		})
	}
	return actions(o, rows).JSON()
}

func words(o json.Object, plain string, html *string) json.Object {
	o = o.Text("text", plain)
	if html != nil {
		o = o.Text("html", *html)
	}
	return o
}

// What is shown of a file's name, type and caption, in characters.
const (
	maxFileName = 255
	maxCaption  = 1024
)

// file is what the script shows of one; without an id it cannot be loaded.
func file(o json.Object, a *wit.Attachment) json.Object {
	o = o.Text("name", texts.Characters(text(a.Name), maxFileName)).Text("mime", texts.Characters(text(a.Mime), maxFileName)).Text("caption", texts.Characters(text(a.Caption), maxCaption))
	if a.Media != nil {
		o = o.Text("id", *a.Media)
	}
	if a.Size != nil {
		o = o.Int("size", *a.Size)
	}
	return o
}

// actions are the buttons of a message.
func actions(o json.Object, rows []wit.ActionRow) json.Object {
	if len(rows) == 0 {
		return o
	}
	return o.Array("actions", func(a json.Array) json.Array {
		for i := range rows {
			a = a.Add(row(&rows[i]))
		}
		return a
	})
}

func row(r *wit.ActionRow) wit.JSON {
	list := json.Array{}
	for _, x := range r.Actions {
		list = list.Object(func(o json.Object) json.Object {
			return o.Text("label", x.Label).Text("value", x.Value).Text("style", string(x.Style))
		})
	}
	return list.JSON()
}

// edited is a new text of a message, and the buttons that it has with it.
func edited(e *wit.ChannelEdit) wit.JSON {
	return actions(words(json.Object{}.Text("kind", "edit"), e.Text, e.Formatted), e.Actions).JSON()
}

// buttons are the buttons that a message has from now on.
func buttons(rows []wit.ActionRow) wit.JSON {
	return actions(json.Object{}.Text("kind", "actions"), rows).JSON()
}

// gone stands where something was.
func gone() wit.JSON { return json.Object{}.Text("kind", "gone").JSON() }

// filesOf are those that the visitor may load.
func filesOf(list []wit.Attachment) (ids []string) {
	for _, a := range list {
		if a.Media != nil {
			ids = append(ids, *a.Media)
		}
	}
	return ids
}
