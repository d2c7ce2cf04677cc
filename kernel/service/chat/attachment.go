package chat

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/wit"
)

// Attachment is a file that a client sends along.
type Attachment struct {
	Type     string `json:"type"`
	MimeType string `json:"mimeType"`
	FileName string `json:"fileName"`
	// Content is base64, also as a data URL.
	Content    json.RawMessage `json:"content"`
	Source     json.RawMessage `json:"source"`
	SizeBytes  float64         `json:"sizeBytes"`
	DurationMs float64         `json:"durationMs"`
	Width      float64         `json:"width"`
	Height     float64         `json:"height"`
}

// maxImage is the largest picture that a client may attach, in bytes.
const maxImage = 6 << 20

// keep puts an attached picture into the media store.
// The size is looked at before the base64 is decoded. Of what the client says of the file only type and name are
// used.
func (s *Service) keep(ctx context.Context, a Attachment) (wit.Part, error) {
	var p wit.Part
	if s.media == nil {
		return p, wit.NewError(wit.CodeUnavailable, "attachments cannot be kept here: send text")
	}
	var content string
	if err := json.Unmarshal(a.Content, &content); err != nil || content == "" {
		return p, wit.NewError(wit.CodeInvalid, "content must be a string in base64")
	}
	mime := a.MimeType
	if head, body, ok := strings.Cut(content, ","); ok && strings.HasPrefix(head, "data:") {
		content = body
		if mime == "" {
			mime, _, _ = strings.Cut(strings.TrimPrefix(head, "data:"), ";")
		}
	}
	if !strings.HasPrefix(mime, "image/") {
		return p, wit.Errorf(wit.CodeInvalid, "only pictures can be attached, not %.60q", mime)
	}
	if base64.StdEncoding.DecodedLen(len(content)) > maxImage+3 {
		return p, wit.Errorf(wit.CodeTooLarge, "a picture may have %d bytes", maxImage)
	}
	data, err := base64.StdEncoding.DecodeString(content)
	if err != nil {
		return p, wit.Errorf(wit.CodeInvalid, "content is not base64: %w", err)
	}
	ref, err := s.media.Put(ctx, mime, a.FileName, data)
	return wit.Part{Kind: wit.PartKindImage, Media: &ref, Mime: &mime}, err
}

// fill checks the text and stores the attachments of a run.
// The pictures are stored before the run is queued; those of a run that is refused then are removed with age by
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
