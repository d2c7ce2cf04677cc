package irc

import (
	"strings"
	"unicode/utf8"
)

// A line has 512 bytes, with its end, and with what the server puts in front of it for others ("Message Format").
const (
	lineBytes   = 512
	longestHost = 10 + 1 + 63 // user@host, while it is not known
	leastRoom   = 64          // for text, whatever the names are
)

// room is how many bytes of text a line to the chat has place for: `:nick!user@host PRIVMSG to :text`.
func (c *chat) room() int {
	host := max(len(c.state.host), longestHost)
	if c.state.host != "" {
		host = len(c.state.host)
	}
	return max(lineBytes-len(":! PRIVMSG  :\r\n")-len(c.state.nick)-host-len(c.to), leastRoom)
}

// split cuts a text into lines of at most so many bytes: at a space in the last third, else between characters. What was
// switched on by a code and not off again goes on in the next line. A text in which nothing can be seen gives no line.
func split(text string, room int) []string {
	var lines []string
	on := ""
	for {
		text = on + text
		if len(text) <= room {
			break
		}
		end := cutAt(text, room)
		line := text[:end]
		on, text = openCodes(line), strings.TrimLeft(text[end:], " ")
		lines = append(lines, strings.TrimRight(line, " "))
	}
	if strings.TrimSpace(plain(text)) != "" {
		lines = append(lines, strings.TrimRight(text, " "))
	}
	return lines
}

// cutAt is where a line of at most room bytes ends. It is never 0.
func cutAt(text string, room int) int {
	if i := strings.LastIndexByte(text[:room+1], ' '); i > room*2/3 {
		return i
	}
	end := room
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return max(end, 1)
}

// openCodes are those that are on at the end of a line.
func openCodes(line string) string {
	on := ""
	for i := range len(line) {
		c := line[i]
		switch {
		case c == codeReset:
			on = ""
		case strings.IndexByte(toggles, c) < 0:
		case strings.IndexByte(on, c) >= 0:
			on = strings.ReplaceAll(on, string(rune(c)), "")
		default:
			on += string(rune(c))
		}
	}
	return on
}
