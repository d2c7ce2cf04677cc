package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// TestTheEndOfABody: an end that comes after the model's own is said to the provider as one, whatever it was.
func TestTheEndOfABody(t *testing.T) {
	for sent, want := range map[string]string{"a\nstop\n": "head a stop end <nil>", "a\n": "head a end unavailable unavailable", "": "head end unavailable unavailable"} {
		synctest.Test(t, func(t *testing.T) {
			r, w := io.Pipe()
			go func() {
				_, _ = io.WriteString(w, sent)
				_ = w.CloseWithError(errors.New("reset"))
			}()
			p := &codec{body: r}
			a, err := request(t.Context(), p, &wit.Chat{}, func(wit.Delta) {})
			got := strings.Join(p.calls, " ")
			if err == nil {
				got += " <nil>"
			} else {
				got += " " + string(wit.CodeOf(err))
			}
			if got != want || err != nil && !a.broken {
				t.Errorf("%q: %s, broken %t", sent, got, a.broken)
			}
		})
	}
}

// TestASlowModel may take its time between its words: only what follows its end is waited for so long.
func TestASlowModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		go func() {
			for _, text := range []string{"a\n", "b\n", "c\n", "stop\n"} {
				_, _ = io.WriteString(w, text)
				time.Sleep(4 * time.Second)
			}
			_ = w.Close()
		}()
		a, err := request(t.Context(), &codec{body: r}, &wit.Chat{}, func(wit.Delta) {})
		if err != nil || a.text != "abc" {
			t.Errorf("%q, %v", a.text, err)
		}
	})
}

// forgetful is a provider that says nothing of some events, and of its state only what is new.
type forgetful struct {
	codec
	states []string
}

func (f *forgetful) Chunk(_ context.Context, c *wit.ProviderChunk) (*wit.ProviderAnswer, error) {
	f.states = append(f.states, string(c.State))
	switch len(f.states) {
	case 1:
		return &wit.ProviderAnswer{State: wit.JSON(`1`)}, nil
	case 2:
		return nil, nil
	case 3:
		return &wit.ProviderAnswer{Deltas: []wit.Delta{{Text: "x"}}}, nil
	}
	return &wit.ProviderAnswer{Stop: new(wit.StopReasonEnd), State: wit.JSON(`2`)}, nil
}

// numbers are lines, each so long before the next.
func numbers(n int, gap time.Duration) io.ReadCloser {
	r, w := io.Pipe()
	go func() {
		for i := range n {
			_, _ = fmt.Fprintln(w, i)
			time.Sleep(gap)
		}
		_ = w.Close()
	}()
	return r
}

// TestAProvidersState is what it said last.
func TestAProvidersState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &forgetful{codec: codec{body: numbers(4, time.Second)}}
		a, err := request(t.Context(), f, &wit.Chat{}, func(wit.Delta) {})
		if got := strings.Join(f.states, ","); err != nil || a.text != "x" || got != ",1,1,1,2" {
			t.Errorf("states %q, %q, %v", got, a.text, err)
		}
	})
}

// TestFirstWordsAreNotGathered, also if something came before them that was none.
func TestFirstWordsAreNotGathered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var at []time.Duration
		if _, err := request(t.Context(), &forgetful{codec: codec{body: numbers(4, time.Millisecond)}}, &wit.Chat{}, func(wit.Delta) { at = append(at, time.Since(start)) }); err != nil {
			t.Error(err)
		}
		if len(at) != 1 || at[0] != 2*time.Millisecond {
			t.Errorf("words at %v", at)
		}
	})
}

// TestAStreamThatIsGivenUp, while the provider works on what came, is no failure of the provider.
func TestAStreamThatIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		go func() { _, _ = io.WriteString(w, "a\n") }()
		ctx, cancel := context.WithCancelCause(t.Context())
		enough := errors.New("enough")
		time.AfterFunc(time.Second, func() { cancel(enough) })
		_, err := request(ctx, impatient{&codec{body: r}}, &wit.Chat{}, func(wit.Delta) {})
		if wit.CodeOf(err) != wit.CodeTimeout || !errors.Is(err, enough) {
			t.Error(err)
		}
	})
}

// impatient is a provider whose calls end with their context.
type impatient struct{ *codec }

func (i impatient) Chunk(ctx context.Context, _ *wit.ProviderChunk) (*wit.ProviderAnswer, error) {
	<-ctx.Done()
	return nil, wit.NewError(wit.CodeUnavailable, "the plugin was interrupted")
}
