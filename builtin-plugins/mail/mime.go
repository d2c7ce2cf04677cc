package mail

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/sdk/go/channel/attachment"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of the files of a mail that become a message's.
const (
	maxFiles = 16
	maxNamed = 20 // of those that are too many
	// layoutBytes is below which a picture that the text shows, and nobody has named, belongs to its looks.
	layoutBytes = 4 << 10
)

// content is what a mail consists of.
type content struct {
	text  string
	cut   bool // text is not all there is
	files []wit.Attachment
	more  []string // names of files that are too many
}

// mailPlace is where a mail is found again.
type mailPlace struct {
	validity, uid int64
	id            string // its Message-ID, when the folder counts anew
}

// assemble reads the parts of a mail.
func assemble(leaves []leaf, at mailPlace) *content {
	c := &content{}
	plain := map[string]bool{} // the alternatives of which one is plain text
	for i := range leaves {
		if l := &leaves[i]; l.kind == "text/plain" && l.isText() && l.alternative != "" && strings.TrimSpace(l.body) != "" {
			plain[l.alternative] = true
		}
	}
	for i := range leaves {
		l := &leaves[i]
		switch {
		case l.isText() && l.kind == "text/html" && plain[l.alternative]:
		case l.isText():
			c.addText(l, at)
		case l.isFile():
			c.addFile(l, at)
		}
	}
	return c
}

// addText takes what a part says. One whose letters are not known is a file, and so is the whole of one that is long.
func (c *content) addText(l *leaf, at mailPlace) {
	data := l.bytes()
	if !l.whole {
		data = withoutHalf(data)
	}
	text, known := toUTF8(data, l.charset)
	text = strings.ReplaceAll(text, "\r\n", "\n")
	if l.kind == "text/html" {
		text = plainOf(text)
	}
	if !known {
		text = "[what it says is in the charset " + oneLine(l.charset) + ", which is not read here: see the file]"
	}
	if !known || !l.whole {
		c.cut = c.cut || !l.whole
		file := *l
		if file.name = "mail.txt"; l.kind == "text/html" {
			file.name = "mail.html"
		}
		c.addFile(&file, at)
	}
	if c.text != "" && text != "" {
		c.text += "\n"
	}
	c.text += text
}

// withoutHalf is a text without the character in which it was cut, by which it would not be UTF-8.
func withoutHalf(data []byte) []byte {
	for n := 1; n < utf8.UTFMax && n <= len(data); n++ {
		if tail := data[len(data)-n:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				return data[:len(data)-n]
			}
			break
		}
	}
	return data
}

// isFile reports whether somebody would miss it.
func (l *leaf) isFile() bool {
	switch l.kind {
	case "application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature":
		return false
	case "text/calendar", "text/vcard", "text/csv":
		return true
	}
	switch {
	case l.name != "" || l.disposition == "attachment":
		return true
	case strings.HasPrefix(l.kind, "text/"): // another way to say the same
		return false
	case strings.HasPrefix(l.kind, "image/"):
		return l.size >= layoutBytes || l.size < 0
	}
	return true
}

// addFile takes a part as a file: with the message where it has come whole, or to be fetched from the mailbox.
func (c *content) addFile(l *leaf, at mailPlace) {
	name := l.name
	if name == "" && l.kind == "text/calendar" {
		name = "invite.ics"
	}
	if len(c.files) == maxFiles {
		if len(c.more) < maxNamed {
			c.more = append(c.more, name)
		}
		return
	}
	a := wit.Attachment{Kind: attachment.Kind(l.kind), Mime: &l.kind}
	if name != "" {
		a.Name = &name
	}
	if size := l.decodedSize(); size > 0 {
		a.Size = &size
	}
	switch {
	case l.whole && l.body == "": // an empty file is none
	case l.whole:
		a.Fetch = &wit.HTTPRequest{URL: "data:;base64," + base64.StdEncoding.EncodeToString(l.bytes())}
	case at.uid > 0:
		locator := string(json.Object{}.Int("validity", at.validity).Int("uid", at.uid).Text("part", l.section).Text("encoding", l.encoding).Text("id", at.id).JSON())
		a.Locator = &locator
	}
	c.files = append(c.files, a)
}

// part is one of a multipart.
type part struct {
	header header
	body   string
}

// split cuts the parts of a multipart apart. What stands in front of the first and behind the last is nobody's. open says that there
// was no end.
func split(body, boundary string) (parts []part, open bool) {
	mark, text, inside := "--"+boundary, "", false
	flush := func() {
		if inside {
			h, rest := cutHeader(text)
			parts = append(parts, part{h, strings.TrimSuffix(strings.TrimSuffix(rest, "\n"), "\r")})
		}
	}
	start := 0
	for at := 0; at < len(body) && len(parts) < maxParts; {
		end := strings.IndexByte(body[at:], '\n')
		if end < 0 {
			end = len(body)
		} else {
			end += at + 1
		}
		if rest, ok := strings.CutPrefix(strings.TrimRight(body[at:end], " \t\r\n"), mark); ok && (rest == "" || rest == "--") {
			text = body[start:at]
			flush()
			if inside = rest == ""; !inside {
				return parts, false
			}
			start = end
		}
		at = end
	}
	text = body[start:]
	flush()
	return parts, true
}

// decoded undoes a Content-Transfer-Encoding.
func decoded(body, encoding string) []byte {
	switch encoding {
	case "base64":
		return fromBase64(body)
	case "quoted-printable":
		lines := strings.Split(strings.ReplaceAll(body, "\r\n", "\n"), "\n")
		var b strings.Builder
		for i, line := range lines {
			line = strings.TrimRight(line, " \t")
			if soft, ok := strings.CutSuffix(line, "="); ok {
				b.WriteString(soft)
				continue
			}
			b.WriteString(line)
			if i < len(lines)-1 {
				b.WriteByte('\n')
			}
		}
		return unescaped(b.String(), '=')
	}
	return []byte(body)
}
