package mail

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

// outgoing is a mail to send.
type outgoing struct {
	from, name, to string
	id, replyTo    string
	references     []string
	subject        string
	text, html     string
	date           time.Time
	cc             []string
	files          []file
}

// lineWidth is how long a line of an encoding may be (RFC 2045).
const lineWidth = 76

// head is the fields of the mail, up to those that say what its body is.
func (l *outgoing) head() string {
	var b strings.Builder
	line := func(name, value string) { b.WriteString(name + ": " + value + "\r\n") }
	from := "<" + l.from + ">"
	if l.name != "" {
		from = encodedWord(l.name) + " " + from
	}
	line("From", from)
	line("To", "<"+l.to+">")
	if len(l.cc) > 0 {
		line("Cc", "<"+strings.Join(l.cc, ">,\r\n <")+">")
	}
	line("Subject", encodedWord(l.subject))
	line("Date", l.date.UTC().Format("Mon, 02 Jan 2006 15:04:05 +0000"))
	line("Message-ID", l.id)
	if l.replyTo != "" {
		line("In-Reply-To", l.replyTo)
		line("References", strings.Join(l.references, "\r\n "))
	}
	if l.replyTo != "" { // RFC 3834: what answers by itself is silent then
		line("Auto-Submitted", "auto-replied")
	} else {
		line("Auto-Submitted", "auto-generated")
	}
	line("MIME-Version", "1.0")
	return b.String()
}

// encodedWord writes a value in ASCII (RFC 2047), in pieces that are not longer than one may be.
func encodedWord(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	if !strings.ContainsFunc(s, func(r rune) bool { return r > '~' }) && !strings.Contains(s, "=?") && !strings.ContainsAny(s, `"<>@,;:()[]\`) && len(s) < 60 {
		return s
	}
	var words []string
	for piece := ""; s != ""; {
		n := 0
		for i, r := range s {
			if i > 39 {
				break
			}
			n = i + len(string(r))
		}
		piece, s = s[:n], s[n:]
		words = append(words, "=?utf-8?B?"+base64.StdEncoding.EncodeToString([]byte(piece))+"?=")
	}
	return strings.Join(words, "\r\n ")
}

// body is the text as a part: plain, or plain and HTML for programs to choose from.
func (l *outgoing) body() string {
	plain := "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + quotedPrintable(l.text) + "\r\n"
	if l.html == "" {
		return plain
	}
	html := "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" +
		quotedPrintable("<!DOCTYPE html>\n<html><body>\n"+l.html+"\n</body></html>") + "\r\n"
	mark := l.boundary("alternative")
	return "Content-Type: multipart/alternative; boundary=\"" + mark + "\"\r\n\r\n" +
		"--" + mark + "\r\n" + plain + "\r\n--" + mark + "\r\n" + html + "\r\n--" + mark + "--\r\n"
}

// parts are the pieces of a mail with files, behind its head: the text, before each file what it is, and the end. The files themselves
// stand in base64 between them (RFC 2045, RFC 2183).
func (l *outgoing) parts() (text string, heads []string, end string) {
	mark := l.boundary("mixed")
	text = "Content-Type: multipart/mixed; boundary=\"" + mark + "\"\r\n\r\n--" + mark + "\r\n" + l.body()
	for i := range l.files {
		f := &l.files[i]
		heads = append(heads, "\r\n--"+mark+"\r\nContent-Type: "+f.kind+";\r\n name=\""+encodedWord(f.name)+"\"\r\nContent-Transfer-Encoding: base64\r\n"+
			"Content-Disposition: attachment;\r\n "+fileName(f.name)+"\r\n\r\n")
	}
	return text, heads, "\r\n--" + mark + "--\r\n"
}

// fileName is the parameter that names a file: in ASCII as it is, and otherwise in pieces of UTF-8 (RFC 2231).
func fileName(name string) string {
	if !strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r > '~' }) && len(name) < 60 {
		return `filename="` + name + `"`
	}
	const hex = "0123456789ABCDEF"
	lines, line := []string{}, "utf-8''"
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_' {
			line += string(rune(c))
		} else {
			line += string([]byte{'%', hex[c>>4], hex[c&15]})
		}
		if len(line) > 50 {
			lines, line = append(lines, line), ""
		}
	}
	if len(lines) == 0 {
		return "filename*=" + line
	}
	if line != "" {
		lines = append(lines, line)
	}
	for i := range lines {
		lines[i] = "filename*" + strconv.Itoa(i) + "*=" + lines[i]
	}
	return strings.Join(lines, ";\r\n ")
}

// isToken reports whether a text is a media type and nothing else.
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune(`()<>@,;:\"[]?=`, r)
	})
}

// boundary is a text that stands in no part: each line of those is quoted-printable, in which = is written otherwise, or base64.
func (l *outgoing) boundary(of string) string {
	name, _, _ := strings.Cut(strings.Trim(l.id, "<>"), "@")
	return "=_" + of + "_" + name
}

// quotedPrintable writes a text so that its lines are short and in ASCII, and no line begins with a dot.
func quotedPrintable(text string) string {
	var b strings.Builder
	const hex = "0123456789ABCDEF"
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		width := 0
		for i := 0; i < len(line); i++ {
			c := line[i]
			safe := c > ' ' && c <= '~' && c != '=' || (c == ' ' || c == '\t') && i < len(line)-1
			if c == '.' && width == 0 {
				safe = false
			}
			need := 1
			if !safe {
				need = 3
			}
			if width+need >= lineWidth {
				b.WriteString("=\r\n")
				width = 0
				if c == '.' {
					safe, need = false, 3
				}
			}
			if safe {
				b.WriteByte(c)
			} else {
				b.Write([]byte{'=', hex[c>>4], hex[c&15]})
			}
			width += need
		}
		b.WriteString("\r\n")
	}
	return strings.TrimSuffix(b.String(), "\r\n")
}
