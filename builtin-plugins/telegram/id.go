package telegram

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
)

// messageID is a message's id for the kernel: "<chat>:<message>".
func messageID(chat json.Value, message string) string { return chat.Get("id").Text() + ":" + message }

// splitID takes such an id apart; a bare number is a message of whatever chat is meant.
func splitID(id string) (chat, message string) {
	if i := strings.LastIndexByte(id, ':'); i >= 0 {
		return id[:i], id[i+1:]
	}
	return "", id
}

// isNumber reports whether s is what Telegram counts messages and topics with: a whole number from 1. Such
// a string may stand in JSON as it is.
func isNumber(s string) bool {
	n, err := strconv.ParseUint(s, 10, 63)
	return err == nil && n > 0
}

// readable makes words of the name of one of Telegram's fields.
func readable(field string) string { return strings.ReplaceAll(field, "_", " ") }
