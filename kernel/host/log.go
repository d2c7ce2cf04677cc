package host

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/wit"
)

// Log is a plugin's part of the gateway's log. All versions of the plugin write to the same one, so that an upgrade
// gives it no new allowance.
type Log struct {
	out     hclog.Logger // named after the plugin
	redact  func(string) string
	leaks   func(string)
	rate    *bucket
	dropped atomic.Int64 // lines since the last one that was written
	faults  *bucket
	missed  atomic.Int64 // faults since the last one that was written
}

// Bounds on the faults of a plugin that are logged: one that fails in a loop is not to push others' lines out of the log.
const (
	faultsPerSecond = 0.2
	faultBurst      = 20
	faultLines      = 12 // of where one comes from
)

func newLog(out hclog.Logger, redact func(string) string, leaks func(string)) *Log {
	return &Log{out: out, redact: redact, leaks: leaks, rate: newBucket(wit.LimitLogPerSecond, wit.LimitLogBurst),
		faults: newBucket(faultsPerSecond, faultBurst)}
}

// Redact returns a text of the plugin's without secrets.
func (l *Log) Redact(text string) string { return l.redact(text) }

// Write is the guest's. A line too many is dropped and no error: a plugin that is told so would log that too.
func (l *Log) Write(_ context.Context, line *wit.LogLine) {
	l.Line(hclog.LevelFromString(string(line.Level)), line.Message)
}

// Line writes a line of the plugin's: cut at the contract's bound, and dropped when the plugin writes more than its
// rate for long. How many were dropped is said before the next one that is not. A level that is none is info.
func (l *Log) Line(level hclog.Level, message string) {
	if level == hclog.NoLevel {
		level = hclog.Info
	}
	if l.rate.take() > 0 {
		l.dropped.Add(1)
		return
	}
	if n := l.dropped.Swap(0); n > 0 {
		l.out.Warn("log lines dropped: the plugin writes too many", "lines", n)
	}
	l.leaks(message)
	l.out.Log(level, shown(l.redact, message, wit.LogLineMessageCut))
}

// Fault says what the gateway saw go wrong with the plugin, and in further lines where. That has a rate of its own: a plugin
// that has used up its lines, or logs nothing at all, is heard of too. How many were left out is said with the next one.
func (l *Log) Fault(level hclog.Level, message string, where ...string) {
	if l.faults.take() > 0 {
		l.missed.Add(1)
		return
	}
	if n := l.missed.Swap(0); n > 0 {
		l.out.Warn("errors left out: the plugin fails too often", "errors", n)
	}
	for _, line := range append([]string{message}, where[:min(len(where), faultLines)]...) {
		l.leaks(line)
		l.out.Log(level, shown(l.redact, line, wit.LogLineMessageCut))
	}
}

// Refused logs what was refused to the plugin, if that is what err is of; others are the plugin's to judge. An author has to see
// it also where the plugin goes on without.
func (l *Log) Refused(what string, err error) {
	if wit.CodeOf(err) == wit.CodeForbidden && !errors.Is(err, errNoLinks) {
		l.Fault(hclog.Warn, what+" was refused: "+err.Error())
	}
}

// Detail logs at the level debug, at the rate of the plugin's own lines.
func (l *Log) Detail(message string) {
	if l.out.IsDebug() {
		l.Line(hclog.Debug, message)
	}
}

// shown is a guest's text as others see it: without secrets, and cut at a number of bytes.
func shown(redact func(string) string, text string, most int) string {
	// Secrets go first: what is left of one that was cut is not recognized any more.
	if text = redact(text); len(text) > most {
		text = text[:most] + "…"
	}
	// A guest's bytes are anybody's, and a cut may fall into a character.
	return strings.ToValidUTF8(text, "�")
}
