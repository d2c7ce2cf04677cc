package runtime

import (
	"bytes"
	"strings"

	"github.com/hashicorp/go-hclog"
)

// Bounds on what a guest writes.
const (
	maxLogLine  = 4 << 10
	maxLogLines = 1_000 // per call
	maxTail     = 16 << 10
)

// console is what a guest has written in one call.
type console struct {
	lines    int    // logged so far
	stderr   string // its first line there, which is where language runtimes say why they gave up
	last     []byte // its last lines there, which is where they say from where
	out, err lineBuffer
}

// keep adds a line of stderr to the last ones. Those that are too many go when they are as many again, so that a line
// costs its own length.
func (c *console) keep(line []byte) {
	if c.stderr == "" {
		c.stderr = strings.ToValidUTF8(string(line), "\uFFFD")
	}
	c.last = append(append(c.last, line...), '\n')
	if len(c.last) > 2*maxTail {
		c.last = append(c.last[:0], wholeLines(c.last)...)
	}
}

// tail is what the guest wrote to stderr last, in whole lines.
func (c *console) tail() string {
	return strings.TrimSuffix(strings.ToValidUTF8(string(wholeLines(c.last)), "\uFFFD"), "\n")
}

// wholeLines is the end of a text, as many of its lines as maxTail has room for.
func wholeLines(text []byte) []byte {
	if len(text) <= maxTail {
		return text
	}
	cut := len(text) - maxTail
	return text[cut+bytes.IndexByte(text[cut-1:], '\n'):]
}

// lineBuffer gathers what a guest writes to stdout or stderr into lines.
type lineBuffer struct {
	b []byte
}

// log hands one line to the plugin's log, within bounds.
func (c *call) log(level hclog.Level, line []byte) {
	c.check()
	if c.console.lines++; c.console.lines > maxLogLines {
		return
	}
	f := c.plugin.spec.Log
	if f == nil {
		return
	}
	text := clip(strings.ToValidUTF8(string(line[:min(len(line), maxLogLine+1)]), "\uFFFD"), maxLogLine-len("…"))
	if c.console.lines == maxLogLines {
		level, text = hclog.Warn, "too many log lines in one call; the rest is dropped"
	}
	f(level, text)
}

// write logs the lines that b ends, and keeps what is left for the next write.
func (c *call) write(l *lineBuffer, level hclog.Level, b []byte) {
	for len(b) > 0 {
		end := bytes.IndexByte(b, '\n')
		part := b
		if end >= 0 {
			part, b = b[:end], b[end+1:]
		} else {
			b = nil
		}
		l.b = append(l.b, part[:min(len(part), maxLogLine-len(l.b))]...)
		if end >= 0 {
			c.endLine(l, level)
		}
	}
}

func (c *call) endLine(l *lineBuffer, level hclog.Level) {
	if len(l.b) == 0 {
		return
	}
	if level == hclog.Warn {
		c.console.keep(l.b)
	}
	b := l.b
	l.b = nil
	c.log(level, b)
}

// flush hands over lines that were not ended. The call is over, so nothing may stop the guest.
func (c *call) flush() {
	if len(c.console.out.b)+len(c.console.err.b) == 0 {
		return
	}
	defer func() {
		if r := recover(); r != nil && r != any(errHalted) {
			panic(r)
		}
	}()
	halt := c.halt
	defer func() { c.halt = halt }()
	c.endLine(&c.console.out, hclog.Info)
	c.endLine(&c.console.err, hclog.Warn)
}

// reason is the first line that the guest wrote to stderr, and why it could not grow, as the end of an error message.
func (c *call) reason() (text string) {
	if c.console.stderr != "" {
		text = ": " + clip(c.console.stderr, 256)
	}
	if c.room.refused != "" {
		text += "; it got no more memory: " + c.room.refused
	}
	return text
}

// clip cuts s to n bytes and says so.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
