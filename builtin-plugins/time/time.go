// Package clock is the plugin `time`: a tool that knows the time, in any zone, and calculates with
// dates.
//
// The moment comes with the call, so the same call always has the same answer. Zones follow the rules
// of zones.txt, which are the ones in force today; moments before a country last changed its rules may
// be off by an hour.
package clock

import (
	"time"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/tool"
	"github.com/carapace-gateway/carapace/wit"
)

// Tool has the tool time. The zero value is ready to use.
type Tool struct{}

// New returns the tool.
func New() tool.Tool { return Tool{} }

// Invoke runs the operation that the arguments name. What is wrong with them is told to the model.
func (Tool) Invoke(_ *sdk.Host, call *wit.ToolInvocation) (*wit.ToolOutput, error) {
	args, err := json.Parse(call.Args)
	if err != nil {
		return nil, err
	}
	text, err := answer(args, call.Context.Now, call.Context.TimeZone)
	if err != nil {
		return tool.Failed(err.Error()), nil
	}
	return tool.Text(text), nil
}

// answer does what args ask for. The owner's zone counts where they name none.
func answer(args json.Value, now int64, ownerZone string) (string, error) {
	zone, err := findZone(args.Get("zone").Text(), ownerZone)
	if err != nil {
		return "", err
	}
	moment := time.UnixMilli(now).In(zone)
	if text := args.Get("time").Text(); text != "" {
		if moment, err = parseTime(text, moment); err != nil {
			return "", err
		}
	}
	switch operation := args.Get("operation").Text(); operation {
	case "", "now":
		return "It is " + describe(time.UnixMilli(now).In(zone)) + ".", nil
	case "convert":
		return convert(moment, args, ownerZone)
	case "add":
		return add(moment, args)
	case "difference":
		return difference(moment, args, time.UnixMilli(now).In(zone))
	default:
		return "", invalid("there is no operation " + operation + ": use now, convert, add or difference")
	}
}

// invalid is an error that is told to the model: what is wrong with the arguments, and how to mend it.
func invalid(text string) error { return wit.NewError(wit.CodeInvalid, text) }

// convert says what a moment is in the zone of the argument `toZone`.
func convert(moment time.Time, args json.Value, ownerZone string) (string, error) {
	zone, err := findZone(args.Get("toZone").Text(), ownerZone)
	if err != nil {
		return "", err
	}
	return sentence(describe(moment) + " is " + describe(moment.In(zone)) + "."), nil
}

// describe writes a moment as "14:05 on Wednesday, 4 March 2026 in Asia/Tokyo (UTC+09:00)".
func describe(t time.Time) string {
	clock := "15:04"
	if t.Second() != 0 {
		clock = "15:04:05"
	}
	return t.Format(clock+" on Monday, 2 January 2006") + " in " + t.Location().String() + " (" + t.Format("UTC-07:00") + ")"
}

// layouts of moments, from the most to the least precise.
var layouts = []string{
	time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04",
	"2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02",
}

// parseTime reads a moment in the zone of now. A time alone is on the day of now.
func parseTime(text string, now time.Time) (time.Time, error) {
	for _, layout := range layouts {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t.In(now.Location()), nil
		}
	}
	if t, err := time.Parse("15:04", text); err == nil {
		return time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), 0, 0, now.Location()), nil
	}
	return time.Time{}, invalid("this is no time: " + text + "; write it as 2026-03-04T14:05, 2026-03-04 or 14:05")
}

// sentence begins with a capital. What it gets begins with ASCII.
func sentence(text string) string {
	if c := text[0]; c >= 'a' && c <= 'z' {
		return string(c-'a'+'A') + text[1:]
	}
	return text
}
