package runtime

import (
	"bytes"
	"strings"

	"github.com/hashicorp/go-hclog"
)

// log hands one line to the plugin's log, within bounds.
func (i *instance) log(level hclog.Level, line []byte) {
	i.check()
	if i.lines++; i.lines > maxLogLines {
		return
	}
	f := i.pool.spec.Log
	if f == nil {
		return
	}
	text := clip(strings.ToValidUTF8(string(line[:min(len(line), maxLogLine+1)]), "\uFFFD"), maxLogLine-len("…"))
	if i.lines == maxLogLines {
		level, text = hclog.Warn, "too many log lines in one call; the rest is dropped"
	}
	f(level, text)
}

// lineBuffer gathers what a guest writes to stdout or stderr into lines.
type lineBuffer struct {
	b []byte
}

func (i *instance) write(l *lineBuffer, level hclog.Level, b []byte) {
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
			i.line(l, level)
		}
	}
}

func (i *instance) line(l *lineBuffer, level hclog.Level) {
	if len(l.b) == 0 {
		return
	}
	if level == hclog.Warn && i.stderr == "" {
		i.stderr = strings.ToValidUTF8(string(l.b), "\uFFFD")
	}
	b := l.b
	l.b = nil
	i.log(level, b)
}

// flush hands over lines that were not ended. The call is over, so nothing may stop the guest.
func (i *instance) flush() {
	if len(i.out.b)+len(i.call.err.b) == 0 {
		return
	}
	defer func() {
		if r := recover(); r != nil && r != any(errHalted) {
			panic(r)
		}
	}()
	halt := i.halt
	defer func() { i.halt = halt }()
	i.line(&i.out, hclog.Info)
	i.line(&i.call.err, hclog.Warn)
}
