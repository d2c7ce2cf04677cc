package xmpp

import (
	"slices"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// A file goes out in two steps (XEP-0363): the server is asked for a place, and the send that asked is told to come again; then
// the file is put there, and its address is sent.

// slotID begins the ids of what asks for a place, behind which stands the token of the place.
const slotID = "slot"

// sendable reports whether a file can be put somewhere: the gateway has it, it is not too large, and there is a service.
func (c *chat) sendable(a *wit.Attachment) bool {
	u := &c.state.upload
	return u.service != "" && len(c.settings.files) > 0 && a.Media != nil && a.Size != nil && *a.Size > 0 && (u.most == 0 || *a.Size <= u.most)
}

// measure finds out how large files are of which nobody has said that.
func (c *chat) measure(files []wit.Attachment) {
	for i := range files {
		if a := &files[i]; a.Media != nil && a.Size == nil {
			if info, err := c.host.MediaStat(*a.Media); err == nil {
				a.Size = &info.Size
			}
		}
	}
}

// slotToken names the place of a file of a send.
func slotToken(token string, i int) string { return token + "." + strconv.Itoa(i) }

// slot finds a place that the server has given.
func (s *state) slot(token string) *slot {
	for i := range s.upload.slots {
		if s.upload.slots[i].token == token {
			return &s.upload.slots[i]
		}
	}
	return nil
}

// wantsSlots reports whether a file has no place yet.
func (c *chat) wantsSlots(send *wit.ChannelSend) bool {
	for i := range send.Attachments {
		if c.sendable(&send.Attachments[i]) && i < maxSlots && c.state.slot(slotToken(tokenOf(send.IdempotencyKey), i)) == nil {
			return true
		}
	}
	return false
}

// askForSlots asks for the places. What is awaited is the last one.
func (c *chat) askForSlots(send *wit.ChannelSend, token string) *wit.Sent {
	var xml strings.Builder
	last := ""
	for i := range send.Attachments {
		a := &send.Attachments[i]
		if !c.sendable(a) || i >= maxSlots {
			continue
		}
		last = slotToken(token, i)
		xml.WriteString(tag("iq", tag("request", "", "xmlns", nsUpload, "filename", fileName(a), "size", decimal(*a.Size), "content-type", mimeOf(a)),
			"type", "get", "to", c.state.upload.service, "id", slotID+":"+last))
	}
	return &wit.Sent{Frames: []wit.Frame{frame(xml.String())}, Awaits: &wit.Awaited{Token: slotID + ":" + last, Within: confirmedWithin}}
}

// hearSlot notes a place, and has the send that waits for it come again.
func hearSlot(t *turn, n *node, token string) {
	if !strings.HasPrefix(token, tokenPrefix) || len(token) > 80 {
		return
	}
	token, waits := strings.Clone(token), slotID+":"+token
	given := n.kid("slot", nsUpload)
	p := slot{token: token, put: given.kid("put", nsUpload).get("url"), get: given.kid("get", nsUpload).get("url")}
	if n.get("type") != "result" || p.put == "" || p.get == "" || len(p.put)+len(p.get) > 4_000 {
		t.Out.Confirmed = append(t.Out.Confirmed, wit.Confirmation{Token: waits, Error: refusal(n.kid("error", ""))})
		return
	}
	for _, h := range given.kid("put", nsUpload).all() {
		name := strings.ToLower(h.get("name"))
		if slices.Contains([]string{"authorization", "cookie", "expires"}, name) && len(h.text) < 2_000 && !strings.ContainsAny(h.text, "\r\n") {
			p.headers = append(p.headers, wit.Header{Name: name, Value: h.text})
		}
	}
	t.State.upload.slots = bounded(t.State.upload.slots, p, maxSlots)
	soon := int64(1)
	t.Out.Confirmed = append(t.Out.Confirmed, wit.Confirmation{Token: waits, Error: &wit.Error{
		Code: wit.CodeUnavailable, Retryable: true, RetryAfter: &soon, Message: "the server has given a place for the file, which is put there now",
	}})
}

// files puts the files of a send where the server wants them, and returns what is inside of their messages: nil while there are
// no places. text is the message's, with a line for each file that cannot be sent.
func (c *chat) files(send *wit.ChannelSend, token string) (parts []string, text string, err error) {
	text = send.Text
	if send.Formatted != nil {
		text = *send.Formatted
	}
	if c.wantsSlots(send) {
		return nil, text, nil
	}
	for i := range send.Attachments {
		a := &send.Attachments[i]
		if a.Media == nil && a.Fetch != nil && strings.HasPrefix(a.Fetch.URL, "http") && len(a.Fetch.Headers) == 0 {
			parts = append(parts, fileMessage(a, a.Fetch.URL)) // it is on the web already
			continue
		}
		place := c.state.slot(slotToken(token, i))
		if place == nil {
			text = strings.TrimSpace(text + "\n" + c.unsendable(a))
			continue
		}
		switch err := c.put(a, place); {
		case err == nil:
			parts = append(parts, fileMessage(a, place.get))
		case wit.AsError(err).Retryable || wit.AsError(err).Code.Transient():
			return nil, text, err
		default:
			text = strings.TrimSpace(text + "\n[" + fileName(a) + " cannot be sent: " + wit.AsError(err).Message + "]")
		}
	}
	return parts, text, nil
}

// unsendable is what is said in place of a file.
func (c *chat) unsendable(a *wit.Attachment) string {
	why := "the server has no place for files"
	switch {
	case c.state.upload.service != "" && len(c.settings.files) == 0:
		why = "put the address where the server keeps files into `files`"
	case a.Size != nil && c.state.upload.most > 0 && *a.Size > c.state.upload.most:
		why = "the server takes files of " + decimal(c.state.upload.most) + " bytes at most"
	}
	line := "[" + fileName(a) + " cannot be sent: " + why + "]"
	if a.Caption != nil && *a.Caption != "" {
		line += " " + *a.Caption
	}
	return line
}

// fileMessage is what is inside of a message with a file: its address, also as the text, which is how programs know to show it.
func fileMessage(a *wit.Attachment, url string) string {
	caption := ""
	if a.Caption != nil && *a.Caption != "" {
		caption = leaf("desc", *a.Caption)
	}
	return leaf("body", url) + tag("x", leaf("url", url)+caption, "xmlns", nsOOB)
}

// put puts a file in its place. It may be put there again.
func (c *chat) put(a *wit.Attachment, p *slot) error {
	request := &wit.HTTPRequest{ID: "put", Method: "PUT", URL: p.put, Media: a.Media, Timeout: 110_000,
		Headers: append(slices.Clone(p.headers), wit.Header{Name: "Content-Type", Value: mimeOf(a)})}
	response, err := c.host.HTTP(request)
	switch {
	case err != nil:
		return err
	case response.Error != nil:
		return response.Error
	case response.Status >= 500:
		return &wit.Error{Code: wit.CodeUnavailable, Retryable: true, Message: "the place for the file answers " + strconv.Itoa(int(response.Status))}
	case response.Status == 409: // it is there already, put by an earlier attempt
	case response.Status >= 300:
		return wit.NewError(wit.CodeInvalid, "the place for the file answers "+strconv.Itoa(int(response.Status)))
	}
	return nil
}

// fileName is what a file is called, "file" where nobody has said.
func fileName(a *wit.Attachment) string {
	if a.Name == nil || *a.Name == "" {
		return "file"
	}
	return texts.Clip(strings.ReplaceAll(*a.Name, "/", "_"), 200)
}

func mimeOf(a *wit.Attachment) string {
	if a.Mime == nil || *a.Mime == "" || strings.ContainsAny(*a.Mime, "\r\n") {
		return "application/octet-stream"
	}
	return *a.Mime
}
