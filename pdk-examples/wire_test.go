package examples_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
)

// toy is a server of a test that a bot is connected to, and speaks over the connection.
type toy interface {
	// Said returns what the bot has said, as "to text", whether it is there, and what closes when that changes.
	Said() (said []string, in bool, changed <-chan struct{})
	Close()
}

// network is such a server with what tests wait for.
type network[T toy] struct {
	toy T
	t   *testing.T
}

func newNetwork[T toy](t *testing.T, listen func() (T, error)) network[T] {
	t.Helper()
	s, err := listen()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return network[T]{s, t}
}

// online is the settings of one account at home, with further ones of delivery.
func online(channel, account, delivery string) string {
	return fmt.Sprintf(`{"secrets":{"keyring":false},"delivery":{%s},"channels":{%q:{"accounts":{"home":{"dmPolicy":"open","config":{%s}}}}}}`,
		delivery, channel, account)
}

// until waits until what the bot has said is ok, and it is there.
func (n network[T]) until(what string, ok func(said []string) bool) {
	n.t.Helper()
	timeout := time.After(kerneltest.Patience)
	for {
		said, in, changed := n.toy.Said()
		if in && ok(said) {
			return
		}
		select {
		case <-changed:
		case <-timeout:
			n.t.Fatalf("waited in vain until %s; the bot is there: %v, and has said %q", what, in, said)
		}
	}
}

// there waits until the bot is.
func (n network[T]) there() {
	n.t.Helper()
	n.until("it is there", func([]string) bool { return true })
}

// has waits until the bot has said something so often.
func (n network[T]) has(text string, times int) {
	n.t.Helper()
	n.until(fmt.Sprintf("it has said %q %d times", text, times), func(said []string) bool { return times <= countOf(said, text) })
}

func countOf(said []string, text string) (n int) {
	for _, s := range said {
		if s == text {
			n++
		}
	}
	return n
}

// only fails if the bot has said something else than this.
func (n network[T]) only(want ...string) {
	n.t.Helper()
	if said, _, _ := n.toy.Said(); !slices.Equal(said, want) {
		n.t.Errorf("the bot has said %q, not %q", said, want)
	}
}

// messages lists the outgoing messages of a state.
func messages(l *kerneltest.Listener, state string) (texts []string) {
	var list struct {
		Messages []struct{ ID, State string }
	}
	l.MustCall("delivery.list", map[string]any{"state": state}, &list)
	for _, m := range list.Messages {
		texts = append(texts, m.ID)
	}
	return texts
}

// finished waits until so many messages are of a state.
func finished(l *kerneltest.Listener, state string, n int) []string {
	var list []string
	l.Until(fmt.Sprintf("%d messages are %s", n, state), func([]kerneltest.Event) bool {
		list = messages(l, state)
		return len(list) >= n
	})
	return list
}
