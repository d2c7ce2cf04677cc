package chat

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"mime"
	"net/http"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Attachment is a file that a client sends along: as Content, or as Source.
type Attachment struct {
	Type     string `json:"type"`
	MimeType string `json:"mimeType"`
	FileName string `json:"fileName"`
	// Content is base64, also as a data URL.
	Content json.RawMessage `json:"content"`
	// Source is {"type": "base64", "media_type": …, "data": …}.
	Source     json.RawMessage `json:"source"`
	SizeBytes  float64         `json:"sizeBytes"`
	DurationMs float64         `json:"durationMs"`
	Width      float64         `json:"width"`
	Height     float64         `json:"height"`
}

// read returns the file in base64, and the type that the client gives it.
func (a Attachment) read() (content, mimeType string, err error) {
	if given(a.Content) {
		if err := json.Unmarshal(a.Content, &content); err != nil || content == "" {
			return "", "", wit.NewError(wit.CodeInvalid, "content must be a string in base64")
		}
		mimeType = a.MimeType
	} else {
		var source struct {
			Type      string `json:"type"`
			MediaType string `json:"media_type"`
			Data      string `json:"data"`
		}
		if err := json.Unmarshal(a.Source, &source); err != nil || source.Type != "base64" || source.Data == "" {
			return "", "", wit.NewError(wit.CodeInvalid, "there must be a content that is a string in base64, or a source of the type base64 with data")
		}
		content, mimeType = source.Data, source.MediaType
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

// keep puts an attached file into the media store.
// The size is looked at before the base64 is decoded. Of what the client says of the file its name is used, and its type as
// far as the content does not contradict it.
func (s *Service) keep(ctx context.Context, a Attachment) (wit.Part, error) {
	var p wit.Part
	if s.media == nil {
		return p, wit.NewError(wit.CodeUnavailable, "attachments cannot be kept here: send text")
	}
	content, said, err := a.read()
	if err != nil {
		return p, err
	}
	if base64.StdEncoding.DecodedLen(len(content)) > wire.MaxAttachment+3 {
		return p, tooLarge("file", wire.MaxAttachment)
	}
	data, err := base64.StdEncoding.DecodeString(content)
	if err != nil {
		return p, wit.Errorf(wit.CodeInvalid, "content is not base64: %w", err)
	}
	kind, mimeType := typeOf(said, data)
	switch {
	case len(data) > wire.MaxAttachment:
		return p, tooLarge("file", wire.MaxAttachment)
	case kind == wit.PartKindImage && len(data) > wire.MaxPicture:
		return p, tooLarge("picture", wire.MaxPicture)
	}
	ref, err := s.media.Put(ctx, mimeType, a.FileName, data)
	return wit.Part{Kind: kind, Media: &ref, Mime: &mimeType}, err
}

func tooLarge(what string, most int) error {
	return wit.Errorf(wit.CodeTooLarge, "a %s may have %d bytes", what, most)
}

// typeOf is what a file is, by the type that is said and by its content. A picture is what has the content of one, whatever is
// said, because that is what models are shown. Sounds have more formats than can be told from the content; what is plainly
// something else is none. All else is a file, whose type is believed unless the content shows another one.
func typeOf(said string, data []byte) (wit.PartKind, string) {
	const unknown = "application/octet-stream"
	said, found := bare(said), bare(http.DetectContentType(data))
	if said == unknown {
		said = ""
	}
	switch {
	case family(found) == "image":
		return wit.PartKindImage, found
	case family(said) == "audio" && (found == unknown || family(found) == "audio" || family(found) == "video" || found == "application/ogg"):
		return wit.PartKindAudio, said
	case family(found) == "audio":
		return wit.PartKindAudio, found
	case found == "application/ogg" && said == "":
		return wit.PartKindAudio, "audio/ogg" // what has pictures too says so
	case said == "", said == "application/pdf", family(said) == "image", family(said) == "audio", family(said) == "text" && family(found) != "text":
		return wit.PartKindFile, found
	}
	return wit.PartKindFile, said
}

// bare is a type without its parameters, "" for what is none.
func bare(mimeType string) string {
	base, _, err := mime.ParseMediaType(mimeType)
	if err != nil || !strings.Contains(base, "/") {
		return ""
	}
	return base
}

// family is the first half of a type: image, audio, text.
func family(mimeType string) string {
	first, _, _ := strings.Cut(mimeType, "/")
	return first
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
