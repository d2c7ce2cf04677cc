package wire

import "unicode/utf8"

// Close codes of the WebSocket that the gateway uses.
const (
	// CloseNormal ends a connection that said nothing it could be answered for.
	CloseNormal = 1000
	// CloseAway ends connections that seem to be dead.
	CloseAway = 1001
	// CloseProtocol is for a range of protocols without a common number.
	CloseProtocol = 1002
	// CloseUnsupported is for binary messages.
	CloseUnsupported = 1003
	// CloseNotText is for text that is not UTF-8.
	CloseNotText = 1007
	// ClosePolicy is for everything that a client must not do: wrong credentials, floods, not reading.
	ClosePolicy = 1008
	// CloseTooBig is for a frame above the limit that names no request, or that does not end.
	CloseTooBig = 1009
	// CloseRestart ends connections when the gateway stops: the client may come back.
	CloseRestart = 1012
)

// MaxReason is how many bytes of a close frame's reason fit.
const MaxReason = 123

// Reason cuts s to what fits a close frame, between characters.
func Reason(s string) string {
	if len(s) <= MaxReason {
		return s
	}
	n := MaxReason
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
