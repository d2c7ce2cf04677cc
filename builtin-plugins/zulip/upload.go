package zulip

import (
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/attachment"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// uploadTime is for how long it is remembered that a file was uploaded for a message: a second attempt at it has the same text.
const uploadTime = 24 * time.Hour

// fileLine is what stands for an attachment in the text, with its caption before it. What cannot be sent is named, where the
// rest of the message would be lost with it.
func (t *talk) fileLine(a *wit.Attachment, key string) (string, error) {
	line, err := t.fileLink(a, key)
	if code := wit.CodeOf(err); err != nil {
		if code.Transient() || code == wit.CodeUnauthorized {
			return "", err
		}
		t.host.Warn("zulip: a file is left out: " + err.Error())
		line = "[" + fileName(a) + " could not be sent]"
	}
	if a.Caption != nil && *a.Caption != "" && a.Kind != wit.AttachmentKindLocation {
		line = withoutWildcards(*a.Caption) + "\n" + line
	}
	return line, nil
}

// fileLink is a link to a file: on the web, or uploaded.
func (t *talk) fileLink(a *wit.Attachment, key string) (string, error) {
	switch {
	case a.Kind == wit.AttachmentKindLocation || a.Kind == wit.AttachmentKindContact:
		return strings.TrimSpace(texts.Of(a.Name) + " " + texts.Of(a.Caption)), nil
	case a.Media != nil && *a.Media != "":
		path, err := t.upload(a, key)
		return "[" + linkText(fileName(a)) + "](" + path + ")", err
	case isPublic(a.Fetch):
		return "[" + linkText(fileName(a)) + "](" + a.Fetch.URL + ")", nil
	}
	return "", attachment.Missing()
}

// isPublic reports whether anybody can fetch a file by its address alone.
func isPublic(f *wit.HTTPRequest) bool {
	return f != nil && (f.Method == "" || f.Method == "GET") && len(f.Headers) == 0 && f.Basic == nil && !strings.ContainsAny(f.URL, "{() ")
}

// upload puts a file of the media store onto the server ("Upload a file"), once for a message. Its bytes do not pass through the
// plugin.
func (t *talk) upload(a *wit.Attachment, key string) (path string, err error) {
	if path = t.recall("file/" + key); path != "" {
		return path, nil
	}
	r := t.settings.request("call", "POST", "/user_uploads", nil)
	r.Parts, r.Timeout = []wit.HTTPPart{{Name: "file", Media: a.Media, FileName: new(fileName(a)), ContentType: a.Mime}}, transferTimeout
	uploaded := t.do(&r)
	if err := uploaded.err(); err != nil {
		return "", err
	}
	if path = uploaded.Value.Get("url").Text(); path == "" {
		path = uploaded.Value.Get("uri").Text() // until feature level 272
	}
	if path == "" || len(path) > 2048 {
		return "", &wit.Error{Code: wit.CodeUnavailable, Retryable: true, Message: "Zulip: the server took a file and has not said where it is"}
	}
	t.remember("file/"+key, path, uploadTime)
	return path, nil
}

// fileName is how an attachment is called for people: by its name, or its kind.
func fileName(a *wit.Attachment) string {
	if a.Name != nil && *a.Name != "" {
		return *a.Name
	}
	return string(a.Kind)
}

// linkText is a name that ends no link.
func linkText(name string) string {
	return strings.NewReplacer("[", "(", "]", ")", "\n", " ").Replace(name)
}
