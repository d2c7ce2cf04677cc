package discord

import (
	"strconv"
	"strings"
)

// messageID is a message's id for the kernel: "<channel>:<message>".
func messageID(channel, message string) string { return channel + ":" + message }

// splitID takes such an id apart; a bare number is a message of whatever channel is meant.
func splitID(id string) (channel, message string) {
	channel, message, found := strings.Cut(id, ":")
	if !found {
		return "", id
	}
	return channel, message
}

// isID reports whether s is what Discord names things with: a whole number (Snowflakes). Such a string may stand in a URL
// and in JSON as it is.
func isID(s string) bool {
	n, err := strconv.ParseUint(s, 10, 64)
	return err == nil && n > 0 && s[0] != '+'
}

// isWord reports whether s, which Discord has made up, may stand in a URL or a frame as it is.
func isWord(s string) bool {
	for _, c := range []byte(s) {
		ok := c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '_' || c == '.' || c == '='
		if !ok {
			return false
		}
	}
	return s != ""
}

// epoch is the first moment that ids can tell, in milliseconds since 1970: 2015 (Snowflake ID Format).
const epoch = 1_420_070_400_000

// timeOf is when something was made, by its id, in milliseconds since 1970; 0 for what is no id.
func timeOf(id string) int64 {
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return 0
	}
	return int64(n>>22) + epoch
}
