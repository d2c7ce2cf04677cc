package kernel_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestALongAnswerArrivesInPieces that fit the platform, in order, each with a key of its own.
func TestALongAnswerArrivesInPieces(t *testing.T) {
	t.Parallel()
	p := kerneltest.NewPlatform(t)
	var words []string
	for i := range 2000 {
		words = append(words, fmt.Sprint("word", i))
	}
	long := strings.Join(words, " ")
	k := kerneltest.Start(t, account(t, p, openToAll), kerneltest.Plugin(kerneltest.Channel("chat"),
		kerneltest.Provider("brain", func(context.Context, *wit.Chat) (*wit.ProviderAnswer, error) { return kerneltest.Says(long), nil })))
	setToken(k.Listen())
	p.Refuse(1, 429)
	p.Say("ann", "tell me everything")
	var got []string
	p.Until("all of it is posted", func(posts []kerneltest.Post) bool {
		got = nil
		for _, q := range posts {
			if !q.Refused {
				got = append(got, q.Text)
			}
		}
		return len(strings.Fields(strings.Join(got, " "))) >= len(words)
	})
	if all := strings.Join(strings.Fields(strings.Join(got, " ")), " "); all != long || len(got) < 4 {
		t.Errorf("%d pieces, %d of %d bytes", len(got), len(all), len(long))
	}
	keys := map[string]bool{}
	for _, q := range p.Posts() {
		if len(q.Text) > 4000 || keys[q.Key] && !q.Repeated && !q.Refused && q.Key != p.Posts()[0].Key {
			t.Errorf("a piece of %d bytes with the key %s", len(q.Text), q.Key)
		}
		keys[q.Key] = true
	}
}
