package inbox_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/service/inbox"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/wit"
)

// TestEventsThatWereGivenUpAreForgotten of the person whose id is in them as a word, and of nobody else.
func TestEventsThatWereGivenUpAreForgotten(t *testing.T) {
	w := newWorld(t)
	for _, body := range []string{`{"from":{"id":47},"text":"mine"}`, `{"from":{"id":470},"text":"near"}`, `{"from":"u47","text":"also near"}`, `x47y 47`} {
		event := wit.ChannelEvent{Kind: wit.EventKindWebhook, Account: "main", State: wit.JSON(`1`), Webhook: &wit.WebhookRequest{Text: &body}}
		if _, err := w.DeadLetters().Record(t.Context(), inbox.Failure{Account: account, Event: event, Cause: errors.New("no"), Next: &inbox.State{State: wit.JSON(`2`)}}); err != nil {
			t.Fatal(err)
		}
	}
	p := message.Party{Channel: account.Channel, ID: "47"}
	known := func() (texts []string) {
		if err := w.Lines(t.Context(), p, func(line any) error {
			texts = append(texts, line.(inbox.Line).Text)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return texts
	}
	if all := strings.Join(known(), "\n"); strings.Count(all, "\n") != 1 || !strings.Contains(all, "mine") || !strings.Contains(all, "x47y 47") {
		t.Errorf("known: %s", all)
	}
	if n, err := w.Forget(t.Context(), p); n != 2 || err != nil {
		t.Errorf("%d are removed, %v", n, err)
	}
	left, err := w.DeadLetters().Count(t.Context())
	if got := known(); len(got) != 0 || left != 2 || err != nil {
		t.Errorf("known afterwards: %q; %d are left, %v", got, left, err)
	}
}
