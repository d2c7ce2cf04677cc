// Package logs is where every line of the gateway ends: on the console for whoever watches it start,
// and in a ring buffer that clients tail, where each line is JSON. Both get the line after secrets have been
// removed from it.
//
// New gives an hclog.Logger; packages take it as a parameter and name it. A Log is safe for
// concurrent use and never makes the caller wait for a reader.
package logs

import (
	"encoding/json"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of the ring: bytes in all, and bytes of one line.
const (
	ringBytes = 1 << 20
	lineBytes = 8 << 10
)

// Config says what is written where.
type Config struct {
	// Level is trace, debug, info, warn or error; empty is info.
	Level string
	// JSON writes JSON lines to Console rather than text.
	JSON bool
	// Console gets each line; nil is nowhere.
	Console io.Writer
}

// Log is the sink of all lines of one kernel.
type Log struct {
	logger  hclog.Logger
	redact  func(string) string
	mu      sync.Mutex
	console io.Writer
	lines   []string
	bytes   int
	// end is how many bytes of lines have ever been written; start is where lines[0] begins.
	start, end int64
	waiters    map[chan struct{}]bool
}

// New makes the sink. Errors: CodeInvalid for an unknown level.
func New(c Config) (*Log, error) {
	level := levelOf(c.Level)
	if level == hclog.NoLevel {
		return nil, wit.Errorf(wit.CodeInvalid, "log level %q must be one of trace, debug, info, warn, error", c.Level)
	}
	l := &Log{console: c.Console, redact: func(s string) string { return s }, waiters: map[chan struct{}]bool{}}
	logger := hclog.NewInterceptLogger(&hclog.LoggerOptions{Level: level, Output: console{l}, JSONFormat: c.JSON, TimeFormat: timeFormat})
	logger.RegisterSink(l)
	l.logger = logger
	return l, nil
}

func levelOf(name string) hclog.Level {
	if name == "" {
		return hclog.Info
	}
	return hclog.LevelFromString(name)
}

// SetLevel changes the level of all loggers, at once, and says so; an unknown one changes nothing.
func (l *Log) SetLevel(name string) {
	level := levelOf(name)
	if level == hclog.NoLevel || level == l.logger.GetLevel() {
		return
	}
	l.logger.SetLevel(min(level, hclog.Info)) // for this line
	l.logger.Info("log level changed", "level", level.String())
	l.logger.SetLevel(level)
}

// Logger is what the kernel logs with.
func (l *Log) Logger() hclog.Logger { return l.logger }

// Redact sets what removes secrets from a line; it is called once, while the kernel is put together.
func (l *Log) Redact(fn func(string) string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.redact = fn
}

// Accept implements hclog.SinkAdapter: it keeps a line for clients. The logger hands over those below its level too.
func (l *Log) Accept(name string, level hclog.Level, message string, details ...any) {
	if level < l.logger.GetLevel() {
		return
	}
	text := say(message, details)
	l.mu.Lock()
	defer l.mu.Unlock()
	raw, err := json.Marshal(newLine(time.Now(), name, level, text, l.redact))
	if err != nil {
		return // it is four texts
	}
	l.append(string(raw))
	for w := range l.waiters {
		select {
		case w <- struct{}{}:
		default:
		}
	}
}

// console is where the logger writes lines for whoever watches the gateway.
type console struct{ log *Log }

// Write takes one entry from the logger and makes it one line, whatever somebody else's text in it holds: no part of
// it looks like another entry, or steers the terminal that shows it.
func (c console) Write(p []byte) (int, error) {
	l := c.log
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.console == nil {
		return len(p), nil
	}
	line := plain.Line(l.redact(strings.TrimRight(string(p), "\n")))
	if len(line) > lineBytes {
		line = strings.ToValidUTF8(line[:lineBytes], "") + "…"
	}
	_, _ = io.WriteString(l.console, line+"\n") // a closed console must not stop the gateway
	return len(p), nil
}

func (l *Log) append(line string) {
	l.lines = append(l.lines, line)
	l.bytes += len(line) + 1
	l.end += int64(len(line)) + 1
	drop := 0
	for l.bytes > ringBytes {
		l.bytes -= len(l.lines[drop]) + 1
		l.start += int64(len(l.lines[drop])) + 1
		drop++
	}
	clear(l.lines[:drop]) // so that nothing keeps them
	l.lines = l.lines[drop:]
}
