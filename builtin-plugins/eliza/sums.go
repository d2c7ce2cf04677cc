package eliza

import "strings"

// cues come before a sum that is meant to be worked out.
var cues = []string{
	"what is", "what's", "what does", "how much is", "how much are", "calculate", "compute", "work out",
	"evaluate", "solve", "can you tell me", "tell me",
}

// spoken operators, the longer first.
var spoken = []struct{ said, sign string }{
	{" to the power of ", "^"}, {" multiplied by ", "*"}, {" divided by ", "/"}, {" times ", "*"},
	{" plus ", "+"}, {" minus ", "-"}, {" over ", "/"}, {" x ", "*"},
}

// expression returns the sum that a message asks for, "" when it asks for none. Only a message that is
// a sum, or a cue and then a sum, counts: telephone numbers and dates in passing do not.
func expression(message string) string {
	text := strings.ToLower(strings.TrimSpace(strings.ReplaceAll(message, "’", "'")))
	if len(text) > maxMessage {
		return ""
	}
	for _, cue := range cues {
		if rest, ok := strings.CutPrefix(text, cue+" "); ok {
			text = rest
			break
		}
	}
	text = strings.TrimRight(strings.TrimSuffix(strings.TrimSpace(text), "equal?"), " ?!.=")
	for _, s := range spoken {
		text = strings.ReplaceAll(text, s.said, s.sign)
	}
	text = strings.NewReplacer("×", "*", "÷", "/", "−", "-").Replace(text)
	if !isSum(text) {
		return ""
	}
	return text
}

// functions are those of the tool calc.
const functions = "sqrt cbrt abs sin cos tan asin acos atan exp ln log log2 floor ceil round fact min max"

// isSum reports whether a text is made of numbers, operators and functions, and has something to work
// out. Whether it is well formed is for the tool to say.
func isSum(text string) bool {
	digits, work := false, false
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c >= '0' && c <= '9':
			digits = true
		case strings.IndexByte("+*/%^!", c) >= 0, c == '-' && digits:
			work = true
		case strings.IndexByte(" .,()-", c) >= 0:
		case c >= 'a' && c <= 'z':
			name := letters(text[i:])
			if !isOneOf(name, functions) && name != "pi" && name != "e" {
				return false
			}
			digits = digits || name == "pi" || name == "e"
			work = work || isOneOf(name, functions)
			i += len(name)
			continue
		default:
			return false
		}
		i++
	}
	return digits && work
}

// letters returns the name that text begins with, such as log2.
func letters(text string) string {
	end := 0
	for end < len(text) && (text[end] >= 'a' && text[end] <= 'z' || end > 0 && text[end] >= '0' && text[end] <= '9') {
		end++
	}
	return text[:end]
}
