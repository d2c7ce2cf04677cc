package telegram

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// params are the parameters of a call beside the chat. Values are shared between calls, so the methods
// return extended copies.
type params struct {
	topic, replyTo string // numbers, or ""
	silent         bool
	fields         []field
	file           *wit.HTTPPart // a file to be uploaded, or nil
}

// field is one parameter. In multipart, JSON is sent as text ("Making requests"); in a JSON body it stands as it is, and
// everything else is a string, also a chat's id, which Telegram takes in either form.
type field struct {
	name, value string
	isJSON      bool // value is JSON, not text
}

// text returns p with one more text.
func (p params) text(name, value string) params { return p.add(field{name: name, value: value}) }

// json returns p with one more value that is JSON.
func (p params) json(name, value string) params { return p.add(field{name, value, true}) }

// add copies, so that two calls which begin with the same parameters do not write into each other's.
func (p params) add(f field) params {
	p.fields = append(append([]field(nil), p.fields...), f)
	return p
}

// outside returns p for the chat itself, and not one of its topics, in which a reply would be too.
func (p params) outside() params {
	p.topic, p.replyTo = "", ""
	return p
}

// withoutPreview returns p for a text whose links show no preview (LinkPreviewOptions).
func (p params) withoutPreview() params {
	return p.json("link_preview_options", `{"is_disabled":true}`)
}

// fill writes the parameters into a request: as JSON, or with a file as multipart ("Sending files").
func (p params) fill(request *wit.HTTPRequest, chat string) {
	fields := p.all(chat)
	if p.file == nil {
		o := json.Object{}
		for _, f := range fields {
			if f.isJSON {
				o = o.Raw(f.name, wit.JSON(f.value))
			} else {
				o = o.Text(f.name, f.value)
			}
		}
		request.JSON = o.JSON()
		return
	}
	request.JSON, request.Headers, request.Timeout = nil, nil, transferTimeout
	for _, f := range fields {
		request.Parts = append(request.Parts, wit.HTTPPart{Name: f.name, Text: new(f.value)})
	}
	request.Parts = append(request.Parts, *p.file)
}

// all returns every field of a call to a chat. A reply to a message that is gone is sent as no reply
// (ReplyParameters).
func (p params) all(chat string) []field {
	fields := append([]field{{name: "chat_id", value: chat}}, p.fields...)
	if p.topic != "" {
		fields = append(fields, field{"message_thread_id", p.topic, true})
	}
	if p.replyTo != "" {
		fields = append(fields, field{"reply_parameters", `{"message_id":` + p.replyTo + `,"allow_sending_without_reply":true}`, true})
	}
	if p.silent {
		fields = append(fields, field{"disable_notification", "true", true})
	}
	return fields
}
