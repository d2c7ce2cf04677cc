package mail

import "strings"

// maxAttribution is how many lines a program takes to say whose words follow.
const maxAttribution = 3

// said is what somebody has written in a mail, without what programs put there: the signature behind "-- ", the mail that is
// answered as a whole at the end, and the line that says whose it was. What is quoted between somebody's own words stays.
func said(text string) string {
	lines := strings.Split(tidy(text), "\n")
	for i, line := range lines {
		bare := strings.TrimSpace(line)
		if line == "--" || isSeparator(bare) || bare == strings.Repeat("_", 32) {
			lines = lines[:i]
			break
		}
	}
	end, quoted := len(lines), false
	for end > 0 {
		line := strings.TrimSpace(lines[end-1])
		if line != "" && !strings.HasPrefix(line, ">") {
			break
		}
		quoted = quoted || line != ""
		end--
	}
	if quoted {
		end = withoutAttribution(lines[:end])
	}
	own := strings.TrimSpace(strings.Join(lines[:end], "\n"))
	if own == "" {
		return tidy(text) // nothing but what is quoted: then that is what is meant
	}
	return own
}

// isSeparator reports whether a line is one of those behind which programs put the whole mail.
func isSeparator(line string) bool {
	if !strings.HasPrefix(line, "---") {
		return false
	}
	inner := lower(strings.Trim(line, "- "))
	return inner == "original message" || inner == "ursprüngliche nachricht" || inner == "message d'origine"
}

// withoutAttribution is where the lines end that are not `On Monday Ann wrote:`, which may take a few lines.
func withoutAttribution(lines []string) int {
	end := len(lines)
	for end > 0 && strings.TrimSpace(lines[end-1]) == "" {
		end--
	}
	if end == 0 || !strings.HasSuffix(strings.TrimSpace(lines[end-1]), ":") {
		return end
	}
	for n := 1; n <= maxAttribution && end-n >= 0; n++ {
		first := strings.TrimSpace(lines[end-n])
		if first == "" {
			return end - n + 1
		}
		for _, word := range []string{"On ", "Am ", "Le ", "El ", "Il ", "Op ", "Em "} {
			if strings.HasPrefix(first, word) {
				return end - n
			}
		}
	}
	if strings.Contains(lines[end-1], "@") || strings.Contains(lines[end-1], "wrote") {
		return end - 1
	}
	return end
}
