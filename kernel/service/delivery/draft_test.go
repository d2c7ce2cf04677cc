package delivery_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/wit"
)

// drafted has a draft of one message.
type drafted struct {
	id      string
	draft   delivery.Draft
	dropped int
	fails   int // so often it is not known whether there is one
}

func (d *drafted) Take(_ context.Context, id string) (delivery.Draft, bool, error) {
	if d.fails--; d.fails >= 0 {
		return delivery.Draft{}, false, wit.NewError(wit.CodeUnavailable, "down")
	}
	return d.draft, id == d.id && d.dropped == 0, nil
}

func (d *drafted) Drop(_ context.Context, id string) {
	if id == d.id {
		d.dropped++
	}
}

// TestAMessageTakesThePlaceOfItsDraft: its first piece is a change, and all else follows.
func TestAMessageTakesThePlaceOfItsDraft(t *testing.T) {
	for name, tt := range map[string]struct {
		text   string
		files  int
		others bool // the draft is another message's
		refuse bool // the draft cannot be changed
		want   string
	}{
		"one piece":         {text: "all of it", want: "+d all of it 0"},
		"two pieces":        {text: "all of it, and then some", want: "+d all of it, and 0|m:1 then some 0"},
		"with a file":       {text: "all of it", files: 1, want: "+d all of it 0|m:1  1"},
		"another's":         {text: "all of it", others: true, want: "m:0 all of it 0"},
		"gone":              {text: "all of it", refuse: true, want: "+d all of it 0|m:0 all of it 0"},
		"gone, with a file": {text: "all of it", files: 1, refuse: true, want: "+d all of it 0|m:0 all of it 1"},
	} {
		inBubble(name, t, func(t *testing.T) {
			w := newWorld(t)
			w.facts = wit.ChannelFacts{Operations: []string{"edit"}, Markup: wit.MarkupMarkdown, MaxLength: 16, SendInterval: 1000}
			d := &drafted{id: "m", draft: delivery.Draft{ID: "d", At: time.Now()}}
			if tt.others {
				d.id = "another"
			}
			if w.drafts = d; tt.refuse {
				w.editing = wit.NewError(wit.CodeNotFound, "it was deleted")
			}
			_, stop := w.run()
			m := outgoing("m", "c", tt.text)
			m.Attachments = make([]wit.Attachment, tt.files)
			w.enqueue(m)
			time.Sleep(time.Minute)
			synctest.Wait()
			var got []string
			for _, s := range w.sent() {
				got = append(got, fmt.Sprintf("%s %s %d", s.key, s.text, s.files))
			}
			if strings.Join(got, "|") != tt.want {
				t.Errorf("sent %q, want %q", strings.Join(got, "|"), tt.want)
			}
			if first := w.sent()[0]; first.at < time.Second && !tt.others {
				t.Errorf("changed %v after the draft was written", first.at)
			}
			if !tt.others && d.dropped != 1 {
				t.Errorf("dropped %d times", d.dropped)
			}
			stop()
		})
	}
}

// TestAMessageWaitsForItsDraft: until it is known whether one stands nothing is sent, and messages wait ahead of what comes next.
func TestAMessageWaitsForItsDraft(t *testing.T) {
	inBubble("wait", t, func(t *testing.T) {
		w := newWorld(t)
		w.facts = wit.ChannelFacts{Operations: []string{"edit"}, Markup: wit.MarkupMarkdown, MaxLength: 16}
		w.drafts = &drafted{id: "m", draft: delivery.Draft{ID: "d"}, fails: 3}
		s, stop := w.run()
		m := outgoing("m", "c", "all of it")
		w.enqueue(m)
		synctest.Wait()
		here := message.Origin{Channel: m.Channel, Account: m.Account, Conversation: &m.To}
		elsewhere := message.Origin{Channel: m.Channel, Account: m.Account, Conversation: &wit.Conversation{ID: "another"}}
		if len(w.sent()) != 0 || !s.Ahead(here) || s.Ahead(elsewhere) || s.Ahead(message.Origin{Channel: m.Channel}) {
			t.Errorf("%+v is sent; ahead %t, elsewhere %t", w.sent(), s.Ahead(here), s.Ahead(elsewhere))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if sent := w.sent(); len(sent) != 1 || sent[0].key != "+d" || s.Ahead(here) {
			t.Errorf("sent %+v; ahead %t", sent, s.Ahead(here))
		}
		stop()
	})
}

// TestADraftIsSpokenToo: the voice note follows the text, and where it cannot be sent the text stands there all the same.
func TestADraftIsSpokenToo(t *testing.T) {
	for name, refuse := range map[string]bool{"spoken": false, "mute": true} {
		inBubble(name, t, func(t *testing.T) {
			w := newWorld(t)
			w.facts = wit.ChannelFacts{Operations: []string{"edit"}, Markup: wit.MarkupMarkdown}
			d := &drafted{id: "m", draft: delivery.Draft{ID: "d"}}
			w.drafts, w.voice = d, spoken{}
			w.answer = func(_ context.Context, n int, s *wit.ChannelSend) (*wit.Sent, error) {
				if refuse {
					return nil, wit.NewError(wit.CodeForbidden, "no voice notes here")
				}
				return &wit.Sent{IDs: []string{"v"}}, nil
			}
			_, stop := w.run()
			m := outgoing("m", "c", "all of it")
			m.Speech = message.SpeechAnswer
			w.enqueue(m)
			time.Sleep(time.Hour)
			synctest.Wait()
			want := "delivered m [d v]"
			if refuse {
				want = "delivered m [d]"
			}
			if got := w.news(); len(got) != 1 || got[0] != want {
				t.Errorf("%q, want %q", got, want)
			}
			stop()
		})
	}
}

// spoken says everything.
type spoken struct{}

func (spoken) Speaks(string, message.Speech) bool { return true }
func (spoken) Say(context.Context, string) (wit.Attachment, error) {
	return wit.Attachment{Kind: wit.AttachmentKindVoice, Media: new("sound")}, nil
}

// TestAMessageIsAheadFromItsCommit: what is shown of the next answer must not come before it, also where nobody has looked at the queue.
func TestAMessageIsAheadFromItsCommit(t *testing.T) {
	w := newWorld(t)
	s := delivery.New(w.deps())
	m := outgoing("m", "c", "all of it")
	here := message.Origin{Channel: m.Channel, Account: m.Account, Conversation: &m.To}
	before := s.Ahead(here)
	w.enqueue(m)
	if before || !s.Ahead(here) || s.Ahead(message.Origin{Channel: m.Channel, Account: m.Account, Conversation: &wit.Conversation{ID: "another"}}) {
		t.Errorf("ahead before it is there: %t; then: %t", before, s.Ahead(here))
	}
}
