package nextcloud

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/attachment"
	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// file sends a file: it is put among the account's own files by WebDAV and shared with the room ("Share a file to the chat"). What
// cannot be sent is named in a text, with what was written to it.
func (o *outgoing) file(i int, p piece, ref string) (id string, uncertain bool, err error) {
	a := p.attachment
	switch {
	case a.Kind == wit.AttachmentKindLocation || a.Kind == wit.AttachmentKindContact:
		return o.say(i, strings.TrimSpace(p.text+"\n"+texts.Of(a.Name)+" "+texts.Of(a.Caption)), ref)
	case isPublic(a):
		return o.say(i, strings.TrimSpace(p.text+"\n"+a.Fetch.URL), ref)
	}
	id, uncertain, err = o.share(p, ref)
	if code := wit.CodeOf(err); err == nil || uncertain || code.Transient() || code == wit.CodeUnauthorized {
		return id, uncertain, err
	}
	o.host.Warn("nextcloud: a file is left out: " + err.Error())
	return o.say(i, strings.TrimSpace(p.text+"\n["+fileName(a)+" could not be sent]"), ref)
}

// isPublic reports whether anybody can fetch a file by its address alone: people are sent the link.
func isPublic(a *wit.Attachment) bool {
	return (a.Media == nil || *a.Media == "") && attachment.Public(a.Fetch)
}

// share uploads a file and shares it. The name has the beginning of the reference before it, so that two files of one name
// are two, and a second attempt writes the same one.
func (o *outgoing) share(p piece, ref string) (id string, uncertain bool, err error) {
	a := p.attachment
	if a.Media == nil || *a.Media == "" {
		return "", false, attachment.Missing()
	}
	if o.state.me.id == "" {
		return "", false, &wit.Error{Code: wit.CodeUnavailable, Retryable: true, Message: "Nextcloud: the bot is not connected yet"}
	}
	path := "/" + o.settings.folder + "/" + ref[:8] + "-" + strings.NewReplacer("/", "-", "\\", "-", "\n", " ").Replace(fileName(a))
	if err := o.upload(*a.Media, path); err != nil {
		return "", false, err
	}
	meta := json.Object{}
	if p.text != "" {
		meta = meta.Text("caption", p.text)
	}
	if a.Kind == wit.AttachmentKindVoice {
		meta = meta.Text("messageType", "voice-message")
	}
	if o.replyTo != "" && len(o.IDs) == 0 {
		meta = meta.Raw("replyTo", wit.JSON(o.replyTo))
	} else if o.thread != "" {
		meta = meta.Raw("threadId", wit.JSON(o.thread))
	}
	r := o.call("POST", ocs+"/apps/files_sharing/api/v1/shares", params(nil).int("shareType", 10).text("shareWith", o.room).text("path", path).
		text("referenceId", ref).text("talkMetaData", string(meta.JSON())))
	if err := r.err(); err != nil {
		return "", r.Lost(), err
	}
	// The answer is the share; which message it has made, the room tells.
	if id, err = o.find(ref); err == nil && id == "" {
		id = "share/" + r.data.Get("id").Text()
	}
	return id, err != nil, err
}

// upload puts a file of the media store onto the server ("Basic WebDAV APIs", developer manual). Its bytes do not pass through the
// plugin. Where the folder is not there, it is made.
func (t *talk) upload(media, path string) error {
	put := t.webdav("PUT", path)
	put.Media, put.Timeout = &media, transferTimeout
	status, err := t.store(&put)
	if status == 404 || status == 409 {
		folder := t.webdav("MKCOL", "/"+t.settings.folder)
		if made, err := t.store(&folder); err != nil && made != 405 { // it is there
			return err
		}
		_, err = t.store(&put)
	}
	return err
}

// webdav describes a call about one of the account's own files.
func (t *talk) webdav(method, path string) wit.HTTPRequest {
	r := t.settings.request("call", method, dav+form.Escape(t.state.me.id)+escapePath(path), nil)
	r.Headers = nil
	return r
}

// store makes such a call, whose answer has no body that matters.
func (t *talk) store(request *wit.HTTPRequest) (status uint16, err error) {
	r := result{Reply: reply.Read(reply.Response(t.host.HTTP(request)))}
	if r.ok = r.Success(); !r.ok {
		r.words = "the file could not be stored"
	}
	return r.Status, r.err()
}

// fileName is how an attachment is called for people: by its name, or its kind.
func fileName(a *wit.Attachment) string {
	if a.Name != nil && *a.Name != "" {
		return texts.Clip(*a.Name, 150)
	}
	return string(a.Kind)
}
