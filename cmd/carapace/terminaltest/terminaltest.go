// Package terminaltest runs programs on a pseudo-terminal and reads their screen, for tests.
//
// It draws nothing: what a program wrote is searched as one text without its escape sequences, so a text that was
// shown once counts as shown, also when it is gone from the screen. All methods may be called from any goroutine.
package terminaltest

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/cmd/carapace/gatewaytest"
	"github.com/carapace-gateway/carapace/cmd/process/terminal"
)

// Terminal is a pseudo-terminal with a program on it.
type Terminal struct {
	master *os.File
	mu     sync.Mutex
	seen   strings.Builder // all that the program wrote
	news   chan struct{}   // holds one token when something came since the last look
	ended  chan struct{}   // closed when nothing more comes
}

// escapes are the sequences that move the cursor, colour text and set modes.
var escapes = regexp.MustCompile(`\x1b(\[[0-9;?]*[A-Za-z]|\][^\x07]*\x07|[=>()][0-9A-Z]?)`)

// Start starts cmd on a terminal of its own and kills it with the test.
func Start(t testing.TB, cmd *exec.Cmd) *Terminal {
	t.Helper()
	master, err := terminal.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	term := &Terminal{master: master, news: make(chan struct{}, 1), ended: make(chan struct{})}
	go term.read()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
		master.Close()
	})
	return term
}

// read keeps what the program writes, until it is gone.
func (s *Terminal) read() {
	buf := make([]byte, 4096)
	for {
		n, err := s.master.Read(buf)
		s.mu.Lock()
		s.seen.Write(buf[:n])
		s.mu.Unlock()
		select {
		case s.news <- struct{}{}:
		default:
		}
		if err != nil {
			close(s.ended)
			return
		}
	}
}

// AwaitEnd waits until the program is gone, gatewaytest.Patience at most.
func (s *Terminal) AwaitEnd(t testing.TB) {
	t.Helper()
	select {
	case <-s.ended:
	case <-time.After(gatewaytest.Patience):
		t.Fatalf("the program did not end; it showed:\n%s", s.Raw())
	}
}

// Raw is all that the program wrote, with its escape sequences.
func (s *Terminal) Raw() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen.String()
}

// Await waits until the screen has shown text, gatewaytest.Patience at most.
func (s *Terminal) Await(t testing.TB, text string) {
	t.Helper()
	s.await(t, text, 0)
}

// AwaitAfter is Await for what is shown after Mark was called.
func (s *Terminal) AwaitAfter(t testing.TB, mark int, text string) {
	t.Helper()
	s.await(t, text, mark)
}

// Mark is where the screen is now, for AwaitAfter.
func (s *Terminal) Mark() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen.Len()
}

func (s *Terminal) await(t testing.TB, text string, from int) {
	t.Helper()
	deadline := time.After(gatewaytest.Patience)
	for {
		s.mu.Lock()
		seen := escapes.ReplaceAllString(s.seen.String()[from:], "")
		s.mu.Unlock()
		if strings.Contains(seen, text) {
			return
		}
		select {
		case <-s.news:
		case <-deadline:
			t.Fatalf("the screen never showed %q; it showed:\n%s", text, seen)
		}
	}
}

// Type presses keys; "\r" is enter.
func (s *Terminal) Type(t testing.TB, text string) {
	t.Helper()
	if _, err := s.master.WriteString(text); err != nil {
		t.Fatal(err)
	}
}
