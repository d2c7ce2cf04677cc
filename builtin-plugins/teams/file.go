package teams

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/attachment"
	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// A picture stands in the message itself. Any other file has to be taken by somebody: in a personal chat a bot offers it by a card, and
// whoever accepts says where in their OneDrive it is put (Send and receive files through a bot). In groups and channels there is no
// such card, and the text says what is missing.

// maxPicture bounds a picture in a message, in bytes (Send and receive files through a bot, "Inline images").
const maxPicture = 1 << 20

// sendFile sends a part that is a file. What Teams takes in no form is named in the text; what was written to it is not lost.
func (c *chat) sendFile(p part) (id string, r result) {
	a := p.attachment
	if !isFile(a) {
		p.words.plain, p.words.html = texts.Join("\n", p.words.plain, "📍 "+attachment.Label(a), caption(a)), ""
		return c.post(p.words.activity())
	}
	if a.Media == nil || *a.Media == "" {
		if link := linkOf(a); link != "" {
			p.words.plain, p.words.html = texts.Join("\n\n", p.words.plain, attachment.Label(a)+": "+link), ""
			return c.post(p.words.activity())
		}
		return "", result{Reply: reply.Failed(attachment.Missing())}
	}
	if isPicture(a) {
		if id, r = c.post(picture(p), *a.Media); !r.refused() {
			return id, r
		}
		c.host.Warn("teams: a picture was refused: " + r.err().Message)
	}
	if c.to.Kind == wit.ConversationKindDirect && a.Size != nil {
		if id, r = c.post(with(p.words.activity(), consent(a))); !r.refused() {
			return id, r
		}
		c.host.Warn("teams: a file was refused: " + r.err().Message)
	}
	p.words.plain, p.words.html = texts.Join("\n\n", p.words.plain, "["+attachment.Label(a)+" could not be sent: Teams lets bots send files in personal chats only]"), ""
	return c.post(p.words.activity())
}

// picture is a message with a picture in it. The file is put in where its place stands first, so no text stands before it.
func picture(p part) json.Object {
	a := p.attachment
	file := json.Object{}.Text("contentType", *a.Mime).Text("contentUrl", "data:"+*a.Mime+";base64,{{media:"+*a.Media+"}}").Text("name", attachment.Label(a))
	return p.words.add(with(json.Object{}.Text("type", "message"), file.JSON()))
}

// consent is the card that offers a file. Whoever accepts it sends the context back.
func consent(a *wit.Attachment) wit.JSON {
	size := strconv.FormatInt(*a.Size, 10)
	context := json.Object{}.Text("media", *a.Media).Text("size", size).JSON()
	content := json.Object{}.Text("description", attachment.Label(a)).Raw("sizeInBytes", wit.JSON(size)).Raw("acceptContext", context).Raw("declineContext", wit.JSON("{}"))
	return json.Object{}.Text("contentType", typeConsent).Text("name", attachment.Label(a)).Raw("content", content.JSON()).JSON()
}

// consented takes what somebody says to a file that is offered. The kernel puts it where they want it, and the card is taken back.
func (a *answer) consented(v json.Value) {
	where := v.Get("conversation", "id").Text()
	service := slashed(v.Get("serviceUrl").Text()) + "v3/conversations/" + form.Escape(where) + "/activities"
	if card := v.Get("replyToId").Text(); card != "" {
		a.Request(wit.HTTPRequest{ID: "card", Method: "DELETE", URL: service + "/" + form.Escape(card), Headers: authorized(), Timeout: callTimeout})
	}
	info, context := v.Get("value", "uploadInfo"), v.Get("value", "context")
	media, size := context.Get("media").Text(), context.Get("size").Text()
	n, err := strconv.ParseInt(size, 10, 64)
	if v.Get("value", "action").Text() != "accept" || media == "" || err != nil || n < 1 {
		return
	}
	about := json.Object{}.Text("to", service).Text("url", info.Get("contentUrl").Text()).Text("name", info.Get("name").Text()).
		Text("unique", info.Get("uniqueId").Text()).Text("type", info.Get("fileType").Text()).JSON()
	a.Request(wit.HTTPRequest{
		ID: uploadMark + string(about), Method: "PUT", URL: clean(info.Get("uploadUrl").Text()), Media: &media, Timeout: transferTimeout,
		Headers: []wit.Header{{Name: "Content-Type", Value: "application/octet-stream"}, {Name: "Content-Range", Value: "bytes 0-" + strconv.FormatInt(n-1, 10) + "/" + size}},
	})
}

// uploadMark begins the id of a request that puts a file somewhere; what follows is what the message about it has.
const uploadMark = "upload:"

// uploadOf reads what such a request's id says of the file.
func uploadOf(id string) (json.Value, bool) {
	about, ok := strings.CutPrefix(id, uploadMark)
	if !ok {
		return json.Value{}, false
	}
	v, err := json.ParseText(about)
	return v, err == nil
}

// uploaded tells people where a file is that was put into their OneDrive.
func uploaded(a *answer, response *wit.HTTPResponse) {
	about, _ := uploadOf(response.ID)
	if response.Error != nil || response.Status < 200 || response.Status >= 300 {
		a.Host.Warn("teams: a file that was accepted could not be uploaded (status " + strconv.Itoa(int(response.Status)) + ")")
		return
	}
	content := json.Object{}.Text("uniqueId", about.Get("unique").Text()).Text("fileType", about.Get("type").Text())
	file := json.Object{}.Text("contentType", typeInfo).Text("contentUrl", about.Get("url").Text()).Text("name", about.Get("name").Text()).Raw("content", content.JSON())
	a.Request(wit.HTTPRequest{
		ID: "file", Method: "POST", URL: about.Get("to").Text(), Headers: authorized(), Timeout: callTimeout, JSON: with(json.Object{}.Text("type", "message"), file.JSON()).JSON(),
	})
}

// isFile reports whether an attachment is a file, and no place or contact.
func isFile(a *wit.Attachment) bool {
	return a.Kind != wit.AttachmentKindLocation && a.Kind != wit.AttachmentKindContact
}

// isPicture reports whether Teams shows a file in the message.
func isPicture(a *wit.Attachment) bool {
	if a.Mime == nil || a.Size != nil && *a.Size > maxPicture {
		return false
	}
	return *a.Mime == "image/png" || *a.Mime == "image/jpeg" || *a.Mime == "image/gif"
}

// linkOf is where a file is that everybody can fetch, "" where there is none.
func linkOf(a *wit.Attachment) string {
	if f := a.Fetch; f != nil && (f.Method == "" || f.Method == "GET") && len(f.Headers) == 0 && !strings.Contains(f.URL, "{{") {
		return f.URL
	}
	return ""
}

func caption(a *wit.Attachment) string {
	if a.Caption != nil {
		return *a.Caption
	}
	return ""
}
