package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/carapace-gateway/carapace/cmd/process/terminal"
	"github.com/carapace-gateway/carapace/kernel/plugin"
)

const (
	// forgedLine is what another subsystem would log on a day on which no gateway ran.
	forgedLine = "2001-01-01T00:00:00.000Z [ERROR] auth: everybody may come in"
	// forged is what a plugin writes: the line, where a new one, the same one again or a cleared screen would begin, and
	// what turns text round, rings, and names the window.
	forged = "harmless\n" + forgedLine + "\r" + forgedLine + "\x1b[2J\x1b[H" + forgedLine + "\u2028" + forgedLine +
		"\x1b]0;owned\x07\b\b\u009b31m\u202e"
	// forgedLines is how often in a call.
	forgedLines = 50
)

// forges has a plugin write lines that look like another subsystem's, and looks for them wherever its owner would.
func forges(ctx context.Context, g *gateway, name string) (string, error) {
	return g.with(name, toolPlugin(forger(), forgedWords), func(plugin.Status) (string, error) {
		if _, err := g.callUntil(ctx, name, "harmless"); err != nil {
			return "", err
		}
		return g.seen(name)
	}, usable...)
}

// seen looks at what an owner sees: in the gateway's own log, in a pipe and on a terminal.
func (g *gateway) seen(name string) (string, error) {
	written, err := judge("the gateway's log", g.log.String(), name)
	if err != nil {
		return "", err
	}
	views := [][]string{{"logs", "--limit", "5000"}, {"plugins", "list"}, {"plugins", "info", name}, {"plugins", "call", name, toolName(name), "{}"}}
	for _, view := range views {
		for _, show := range []func(context.Context, []string) (string, error){g.piped, g.shown} {
			text, err := show(context.Background(), view)
			if errors.Is(err, errors.ErrUnsupported) {
				continue // no terminals are made here
			}
			if err != nil {
				return "", fmt.Errorf("%s: %w", view, err)
			}
			if _, err := judge(strings.Join(view, " "), text, name); err != nil {
				return "", err
			}
		}
	}
	return fmt.Sprintf("%d lines in its log, all under the plugin's name, and as harmless in `carapace logs`, in a pipe and on a terminal", written), nil
}

// viewWithin is how long a command may take.
const viewWithin = time.Minute

// piped is what a command of the gateway's binary writes.
func (g *gateway) piped(ctx context.Context, arguments []string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, viewWithin)
	defer cancel()
	out, _ := g.Command(ctx, arguments...).CombinedOutput() // a call that fails is looked at as well
	return string(out), ctx.Err()
}

// shown is what it shows on a terminal.
func (g *gateway) shown(ctx context.Context, arguments []string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, viewWithin)
	defer cancel()
	cmd := g.Command(ctx, arguments...)
	screen, err := terminal.Start(cmd)
	if err != nil {
		return "", err
	}
	defer screen.Close()
	out, _ := io.ReadAll(screen) // ends with the program
	_ = cmd.Wait()
	return strings.ReplaceAll(string(out), "\r\n", "\n"), ctx.Err()
}

// genuine is how the gateway begins a line of its log.
var genuine = regexp.MustCompile(`^20[0-9-]{8}T[0-9:.]{12}Z \[[A-Z]+\] +([a-z.-]+): `)

// judge looks for what was forged in a text that the gateway or its commands have written, and counts the plugin's lines.
func judge(where, text, name string) (written int, err error) {
	if !strings.Contains(text, forgedLine) && !strings.HasPrefix(where, "plugins list") {
		return 0, fmt.Errorf("%s shows nothing of what the plugin wrote:\n%.500s", where, text)
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if at := strings.IndexFunc(line, steers); at >= 0 {
			return 0, fmt.Errorf("%s has %q in the line %.200q", where, line[at:min(at+4, len(line))], line)
		}
		if strings.HasPrefix(strings.TrimSpace(line), forgedLine[:10]) {
			return 0, fmt.Errorf("%s has the forged line %.200q", where, line)
		}
		if m := genuine.FindStringSubmatch(line); m != nil && strings.Contains(line, forgedLine) {
			if !strings.Contains(m[1]+line, name) {
				return 0, fmt.Errorf("%s has a forged line under the name %s: %.200q", where, m[1], line)
			}
			written++
		}
	}
	return written, nil
}

// steers reports whether a character does something to a terminal rather than to be shown: a control one, the end of a
// line or paragraph, or one of those that turn text round.
func steers(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
}

// journal is all that the gateway has logged. It is safe for concurrent use.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

// String is all of it.
func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}
