package delivery_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// mouth says what answers voice messages, as say does.
type mouth struct {
	say  func(ctx context.Context) error
	said []string
}

func (m *mouth) Speaks(_ string, what message.Speech) bool { return what == message.SpeechReply }

func (m *mouth) Say(ctx context.Context, text string) (wit.Attachment, error) {
	m.said = append(m.said, text)
	if m.say != nil {
		if err := m.say(ctx); err != nil {
			return wit.Attachment{}, err
		}
	}
	return wit.Attachment{Kind: wit.AttachmentKindVoice, Media: new("abc"), Size: new(int64(100))}, nil
}

// TestSpokenAnswers: an answer to a voice message has its voice note before its other files, and the text is never lost with
// one: not where it cannot be said, is late, is too large, or cannot be sent.
func TestSpokenAnswers(t *testing.T) {
	broken := func(code wit.Code) func(context.Context, int, *wit.ChannelSend) (*wit.Sent, error) {
		return func(_ context.Context, _ int, s *wit.ChannelSend) (*wit.Sent, error) {
			if len(s.Attachments) > 1 {
				return nil, wit.NewError(code, "no voices here")
			}
			return &wit.Sent{IDs: []string{"1"}}, nil
		}
	}
	for name, c := range map[string]struct {
		speech   message.Speech
		say      func(context.Context) error
		answer   func(context.Context, int, *wit.ChannelSend) (*wit.Sent, error)
		maxMedia int64
		files    string // of each send
		took     time.Duration
	}{
		"to a voice message":    {speech: message.SpeechReply, files: "2"},
		"to what was written":   {speech: message.SpeechAnswer, files: "1"},
		"no answer":             {files: "1"},
		"nobody can say it":     {speech: message.SpeechReply, say: func(context.Context) error { return errors.New("hoarse") }, files: "1"},
		"it takes too long":     {speech: message.SpeechReply, say: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, files: "1", took: 30 * time.Second},
		"larger than the limit": {speech: message.SpeechReply, maxMedia: 99, files: "1"},
		"the platform refuses":  {speech: message.SpeechReply, answer: broken(wit.CodeForbidden), files: "2 1"},
		"again and again":       {speech: message.SpeechReply, answer: broken(wit.CodeUnavailable), files: "2 2 2 1", took: -1},
	} {
		synctest.Test(t, func(t *testing.T) {
			w, m := newWorld(t), &mouth{say: c.say}
			w.facts.MaxMedia, w.answer = c.maxMedia, c.answer
			d := w.deps()
			d.Voice = m
			stop := w.serve(delivery.New(d))
			began := time.Now()
			w.enqueue(message.Outbound{ID: "a", Channel: "chat", Account: "main", To: wit.Conversation{ID: "ann"}, Text: "hello", Speech: c.speech,
				Attachments: []wit.Attachment{{Kind: wit.AttachmentKindImage, Media: new("def")}}})
			for len(w.news()) == 0 {
				time.Sleep(100 * time.Millisecond)
			}
			took := time.Since(began).Round(time.Second)
			stop()
			var files []string
			keys := map[string]bool{}
			for _, s := range w.sent() {
				files = append(files, string(rune('0'+s.files)))
				keys[s.key] = true
				if s.text != "hello" {
					t.Errorf("%s: sent %q", name, s.text)
				}
			}
			if got := strings.Join(files, " "); got != c.files || c.took >= 0 && took != c.took {
				t.Errorf("%s: sends with %s files after %v, want %s after %v", name, got, took, c.files, c.took)
			}
			if muted := strings.Contains(c.files, " 1"); len(keys) != 1 && !muted || muted && len(keys) != 2 {
				t.Errorf("%s: keys %v", name, keys)
			}
			if news := w.news(); len(news) != 1 || !strings.HasPrefix(news[0], "delivered a") {
				t.Errorf("%s: %v", name, news)
			}
		})
	}
}

// TestAStopWhileItSpeaks: the message waits for the next start, which speaks it; nothing was sent.
func TestAStopWhileItSpeaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, m := newWorld(t), &mouth{say: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
		w.store = store.OpenMemory()
		d := w.deps()
		d.Voice = m
		stop := w.serve(delivery.New(d))
		w.enqueue(message.Outbound{ID: "a", Channel: "chat", Account: "main", To: wit.Conversation{ID: "ann"}, Text: "hello", Speech: message.SpeechReply})
		synctest.Wait()
		stop()
		if len(w.sent()) != 0 || len(m.said) != 1 {
			t.Fatalf("sent %v, said %v", w.sent(), m.said)
		}
		m.say = nil
		stop = w.serve(delivery.New(d))
		synctest.Wait()
		stop()
		if sent := w.sent(); len(sent) != 1 || sent[0].files != 1 || len(m.said) != 2 {
			t.Errorf("sent %v, said %v", sent, m.said)
		}
	})
}
