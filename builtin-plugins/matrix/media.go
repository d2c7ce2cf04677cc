package matrix

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/attachment"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// file uploads a file and returns the event that shows it ("Content repository", "m.image" and its sisters). The error
// is that of the upload, or invalid for what is no file.
func (o *outgoing) file(p piece) (json.Object, error) {
	a := p.attachment
	if a.Kind == wit.AttachmentKindLocation {
		return location(a)
	}
	if a.Media == nil || *a.Media == "" {
		return nil, attachment.Missing()
	}
	info, err := o.host.MediaStat(*a.Media)
	if err != nil {
		return nil, err
	}
	mime := info.Mime
	if a.Mime != nil && *a.Mime != "" {
		mime = *a.Mime
	}
	uri, err := o.upload(*a.Media, attachment.Label(a), mime)
	if err != nil {
		return nil, err
	}
	content := json.Object{}.Text("msgtype", messageType(a.Kind, mime)).Text("url", uri).Text("filename", attachment.Label(a))
	content = content.Object("info", func(o json.Object) json.Object { return fileInfo(o, a, mime, info.Size) })
	if a.Kind == wit.AttachmentKindVoice { // MSC3245, which programs know voice notes by
		content = content.Raw("org.matrix.msc3245.voice", wit.JSON("{}")).Object("org.matrix.msc1767.audio", func(o json.Object) json.Object {
			return fileDuration(o, a)
		})
	}
	w := p.words
	if w.isEmpty() {
		w = words{text: attachment.Label(a)} // no caption is written so ("Media captions")
	}
	return said(content, w), nil
}

// address is where a file on the web is that anybody can fetch, "" for any other: people are sent the link.
func address(a *wit.Attachment) string {
	f := a.Fetch
	if a.Media != nil && *a.Media != "" || f == nil || f.Method != "" && f.Method != "GET" || len(f.Headers) > 0 || strings.Contains(f.URL, "{{") {
		return ""
	}
	return f.URL
}

// upload puts a file of the media store onto the server, and returns its address there. Its bytes do not pass through
// the plugin.
func (o *outgoing) upload(media, name, mime string) (uri string, err error) {
	request := o.settings.request("", "POST", "/_matrix/media/v3/upload?filename="+form.Escape(name))
	request.Headers = append(request.Headers[:1:1], wit.Header{Name: "Content-Type", Value: mime})
	request.Media, request.Timeout = &media, transferTimeout
	r := o.do(&request)
	if err := r.err(); err != nil {
		return "", err
	}
	if uri = r.Value.Get("content_uri").Text(); uri == "" {
		return "", wit.NewError(wit.CodeUnavailable, "Matrix: the server took a file and has not said where it is")
	}
	return uri, nil
}

// messageType is how a file is shown. A picture that is not one for programs is a file.
func messageType(kind wit.AttachmentKind, mime string) string {
	switch {
	case (kind == wit.AttachmentKindImage || kind == wit.AttachmentKindSticker) && strings.HasPrefix(mime, "image/"):
		return "m.image"
	case (kind == wit.AttachmentKindAudio || kind == wit.AttachmentKindVoice) && strings.HasPrefix(mime, "audio/"):
		return "m.audio"
	case kind == wit.AttachmentKindVideo && strings.HasPrefix(mime, "video/"):
		return "m.video"
	}
	return "m.file"
}

// fileInfo says what is known of a file.
func fileInfo(o json.Object, a *wit.Attachment, mime string, size int64) json.Object {
	o = fileDuration(o.Text("mimetype", mime).Int("size", size), a)
	if a.Width != nil && a.Height != nil {
		o = o.Int("w", int64(*a.Width)).Int("h", int64(*a.Height))
	}
	return o
}

func fileDuration(o json.Object, a *wit.Attachment) json.Object {
	if a.Duration == nil {
		return o
	}
	return o.Int("duration", *a.Duration)
}

// location is a place as an event ("m.location"). Its coordinates are the attachment's caption.
func location(a *wit.Attachment) (json.Object, error) {
	if a.Caption == nil || strings.Trim(*a.Caption, "0123456789.,- ") != "" || *a.Caption == "" {
		return nil, wit.NewError(wit.CodeInvalid, "a place is sent as its latitude and longitude: write 52.52,13.40 as its caption")
	}
	where := strings.ReplaceAll(*a.Caption, " ", "")
	name := where
	if a.Name != nil && *a.Name != "" {
		name = *a.Name
	}
	return json.Object{}.Text("msgtype", "m.location").Text("body", name).Text("geo_uri", "geo:"+where), nil
}
