package telegram

import "strings"

// toHTML turns the kernel's neutral markup, which is Markdown, into Telegram's HTML ("HTML style"): the few
// tags that Telegram knows, and line breaks as they are. Whatever comes in, what comes out is well-formed; a
// mark that nothing closes is shown as it is.
func toHTML(markdown string) string {
	c := converter{lines: strings.Split(strings.ReplaceAll(markdown, "\r\n", "\n"), "\n")}
	for c.at < len(c.lines) {
		c.block()
	}
	c.paragraph()
	return strings.Join(c.out, "\n")
}

// converter goes over the lines, block by block; inline.go converts what is within a block.
type converter struct {
	lines []string
	at    int      // the next line
	text  []string // lines of the paragraph under way
	out   []string // finished lines
}

// paragraph finishes the lines that belong together, since emphasis may go over the end of a line.
func (c *converter) paragraph() {
	if len(c.text) > 0 {
		c.out = append(c.out, inline(strings.Join(c.text, "\n")))
		c.text = nil
	}
}

// block takes the next line, and those that form a block with it. Telegram has no headings, lists or rules:
// they become bold text, bullets and a line of dashes.
func (c *converter) block() {
	line := c.lines[c.at]
	trimmed := strings.TrimLeft(line, " \t")
	if fence := fenceOf(trimmed); fence != "" {
		c.paragraph()
		c.code(fence, strings.TrimSpace(trimmed[len(fence):]))
		return
	}
	if strings.HasPrefix(trimmed, ">") {
		c.paragraph()
		c.quote()
		return
	}
	if c.table() {
		return
	}
	c.at++
	indent := line[:len(line)-len(trimmed)]
	switch {
	case trimmed == "":
		c.paragraph()
		c.out = append(c.out, "")
	case heading(trimmed) != "":
		c.paragraph()
		c.out = append(c.out, "<b>"+inline(heading(trimmed))+"</b>")
	case rule(trimmed):
		c.paragraph()
		c.out = append(c.out, "──────────")
	case item(trimmed) != "":
		c.paragraph()
		c.out = append(c.out, indent+bullet(item(trimmed)))
	default:
		c.text = append(c.text, line)
	}
}

// fenceOf returns the ``` or ~~~ that a line begins with.
func fenceOf(line string) string {
	for _, mark := range []string{"`", "~"} {
		n := len(line) - len(strings.TrimLeft(line, mark))
		if n >= 3 && !(mark == "`" && strings.Contains(line[n:], "`")) {
			return line[:n]
		}
	}
	return ""
}

// code takes a block up to its closing fence, or to the end.
func (c *converter) code(fence, info string) {
	c.at++
	var body []string
	for ; c.at < len(c.lines); c.at++ {
		line := strings.TrimSpace(c.lines[c.at])
		if strings.HasPrefix(line, fence) && strings.Trim(line, fence[:1]) == "" {
			c.at++
			break
		}
		body = append(body, c.lines[c.at])
	}
	language, _, _ := strings.Cut(info, " ")
	text := escape(strings.Join(body, "\n"))
	if language != "" {
		c.out = append(c.out, `<pre><code class="language-`+escape(language)+`">`+text+"</code></pre>")
		return
	}
	c.out = append(c.out, "<pre>"+text+"</pre>")
}

// quote takes the quoted lines that follow one another. Telegram's quotations do not nest.
func (c *converter) quote() {
	var body []string
	for ; c.at < len(c.lines); c.at++ {
		line := strings.TrimLeft(c.lines[c.at], " \t")
		if !strings.HasPrefix(line, ">") {
			break
		}
		for strings.HasPrefix(line, ">") {
			line = strings.TrimPrefix(line[1:], " ")
		}
		body = append(body, line)
	}
	c.out = append(c.out, "<blockquote>"+inline(strings.Join(body, "\n"))+"</blockquote>")
}

// heading returns the text of a heading, "" when the line is none.
func heading(line string) string {
	text := strings.TrimLeft(line, "#")
	if n := len(line) - len(text); n == 0 || n > 6 || !strings.HasPrefix(text, " ") {
		return ""
	}
	return strings.TrimSpace(strings.TrimRight(strings.TrimSpace(text), "#"))
}

// rule reports whether a line consists of three or more of the same dash, star or underscore; spaces between them do not
// matter.
func rule(line string) bool {
	line = strings.ReplaceAll(line, " ", "")
	return len(line) >= 3 && strings.Trim(line, line[:1]) == "" && strings.Contains("-*_", line[:1])
}

// item returns the text of a list's item, "" when the line is none. Numbered ones are shown as they are: a number and a
// dot look the same everywhere.
func item(line string) string {
	if len(line) > 2 && strings.Contains("-*+", line[:1]) && line[1] == ' ' {
		return strings.TrimSpace(line[2:])
	}
	return ""
}

// bullet shows an item, and the box of a task list.
func bullet(text string) string {
	switch {
	case strings.HasPrefix(text, "[ ] "):
		return "☐ " + inline(text[4:])
	case strings.HasPrefix(text, "[x] "), strings.HasPrefix(text, "[X] "):
		return "☑ " + inline(text[4:])
	}
	return "• " + inline(text)
}

// escape writes the characters that Telegram's HTML gives a meaning as entities.
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(s)
}

// unescape is the way back.
func unescape(s string) string {
	return strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">", "&quot;", `"`).Replace(s)
}
