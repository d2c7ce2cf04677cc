package discord

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
)

// readable is a message's text as people see it. Discord's markup is Markdown already; what only its programs can read is
// written out: names in place of ids, emoji, times ("Message Formatting").
func (a *answer) readable(d json.Value) string { return a.words(d.Get("content").Text(), d) }

// words is readable for a text of a message.
func (a *answer) words(text string, d json.Value) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "<")
		if b.WriteString(before); !found {
			return b.String()
		}
		text = rest
		inside, after, closed := strings.Cut(rest, ">")
		if closed && len(inside) < 128 {
			if shown, ok := a.shown(inside, d); ok {
				b.WriteString(shown)
				text = after
				continue
			}
		}
		b.WriteByte('<')
	}
}

// shown is what is seen of something in angle brackets; not ok for what is a text like any other.
func (a *answer) shown(inside string, d json.Value) (shown string, ok bool) {
	if role, is := strings.CutPrefix(inside, "@&"); is && isID(role) {
		if a.State.hasRole(d.Get("guild_id").Text(), role) {
			return "@" + a.State.me.label(), true
		}
		return "@role", true
	}
	if user, is := strings.CutPrefix(inside, "@"); is {
		return a.nameOf(strings.TrimPrefix(user, "!"), d)
	}
	if channel, is := strings.CutPrefix(inside, "#"); is && isID(channel) {
		if p := a.State.place(channel); p != nil && p.name != "" {
			return "#" + p.name, true
		}
		return "", false // Discord shows it, should the model say it again
	}
	if command, is := strings.CutPrefix(inside, "/"); is {
		name, id, _ := strings.Cut(command, ":")
		return "/" + name, isID(id)
	}
	if moment, is := strings.CutPrefix(inside, "t:"); is {
		number, _, _ := strings.Cut(moment, ":")
		unix, err := strconv.ParseInt(number, 10, 64)
		return dateTime(unix), err == nil && unix >= 0 && unix < 1<<38
	}
	return emojiName(inside)
}

// nameOf is somebody's name in a message that mentions them.
func (a *answer) nameOf(id string, d json.Value) (shown string, ok bool) {
	if !isID(id) {
		return "", false
	}
	for user := range d.Get("mentions").Items() {
		if user.Get("id").Text() == id {
			return "@" + readMember(user, user.Get("member")).label(), true
		}
	}
	if id == a.State.me.id {
		return "@" + a.State.me.label(), true
	}
	return "", false
}

// emojiName is what a guild's own emoji is called: `:name:id`, or `a:name:id` where it moves.
func emojiName(inside string) (shown string, ok bool) {
	rest, still := strings.CutPrefix(inside, ":")
	if !still {
		rest, still = strings.CutPrefix(inside, "a:")
	}
	name, id, found := strings.Cut(rest, ":")
	return ":" + name + ":", still && found && isID(id) && isWord(name)
}

// dateTime writes a Unix time, in seconds, as a date and time of UTC.
func dateTime(unix int64) string {
	days, rest := unix/86_400, unix%86_400
	// The calendar repeats itself every 400 years; counted from March, the leap day is a year's last.
	z := days + 719_468
	era, day := z/146_097, z%146_097
	year := (day - day/1_460 + day/36_524 - day/146_096) / 365
	day -= 365*year + year/4 - year/100
	month := (5*day + 2) / 153
	day -= (153*month + 2) / 5
	year += era * 400
	if month += 3; month > 12 {
		month, year = month-12, year+1
	}
	return strconv.FormatInt(year, 10) + "-" + two(month) + "-" + two(day+1) + " " + two(rest/3600) + ":" + two(rest/60%60) + " UTC"
}

// two writes a number with two digits.
func two(n int64) string {
	if n < 10 {
		return "0" + strconv.FormatInt(n, 10)
	}
	return strconv.FormatInt(n, 10)
}
