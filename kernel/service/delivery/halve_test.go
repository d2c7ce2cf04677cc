package delivery_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/wit"
)

// TestAPieceThatIsTooLongIsCut, where a server takes less than its channel declares: all words arrive once, in order and under keys of
// their own, also over a restart, in the place of a draft, and with the buttons at the end.
func TestAPieceThatIsTooLongIsCut(t *testing.T) {
	var words []string
	for i := range 300 {
		words = append(words, fmt.Sprint("word", i))
	}
	whole := strings.Join(words, " ")
	for name, tt := range map[string]struct {
		text  string
		files int
		draft bool
		stop  bool // after the first piece that is taken
		event string
	}{
		"a long text":       {text: whole, event: "delivered"},
		"over a restart":    {text: whole, stop: true, event: "delivered"},
		"instead of drafts": {text: whole, draft: true, event: "delivered"},
		"a short one":       {text: strings.Repeat("x", 200), event: "failed"},
		"with a file":       {text: whole, files: 1, event: "failed"},
	} {
		inBubble(name, t, func(t *testing.T) {
			w := newWorld(t)
			w.facts.Actions, w.facts.Operations = &wit.ActionFacts{}, []string{"edit"}
			var taken, keys []string
			first := make(chan struct{})
			w.answer = func(_ context.Context, n int, s *wit.ChannelSend) (*wit.Sent, error) {
				if len(s.Text) > 400 || len(whole) != len(tt.text) || len(s.Attachments) > 0 {
					return nil, wit.NewError(wit.CodeTooLarge, "too long")
				}
				if taken, keys = append(taken, s.Text), append(keys, s.IdempotencyKey); len(taken) == 1 {
					close(first)
				}
				return &wit.Sent{IDs: []string{fmt.Sprint(n)}}, nil
			}
			if tt.draft {
				w.drafts, w.editing = &drafted{id: "m", draft: delivery.Draft{ID: "d"}}, wit.NewError(wit.CodeTooLarge, "too long")
			}
			_, stop := w.run()
			m := outgoing("m", "c", tt.text)
			m.Attachments = make([]wit.Attachment, tt.files)
			m.Choices = []message.Choice{{Label: "Yes", Value: "yes", Number: 1}}
			w.enqueue(m)
			if tt.stop {
				<-first
				stop()
				_, stop = w.run()
			}
			time.Sleep(time.Hour)
			synctest.Wait()
			stop()
			if news := w.news(); len(news) != 1 || !strings.HasPrefix(news[0], tt.event) {
				t.Fatalf("events %q", news)
			}
			if tt.event == "failed" {
				return
			}
			if got := strings.Join(taken, " "); got != whole {
				t.Errorf("what arrived is %.200q", got)
			}
			slices.Sort(keys)
			if len(slices.Compact(keys)) != len(taken) {
				t.Errorf("keys %q", keys)
			}
			for i, s := range w.sent() {
				if is := i == len(w.sent())-1; is != (s.rows == "Yes") && len(s.text) <= 400 {
					t.Errorf("piece %d of %d has the buttons %q", i, len(w.sent()), s.rows)
				}
			}
		})
	}
}
