package tui

import (
	"regexp"
	"strings"

	"github.com/charmbracelet/lipgloss"
)

var (
	boldStyle = lipgloss.NewStyle().Bold(true)
	codeStyle = lipgloss.NewStyle().Foreground(lipgloss.Color("14"))

	boldText = regexp.MustCompile(`\*\*([^*\n]+)\*\*|__([^_\n]+)__`)
	codeText = regexp.MustCompile("`([^`\n]+)`")
	heading  = regexp.MustCompile(`^#{1,6}\s+`)
	bullet   = regexp.MustCompile(`^(\s*)[-*+]\s+`)
)

// markdown shows what models write most: headings, lists, bold words and code. All else stays as it is.
func markdown(text string) string {
	fenced := false
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		switch {
		case strings.HasPrefix(strings.TrimSpace(line), "```"):
			fenced = !fenced
			continue
		case fenced:
			line = codeStyle.Render("  " + line)
		case heading.MatchString(line):
			line = boldStyle.Render(heading.ReplaceAllString(line, ""))
		default:
			line = inline(bullet.ReplaceAllString(line, "$1• "))
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// inline shows bold words and code within a line. Nothing in code is bold.
func inline(line string) string {
	var b strings.Builder
	for {
		at := codeText.FindStringSubmatchIndex(line)
		if at == nil {
			return b.String() + bold(line)
		}
		b.WriteString(bold(line[:at[0]]) + codeStyle.Render(line[at[2]:at[3]]))
		line = line[at[1]:]
	}
}

func bold(text string) string {
	return boldText.ReplaceAllStringFunc(text, func(s string) string { return boldStyle.Render(s[2 : len(s)-2]) })
}
