package mailtest

import (
	"bufio"
	"bytes"
	"fmt"
	"mime"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
)

// entity is a mail or a part of one.
type entity struct {
	kind, subtype string
	params        map[string]string
	header        textproto.MIMEHeader
	body          []byte
	parts         []*entity
}

// parse takes a mail apart.
func parse(text []byte) *entity {
	head, body, _ := bytes.Cut(text, []byte("\r\n\r\n"))
	header, _ := textproto.NewReader(bufio.NewReader(bytes.NewReader(append(slices.Clone(head), "\r\n\r\n"...)))).ReadMIMEHeader()
	e := &entity{header: header, body: body}
	media, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		media, params = "text/plain", map[string]string{"charset": "us-ascii"}
	}
	e.params = params
	e.kind, e.subtype, _ = strings.Cut(media, "/")
	if e.kind == "multipart" {
		pieces := bytes.Split(append([]byte("\r\n"), body...), []byte("\r\n--"+params["boundary"]))
		for _, piece := range pieces[1:] {
			if bytes.HasPrefix(piece, []byte("--")) {
				break
			}
			_, piece, _ = bytes.Cut(piece, []byte("\r\n"))
			if bytes.HasPrefix(piece, []byte("\r\n")) { // a part without a header
				piece = append([]byte("Content-Type: text/plain\r\n"), piece...)
			}
			e.parts = append(e.parts, parse(piece))
		}
	}
	return e
}

// section finds a part by its numbers: 1.2. It is nil where there is none.
func (e *entity) section(name string) *entity {
	for number := range strings.SplitSeq(name, ".") {
		n, _ := strconv.Atoi(number)
		switch {
		case len(e.parts) == 0 && n == 1 && name == "1":
			return e
		case n < 1 || n > len(e.parts):
			return nil
		}
		e = e.parts[n-1]
	}
	return e
}

// structure is its BODYSTRUCTURE (RFC 3501, 7.4.2).
func (e *entity) structure() string {
	disposition := "NIL"
	if kind, params, err := mime.ParseMediaType(e.header.Get("Content-Disposition")); err == nil {
		disposition = "(" + text(kind) + " " + list(params) + ")"
	}
	if len(e.parts) > 0 {
		out := ""
		for _, p := range e.parts {
			out += p.structure()
		}
		return "(" + out + " " + text(e.subtype) + " " + list(e.params) + " " + disposition + " NIL NIL)"
	}
	encoding := e.header.Get("Content-Transfer-Encoding")
	if encoding == "" {
		encoding = "7bit"
	}
	out := fmt.Sprintf("(%s %s %s %s %s %s %d", text(e.kind), text(e.subtype), list(e.params), text(e.header.Get("Content-Id")), text(e.header.Get("Content-Description")), text(encoding), len(e.body))
	switch {
	case e.kind == "text":
		out += fmt.Sprintf(" %d", bytes.Count(e.body, []byte("\n")))
	case e.kind == "message" && e.subtype == "rfc822":
		inner := parse(e.body)
		out += " (NIL " + text(inner.header.Get("Subject")) + " NIL NIL NIL NIL NIL NIL NIL " + text(inner.header.Get("Message-Id")) + ") " + inner.structure() +
			fmt.Sprintf(" %d", bytes.Count(e.body, []byte("\n")))
	}
	return out + " NIL " + disposition + " NIL NIL)"
}

// text is a string of IMAP's, as a literal where it has anything but ASCII.
func text(s string) string {
	switch {
	case s == "":
		return "NIL"
	case strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }):
		return fmt.Sprintf("{%d}\r\n%s", len(s), s)
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func list(params map[string]string) string {
	if len(params) == 0 {
		return "NIL"
	}
	var words []string
	for name, value := range params {
		words = append(words, text(name)+" "+text(value))
	}
	slices.Sort(words)
	return "(" + strings.Join(words, " ") + ")"
}
