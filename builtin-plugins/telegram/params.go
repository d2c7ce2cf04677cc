package telegram

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// params are a call's parameters beside the chat.
type params struct {
	thread, reply string // numbers, or ""
	silent        bool
	fields        []field
	file          *wit.HTTPPart
}

type field struct {
	name, value string
	json        bool // value is JSON, not text
}

// with returns p with one more text.
func (p params) with(name, value string) params {
	p.fields = append(append([]field(nil), p.fields...), field{name: name, value: value})
	return p
}

// raw returns p with one more value that is JSON.
func (p params) raw(name, value string) params {
	p.fields = append(append([]field(nil), p.fields...), field{name, value, true})
	return p
}

// fill writes the parameters into a request: as JSON, or with a file as multipart.
func (p params) fill(request *wit.HTTPRequest, chat string) {
	fields := append([]field{{name: "chat_id", value: chat}}, p.fields...)
	if p.thread != "" {
		fields = append(fields, field{"message_thread_id", p.thread, true})
	}
	if p.reply != "" {
		fields = append(fields, field{"reply_parameters", `{"message_id":` + p.reply + `,"allow_sending_without_reply":true}`, true})
	}
	if p.silent {
		fields = append(fields, field{"disable_notification", "true", true})
	}
	if p.file == nil {
		o := json.Object{}
		for _, f := range fields {
			if f.json {
				o = o.Raw(f.name, wit.JSON(f.value))
			} else {
				o = o.Text(f.name, f.value)
			}
		}
		request.Text = new(string(o.JSON()))
		return
	}
	request.Text, request.Headers, request.Timeout = nil, nil, 120_000
	for _, f := range fields {
		request.Parts = append(request.Parts, wit.HTTPPart{Name: f.name, Text: new(f.value)})
	}
	request.Parts = append(request.Parts, *p.file)
}

// splitID takes "<chat>:<message>" apart; a bare number is a message of whatever chat is meant.
func splitID(id string) (chat, message string) {
	if i := strings.LastIndexByte(id, ':'); i >= 0 {
		return id[:i], id[i+1:]
	}
	return "", id
}

func digits(s string) bool {
	n, err := strconv.ParseUint(s, 10, 63)
	return err == nil && n > 0
}
