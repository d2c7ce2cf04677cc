package agent

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// typewriter counts how often typing is shown, and refuses.
type typewriter struct {
	shown   atomic.Int64
	refusal error // of the first time
}

func (w *typewriter) Typing(context.Context, message.Account, wit.Conversation) error {
	if w.shown.Add(1) == 1 {
		return w.refusal
	}
	return nil
}

func TestTypingIsQuietWhereItIsNotWanted(t *testing.T) {
	asked := func(seconds int64) error {
		return &wit.Error{Code: wit.CodeRateLimited, Message: "later", Retryable: true, RetryAfter: new(seconds * 1000)}
	}
	for name, c := range map[string]struct {
		refusal error
		within  time.Duration
		want    int64 // times in so long, the refused one included
	}{
		"it is shown":             {nil, 12 * time.Second, 3},
		"for so long":             {asked(1000), 999 * time.Second, 1},
		"and not longer":          {asked(1000), 1007 * time.Second, 3},
		"without a time":          {wit.NewError(wit.CodeRateLimited, "slowly"), 62 * time.Second, 2},
		"for longer than a day":   {asked(1e9), 24*time.Hour - time.Second, 1},
		"it may work again":       {wit.NewError(wit.CodeUnavailable, "down"), 6 * time.Second, 2},
		"the bot is blocked":      {wit.NewError(wit.CodeForbidden, "bot was blocked by the user"), time.Hour, 1},
		"so it says":              {&wit.Error{Code: wit.CodeInvalid, Message: "not now", Retryable: true}, 6 * time.Second, 2},
		"so its kind says":        {&wit.Error{Code: wit.CodeUnavailable, Message: "not now"}, 6 * time.Second, 2},
		"what is shorter is kept": {asked(1), 6 * time.Second, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &typewriter{refusal: c.refusal}
				ty := &typist{typing: w, store: store.OpenMemory(), log: hclog.NewNullLogger()}
				stop := ty.show(t.Context(), at("c"))
				time.Sleep(c.within)
				stop()
				ty.shown.Wait()
				if n := w.shown.Load(); n != c.want {
					t.Errorf("asked %d times in %s, want %d", n, c.within, c.want)
				}
			})
		})
	}
}

// TestAPauseOutlivesARestart: another run, and another process, ask no earlier; other conversations do not wait.
func TestAPauseOutlivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := store.OpenMemory()
		refusal := &wit.Error{Code: wit.CodeRateLimited, Retryable: true, RetryAfter: new(int64(600_000))}
		show := func(to string, d time.Duration) int64 {
			w := &typewriter{refusal: refusal}
			ty := &typist{typing: w, store: st, log: hclog.NewNullLogger()}
			stop := ty.show(t.Context(), at(to))
			time.Sleep(d)
			stop()
			ty.shown.Wait()
			return w.shown.Load()
		}
		for _, c := range []struct {
			to   string
			d    time.Duration
			want int64
		}{{"c", time.Minute, 1}, {"c", 8 * time.Minute, 0}, {"other", time.Second, 1}, {"c", time.Minute + time.Second, 1}} {
			if n := show(c.to, c.d); n != c.want {
				t.Errorf("%s: asked %d times in %s, want %d", c.to, n, c.d, c.want)
			}
		}
	})
}

func at(conversation string) *message.Origin {
	return &message.Origin{Channel: "chat", Account: "main", Conversation: &wit.Conversation{ID: conversation}}
}

// TestPausesAreForgotten when they are over, and nothing is shown to nobody.
func TestPausesAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := store.OpenMemory()
		ty := &typist{typing: &typewriter{}, store: st, log: hclog.NewNullLogger()}
		for _, c := range []string{"a", "b", "c"} {
			ty.keepQuiet(t.Context(), at(c), time.Now().Add(time.Minute))
			time.Sleep(40 * time.Second)
		}
		var kept []string
		if err := st.View(t.Context(), func(tx store.Tx) error {
			for row, err := range quietTable.Scan(tx, store.Range{}) {
				if err != nil {
					return err
				}
				kept = append(kept, row.Key)
			}
			return nil
		}); err != nil || !slices.Equal(kept, []string{at("b").At().Key("b"), at("c").At().Key("c")}) {
			t.Errorf("kept %q, %v", kept, err)
		}
		ty.show(t.Context(), nil)()
		ty.show(t.Context(), &message.Origin{Channel: "chat"})()
		(&typist{store: st}).show(t.Context(), at("c"))()
		ty.shown.Wait()
	})
}
