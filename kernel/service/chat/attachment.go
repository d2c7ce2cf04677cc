package chat

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/media"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Attachment is a file that a client sends along: as Content, as Media, as URL, or as Source.
type Attachment struct {
	Type     string `json:"type"`
	MimeType string `json:"mimeType"`
	FileName string `json:"fileName"`
	// Content is base64, also as a data URL.
	Content json.RawMessage `json:"content"`
	// Media is the id of a file that the gateway has already.
	Media string `json:"media"`
	// URL is where the gateway fetches the file: by https, and from public addresses only.
	URL string `json:"url"`
	// Source is {"type": "base64", "media_type": …, "data": …} or {"type": "url", "url": …}.
	Source     json.RawMessage `json:"source"`
	SizeBytes  float64         `json:"sizeBytes"`
	DurationMs float64         `json:"durationMs"`
	Width      float64         `json:"width"`
	Height     float64         `json:"height"`
}

// source is an attachment of the second form.
type source struct {
	Type      string `json:"type"`
	MediaType string `json:"media_type"`
	Data      string `json:"data"`
	URL       string `json:"url"`
}

// address is where the file is on the web, "" for one that comes along.
func (a Attachment) address() string {
	var s source
	if a.URL == "" && !given(a.Content) && json.Unmarshal(a.Source, &s) == nil && s.Type == "url" {
		return s.URL
	}
	return a.URL
}

// read returns the file in base64, and the type that the client gives it.
func (a Attachment) read() (content, mimeType string, err error) {
	if given(a.Content) {
		if err := json.Unmarshal(a.Content, &content); err != nil || content == "" {
			return "", "", wit.NewError(wit.CodeInvalid, "content must be a string in base64")
		}
		mimeType = a.MimeType
	} else {
		var s source
		if err := json.Unmarshal(a.Source, &s); err != nil || s.Type != "base64" || s.Data == "" {
			return "", "", wit.NewError(wit.CodeInvalid, "there must be a content that is a string in base64, the id of a file as media, a url, or a source of the type base64 with data")
		}
		content, mimeType = s.Data, s.MediaType
	}
	if head, body, ok := strings.Cut(content, ","); ok && strings.HasPrefix(head, "data:") {
		content = body
		if mimeType == "" {
			mimeType, _, _ = strings.Cut(strings.TrimPrefix(head, "data:"), ";")
		}
	}
	return content, mimeType, nil
}

// given reports whether a field is there.
func given(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }

// keep puts an attached file into the media store, unless it is there.
func (s *Service) keep(ctx context.Context, a Attachment) (wit.Part, error) {
	switch address := a.address(); {
	case s.media == nil:
		return wit.Part{}, wit.NewError(wit.CodeUnavailable, "attachments cannot be kept here: send text")
	case a.Media != "":
		info, err := s.media.Stat(ctx, a.Media)
		if err == nil {
			err = fits(info.Mime, info.Size)
		}
		return part(a.Media, info.Mime), err
	case address != "":
		id, mimeType, err := s.media.FetchURL(ctx, address, wire.MaxAttachment)
		if err != nil {
			return wit.Part{}, err
		}
		info, err := s.media.Stat(ctx, id)
		if err == nil {
			err = fits(mimeType, info.Size)
		}
		return part(id, mimeType), err
	}
	return s.keepInline(ctx, a)
}

// keepInline keeps a file that comes along.
// The size is looked at before the base64 is decoded. Of what the client says of the file its name is used, and its type as
// far as the content does not contradict it.
func (s *Service) keepInline(ctx context.Context, a Attachment) (wit.Part, error) {
	content, said, err := a.read()
	if err != nil {
		return wit.Part{}, err
	}
	if base64.StdEncoding.DecodedLen(len(content)) > wire.MaxAttachment+3 {
		return wit.Part{}, tooLarge("file", wire.MaxAttachment)
	}
	data, err := base64.StdEncoding.DecodeString(content)
	if err != nil {
		return wit.Part{}, wit.Errorf(wit.CodeInvalid, "content is not base64: %w", err)
	}
	mimeType := media.TypeOf(said, data)
	if err := fits(mimeType, int64(len(data))); err != nil {
		return wit.Part{}, err
	}
	ref, err := s.media.Put(ctx, mimeType, a.FileName, data)
	return part(ref, mimeType), err
}

// fits refuses files that are too large for an attachment.
func fits(mimeType string, size int64) error {
	switch {
	case size > wire.MaxAttachment:
		return tooLarge("file", wire.MaxAttachment)
	case media.Family(mimeType) == "image" && size > wire.MaxPicture:
		return tooLarge("picture", wire.MaxPicture)
	}
	return nil
}

// part is a file of this type in a message.
func part(id, mimeType string) wit.Part {
	kind := wit.PartKindFile
	switch media.Family(mimeType) {
	case "image":
		kind = wit.PartKindImage
	case "audio":
		kind = wit.PartKindAudio
	}
	return wit.Part{Kind: kind, Media: &id, Mime: &mimeType}
}

func tooLarge(what string, most int) error {
	return wit.Errorf(wit.CodeTooLarge, "a %s may have %d bytes", what, most)
}

// fill checks the text and stores the attachments of a run.
// The files are stored before the run is queued; those of a run that is refused then are removed with age by
// the media store.
func (s *Service) fill(ctx context.Context, r *run.Run, method string, files []Attachment) error {
	r.Asker = asker(ctx)
	r.Text = strings.ToValidUTF8(r.Text, "\uFFFD")
	if len(r.Text) > run.MaxText {
		return wit.Errorf(wit.CodeTooLarge, "invalid %s params: message has %d bytes, at most %d fit", method, len(r.Text), run.MaxText)
	}
	if strings.TrimSpace(r.Text) == "" && len(files) == 0 {
		return wit.Errorf(wit.CodeInvalid, "invalid %s params: message or attachment required", method)
	}
	if len(files) > 16 {
		return wit.Errorf(wit.CodeTooLarge, "invalid %s params: at most 16 attachments", method)
	}
	for _, a := range files {
		part, err := s.keep(ctx, a)
		if err != nil {
			return wit.Errorf(wit.CodeOf(err), "%s: attachment %.60q: %w", method, a.FileName, err)
		}
		r.Parts = append(r.Parts, part)
	}
	return nil
}
