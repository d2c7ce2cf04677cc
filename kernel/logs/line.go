package logs

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/plain"
)

// Line is a line of the log as clients of both protocols read it, in JSON.
type Line struct {
	// Source names the subsystem, in JSON: {"subsystem":"agent"}.
	Source string `json:"0"`
	// Text is the message and its details.
	Text string `json:"1"`
	Meta Meta   `json:"_meta"`
	// Time is when, to the millisecond: 2026-01-31T09:00:00.000Z.
	Time string `json:"time"`
}

// Meta is what clients filter lines by.
type Meta struct {
	Name string `json:"name"`
	Date string `json:"date"`
	// Level is TRACE, DEBUG, INFO, WARN or ERROR.
	Level string `json:"logLevelName"`
}

// gateway is the subsystem of lines that no other one has written.
const gateway = "gateway"

type source struct {
	Subsystem string `json:"subsystem"`
}

// timeFormat is how lines write when they were made.
const timeFormat = "2006-01-02T15:04:05.000Z07:00"

// newLine makes a line. clean takes secrets out of what it says.
func newLine(at time.Time, name string, level hclog.Level, text string, clean func(string) string) Line {
	if name == "" {
		name = gateway
	}
	if text = plain.Line(clean(text)); len(text) > lineBytes {
		text = strings.ToValidUTF8(text[:lineBytes], "") + "…"
	}
	raw, err := json.Marshal(source{plain.Line(name)})
	if err != nil {
		raw = []byte("{}")
	}
	when := at.Format(timeFormat)
	return Line{string(raw), text, Meta{string(raw), when, strings.ToUpper(level.String())}, when}
}

// ParseLine reads what logs.tail gives out; false says that it is no line of this log.
func ParseLine(text string) (l Line, ok bool) {
	return l, json.Unmarshal([]byte(text), &l) == nil && l.Time != ""
}

// From is the part of the gateway that has said it, such as plugin.calc.
func (l Line) From() string {
	var from source
	_ = json.Unmarshal([]byte(l.Source), &from) // a line of others has no such name
	return from.Subsystem
}

// String is the line for people: when, how bad, who, what.
func (l Line) String() string {
	who := l.From() + ": "
	if l.From() == gateway {
		who = ""
	}
	return fmt.Sprintf("%s %-7s %s%s", l.Time, "["+l.Meta.Level+"]", who, l.Text)
}

// say writes a message with its details: listening: port=1 bind="a b".
func say(message string, details []any) string {
	var b strings.Builder
	b.WriteString(message)
	for i := 0; i < len(details); i += 2 {
		if i == 0 {
			b.WriteByte(':')
		}
		if i+1 == len(details) {
			fmt.Fprintf(&b, " %s", value(details[i]))
			break
		}
		fmt.Fprintf(&b, " %v=%s", details[i], value(details[i+1]))
	}
	return b.String()
}

// value writes a detail so that it can be told from what stands behind it.
func value(v any) string {
	text := fmt.Sprint(v)
	if text == "" || strings.ContainsAny(text, " =\"\n\t") {
		return strconv.Quote(text)
	}
	return text
}
