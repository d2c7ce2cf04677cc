package run

import "strings"

// QuietWord is the answer of a model that was asked whether there is something to say, and that has nothing.
const QuietWord = "HEARTBEAT_OK"

// Heard is what people hear of a run's answer. Of one that may be quiet that is nothing, if the answer begins or ends with
// QuietWord and has at most so many other characters; the word itself is never heard.
func (r Run) Heard(answer string) string {
	if r.Quiet == 0 {
		return answer
	}
	text := strings.Trim(answer, " \n\t*_`.")
	rest, quiet := strings.CutPrefix(text, QuietWord)
	if !quiet {
		rest, quiet = strings.CutSuffix(text, QuietWord)
	}
	if rest = strings.TrimSpace(strings.Trim(rest, " \n\t*_`.")); !quiet {
		return answer
	}
	if len([]rune(rest)) <= r.Quiet {
		return ""
	}
	return rest
}
