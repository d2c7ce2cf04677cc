package tts

import (
	"bytes"
	"context"
	"encoding/binary"

	"github.com/carapace-gateway/carapace/kernel/service/delivery/text"
	"github.com/carapace-gateway/carapace/wit"
)

// pieces has a text that is longer than a plugin takes said in pieces, which end with a sentence where they can, and joins the
// sounds. That is done for WAV files that the plugin makes itself. Errors: CodeTooLarge for others.
func (s *Service) pieces(ctx context.Context, id string, order *wit.SpeechOrder, most int) (*Sound, error) {
	if order.Format != wit.SoundFormatWav {
		return nil, wit.Errorf(wit.CodeTooLarge, "the text has %d bytes, more than the %d that are said", len(order.Text), most)
	}
	var whole wave
	for _, piece := range text.Chunk(order.Text, text.Limits{MaxLength: most}) {
		one := *order
		one.Text = piece
		answer, err := s.Speakers.Synthesize(ctx, id, &one)
		if err != nil {
			return nil, err
		}
		if err := whole.add(answer.Bytes); err != nil {
			return nil, err
		}
		if len(whole.samples) > maxSound {
			return nil, wit.Errorf(wit.CodeTooLarge, "the sound has more than %d bytes", maxSound)
		}
	}
	return s.keep(ctx, id, order.Format, &wit.Speech{Bytes: whole.file()})
}

// wave is a WAV file that others are joined to. The zero value is ready to use.
type wave struct {
	format, samples []byte
}

// add joins a file. Errors: CodeUnavailable for what is no WAV file, or not of the format of those before.
func (w *wave) add(file []byte) error {
	format, samples := chunks(file)
	if format == nil || samples == nil || w.format != nil && !bytes.Equal(w.format, format) {
		return wit.NewError(wit.CodeUnavailable, "the text is longer than the plugin takes at once, and the sounds of its parts cannot be joined")
	}
	w.format, w.samples = format, append(w.samples, samples...)
	return nil
}

// chunks are what a WAV file says of its samples, and these; nil for what is none.
func chunks(file []byte) (format, samples []byte) {
	if len(file) < 12 || string(file[:4]) != "RIFF" || string(file[8:12]) != "WAVE" {
		return nil, nil
	}
	for rest := file[12:]; len(rest) >= 8; {
		name, size := string(rest[:4]), uint64(binary.LittleEndian.Uint32(rest[4:]))
		body := rest[8:]
		if size > uint64(len(body)) {
			return nil, nil
		}
		switch name {
		case "fmt ":
			format = body[:size]
		case "data":
			samples = body[:size]
		}
		rest = body[min(size+size%2, uint64(len(body))):]
	}
	return format, samples
}

// file is the whole as a WAV file.
func (w *wave) file() []byte {
	size := func(n int) []byte { return binary.LittleEndian.AppendUint32(nil, uint32(n)) }
	return bytes.Join([][]byte{
		[]byte("RIFF"), size(4 + 8 + len(w.format) + 8 + len(w.samples)), []byte("WAVE"),
		[]byte("fmt "), size(len(w.format)), w.format, []byte("data"), size(len(w.samples)), w.samples,
	}, nil)
}
