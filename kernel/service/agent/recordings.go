package agent

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// Transcribers are the plugins that write down what is said in recordings.
type Transcribers interface {
	// Transcribers lists them, by id. It loads no code.
	Transcribers() []TranscriberInfo
	// Transcribe asks one of them, whose configuration the implementation fills in. Errors are coded: CodeNotFound for one
	// that is gone.
	Transcribe(ctx context.Context, id string, r *wit.Recording) (*wit.Transcript, error)
}

// TranscriberInfo is what is known of a transcriber without its code. Settings and Credentials are as a provider's.
type TranscriberInfo struct {
	ID          string
	Facts       wit.STTFacts
	Settings    wit.JSON
	Credentials int
}

// nobody writes anything down.
type nobody struct{}

func (nobody) Transcribers() []TranscriberInfo { return nil }
func (nobody) Transcribe(context.Context, string, *wit.Recording) (*wit.Transcript, error) {
	return nil, wit.NewError(wit.CodeNotFound, "this gateway has no plugins")
}

const (
	maxRecordings     = 4        // of a message
	maxRecordingBytes = 25 << 20 // of one
	transcribeTries   = 2        // of one
	// transcribeTimeout is how long the recordings of a message may take all together: an answer that begins without
	// their words is better than none.
	transcribeTimeout = 3 * time.Minute
)

// transcribe adds what is said in recordings to the parts of a message: a text behind each that a plugin has written down.
// What it cannot do it says in the log, and the message goes on without. It comes before the run begins, with which the
// words are recorded: one that is interrupted here transcribes again, one that has begun does not.
func (s *Service) transcribe(ctx context.Context, r run.Run, parts []wit.Part) []wit.Part {
	if !slices.ContainsFunc(parts, isRecording) {
		return parts
	}
	by, err := s.transcriber()
	if err != nil {
		s.log.Info("recordings not transcribed", "run", r.ID, "reason", err)
		return parts
	}
	defer s.typing.show(ctx, r.Reply)()
	within, cancel := context.WithTimeout(ctx, transcribeTimeout)
	defer cancel()
	var out []wit.Part
	n := 0
	for _, p := range parts {
		if out = append(out, p); !isRecording(p) {
			continue
		}
		words, err := "", error(wit.Errorf(wit.CodeTooLarge, "the message has more than %d recordings", maxRecordings))
		if n++; n <= maxRecordings {
			words, err = s.hear(within, by, *p.Media)
		}
		if err == nil {
			out = append(out, session.TextPart(words))
		} else if ctx.Err() == nil { // else the run is stopped, or the gateway
			s.log.Warn("recording not transcribed", "run", r.ID, "plugin", by.ID, "error", err)
		}
	}
	return out
}

// isRecording reports whether a part is a sound that the store has.
func isRecording(p wit.Part) bool {
	return p.Kind == wit.PartKindAudio && p.Media != nil && *p.Media != ""
}

// transcriber is who transcribes: the one that the owner has named, whatever there is beside it, or the first that is set
// up. Errors: CodeNotFound.
func (s *Service) transcriber() (TranscriberInfo, error) {
	list := s.transcribers.Transcribers()
	if named := s.settings().Transcriber; named != "" {
		if i := slices.IndexFunc(list, func(t TranscriberInfo) bool { return t.ID == named }); i >= 0 {
			return list[i], nil
		}
		return TranscriberInfo{}, wit.Errorf(wit.CodeNotFound, "the plugin %.64q, which agent.transcriber names, cannot be used", named)
	}
	for _, t := range list {
		if configured(t.Facts.Ready, t.Settings, t.Credentials) {
			return t, nil
		}
	}
	return TranscriberInfo{}, wit.NewError(wit.CodeNotFound, "no plugin that transcribes is set up: `carapace setup` lists those that there are")
}

// checkTranscriber says who transcribes. That nobody does is a choice; that nobody does whom the owner has named is a fault.
func (s *Service) checkTranscriber(context.Context) service.Check {
	by, err := s.transcriber()
	switch {
	case err == nil:
		return service.Check{Name: "voice", OK: true, Message: "transcribed by " + by.ID}
	case s.settings().Transcriber == "":
		return service.Check{Name: "voice", OK: true, Message: "voice messages are not transcribed"}
	}
	return service.Check{Name: "voice", Message: err.Error(), Hint: "enable it, or name another one with `carapace config set agent.transcriber`"}
}

// hear returns what is said in a recording, as the model reads it. Errors: CodeTooLarge; the store's; the plugin's.
func (s *Service) hear(ctx context.Context, by TranscriberInfo, media string) (string, error) {
	info, err := s.files.Stat(ctx, media)
	if err != nil {
		return "", err
	}
	most := int64(maxRecordingBytes)
	if by.Facts.MaxMedia > 0 {
		most = min(most, by.Facts.MaxMedia)
	}
	if info.Size > most {
		return "", wit.Errorf(wit.CodeTooLarge, "it has %d bytes, more than the %d that are transcribed", info.Size, most)
	}
	var said *wit.Transcript
	err = again(ctx, transcribeTries, func() (err error) {
		said, err = s.transcribers.Transcribe(ctx, by.ID, &wit.Recording{Media: media, Mime: info.Mime, Name: info.Name, Size: info.Size})
		return err
	})
	if err != nil {
		return "", err
	}
	return transcribed(said), nil
}

// transcribed is a transcript as the model reads it. It is said that it is one, since it may be wrong where its author was
// not.
func transcribed(t *wit.Transcript) string {
	head := "voice message, transcribed"
	if t.Language != nil && *t.Language != "" {
		head += ", in " + message.Name(*t.Language)
	}
	text := strings.TrimSpace(plain.Strip(t.Text))
	if text == "" {
		return "[" + head + ": nothing was said]"
	}
	return "[" + head + "] " + message.Clip(text, wit.TranscriptTextCut)
}
