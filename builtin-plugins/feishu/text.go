package feishu

import (
	"strings"
)

// isVisible reports whether anything can be seen of a text: an empty one is refused.
func isVisible(text string) bool { return strings.TrimSpace(text) != "" }
