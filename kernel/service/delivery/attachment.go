package delivery

import (
	"context"
	"encoding/base64"
	"path"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// attachments are the files of a send: those on the web, which the channel fetches, and then the one that came
// along, which media keeps. Errors: CodeInvalid for what clients can mend; CodeUnavailable without media; its own.
func attachments(ctx context.Context, media Media, in SendParams) ([]wit.Attachment, error) {
	var files []wit.Attachment
	for _, u := range append([]string{in.MediaURL}, in.MediaURLs...) {
		if u == "" {
			continue
		}
		if !strings.HasPrefix(u, "https://") && !strings.HasPrefix(u, "http://") {
			return nil, wit.Errorf(wit.CodeInvalid, "invalid send params: mediaUrl must begin with https:// or http://")
		}
		name := path.Base(strings.SplitN(u, "?", 2)[0])
		files = append(files, wit.Attachment{Kind: kindOf(in, "", name), Fetch: &wit.HTTPRequest{URL: u}, Name: &name})
	}
	if in.Buffer == "" {
		return files, nil
	}
	data, err := base64.StdEncoding.DecodeString(in.Buffer)
	if err != nil {
		return nil, wit.NewError(wit.CodeInvalid, "invalid send params: buffer must be base64")
	}
	if media == nil {
		return nil, wit.NewError(wit.CodeUnavailable, "this gateway keeps no files")
	}
	id, err := media.Put(ctx, in.ContentType, in.Filename, data)
	if err != nil {
		return nil, err
	}
	size, name, mime := int64(len(data)), in.Filename, in.ContentType
	return append(files, wit.Attachment{Kind: kindOf(in, mime, name), Media: &id, Name: &name, Mime: &mime, Size: &size}), nil
}

// kindOf tells by a type, or else by a name, what kind of file it is; what the client says comes first.
func kindOf(in SendParams, mime, name string) wit.AttachmentKind {
	if in.AsVoice {
		return wit.AttachmentKindVoice
	}
	if in.ForceDocument {
		return wit.AttachmentKindDocument
	}
	return Kind(mime, name)
}

// Kind tells by a type, or else by a name, what kind of file it is.
func Kind(mime, name string) wit.AttachmentKind {
	major, _, _ := strings.Cut(mime, "/")
	if major == "" {
		major = map[string]string{".png": "image", ".jpg": "image", ".jpeg": "image", ".gif": "image", ".webp": "image",
			".mp3": "audio", ".ogg": "audio", ".wav": "audio", ".m4a": "audio", ".mp4": "video", ".webm": "video", ".mov": "video"}[strings.ToLower(path.Ext(name))]
	}
	switch major {
	case "image":
		return wit.AttachmentKindImage
	case "audio":
		return wit.AttachmentKindAudio
	case "video":
		return wit.AttachmentKindVideo
	}
	return wit.AttachmentKindDocument
}
