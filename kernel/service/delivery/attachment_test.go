package delivery_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/wit"
)

// TestKindsOfFiles: what the client says comes first, then the type, then the end of the name.
func TestKindsOfFiles(t *testing.T) {
	for _, c := range []struct {
		in   delivery.SendParams
		want wit.AttachmentKind
	}{
		{delivery.SendParams{MediaURL: "https://example.org/a.JPEG?x=/b.mp3"}, wit.AttachmentKindImage},
		{delivery.SendParams{MediaURL: "http://example.org/a.mp4"}, wit.AttachmentKindVideo},
		{delivery.SendParams{MediaURL: "https://example.org/a.wav"}, wit.AttachmentKindAudio},
		{delivery.SendParams{MediaURL: "https://example.org/a.pdf"}, wit.AttachmentKindDocument},
		{delivery.SendParams{MediaURL: "https://example.org/"}, wit.AttachmentKindDocument},
		{delivery.SendParams{MediaURL: "https://example.org/a.ogg", AsVoice: true}, wit.AttachmentKindVoice},
		{delivery.SendParams{MediaURL: "https://example.org/a.png", ForceDocument: true}, wit.AttachmentKindDocument},
		{delivery.SendParams{Buffer: "aGk=", ContentType: "video/mp4", Filename: "a.png"}, wit.AttachmentKindVideo},
		{delivery.SendParams{Buffer: "aGk=", ContentType: "application/pdf", Filename: "a.png"}, wit.AttachmentKindDocument},
		{delivery.SendParams{Buffer: "aGk=", Filename: "a.png"}, wit.AttachmentKindImage},
		{delivery.SendParams{Buffer: "aGk="}, wit.AttachmentKindDocument},
	} {
		inBubble(string(c.want), t, func(t *testing.T) {
			w := newWorld(t)
			w.media = &files{}
			var got []wit.Attachment
			w.answer = func(_ context.Context, _ int, s *wit.ChannelSend) (*wit.Sent, error) {
				got = s.Attachments
				return &wit.Sent{}, nil
			}
			s, _ := w.run()
			c.in.To, c.in.IdempotencyKey = "42", "k"
			params, err := json.Marshal(c.in)
			if err != nil {
				t.Fatal(err)
			}
			if err := call(t, s, "send", string(params), nil); err != nil || len(got) != 1 || got[0].Kind != c.want {
				t.Errorf("%s: %+v %v", params, got, err)
			}
		})
	}
}
