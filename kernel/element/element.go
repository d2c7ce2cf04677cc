// Package element cuts a stream of XML, such as RFC 6120 has them, into the start tag of its root and the elements inside of it.
//
// It owns where an element ends, and the bounds; what one means is the caller's, who also finds out whether names match. A
// declaration (<?xml …?>) and white space between elements are left out; comments, other instructions and document types are
// refused, so that nothing defines an entity. No more memory is taken than has arrived of an element.
package element

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/carapace-gateway/carapace/wit"
)

// Reader reads a stream. It is not safe for concurrent use.
type Reader struct {
	r     *bufio.Reader
	limit int
	root  string // its name, while it is open
	unit  []byte
}

// NewReader returns a reader of elements of at most limit bytes. It takes nothing from r that is behind what it has returned.
func NewReader(r *bufio.Reader, limit int) *Reader { return &Reader{r: r, limit: limit} }

// Next returns the start tag of a root, an element inside of it with all that it holds, or the end tag of the root. A start tag
// with the root's name, where an element may stand, begins the stream anew.
//
// Errors: io.EOF between two of them, where the stream may also end without its end tag; io.ErrUnexpectedEOF inside of one;
// CodeTooLarge; CodeUnavailable for what is no such stream; the source's. Nothing more can be read after an error.
func (r *Reader) Next() ([]byte, error) {
	for {
		r.unit = r.unit[:0]
		declaration, err := r.begin()
		if err != nil {
			return nil, err
		}
		if !declaration {
			break
		}
	}
	closing, empty, err := r.tag()
	if err != nil {
		return nil, err
	}
	name := nameOf(r.unit)
	switch {
	case closing && r.root != "" && name == r.root:
		r.root = ""
	case closing || name == "":
		return nil, malformed("an end without its beginning")
	case r.root == "" || name == r.root:
		if r.root = name; empty {
			r.root = ""
		}
	case !empty:
		if err := r.rest(); err != nil {
			return nil, err
		}
	}
	return bytes.Clone(r.unit), nil
}

// begin reads white space, and the first character of what comes behind it; or a whole declaration, which is none of its affair.
func (r *Reader) begin() (declaration bool, err error) {
	c := byte(' ')
	for c == ' ' || c == '\n' || c == '\r' || c == '\t' {
		if c, err = r.r.ReadByte(); err != nil {
			return false, err
		}
	}
	if c != '<' {
		return false, malformed("a text between the elements")
	}
	r.unit = append(r.unit, c)
	next, err := r.r.Peek(1)
	if err != nil {
		return false, unexpected(err)
	}
	switch next[0] {
	case '?':
		return true, r.until("?>")
	case '!':
		return false, malformed("a comment or a document type")
	}
	return false, nil
}

// rest reads what an element holds, behind its start tag, and its end tag.
func (r *Reader) rest() error {
	for depth := 1; depth > 0; {
		if err := r.until("<"); err != nil {
			return err
		}
		next, err := r.r.Peek(1)
		switch {
		case err != nil:
			return unexpected(err)
		case next[0] == '?':
			return malformed("an instruction")
		case next[0] == '!':
			if err := r.data(); err != nil {
				return err
			}
			continue
		}
		closing, empty, err := r.tag()
		switch {
		case err != nil:
			return err
		case closing:
			depth--
		case !empty:
			depth++
		}
	}
	return nil
}

// data reads a section of characters (CDATA), behind its first one.
func (r *Reader) data() error {
	const head = "![CDATA["
	next, err := r.r.Peek(len(head))
	switch {
	case err != nil:
		return unexpected(err)
	case string(next) != head:
		return malformed("a comment or a document type")
	}
	return r.until("]]>")
}

// tag reads a tag to its end, behind its first character.
func (r *Reader) tag() (closing, empty bool, err error) {
	first, quote, last := true, byte(0), byte(0)
	for {
		c, err := r.next()
		if err != nil {
			return false, false, err
		}
		switch {
		case first && c == '/':
			closing = true
		case c == '<':
			return false, false, malformed("a tag inside of a tag")
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return closing, last == '/' && !closing, nil
		}
		first, last = false, c
	}
}

// until reads to the end of a mark.
func (r *Reader) until(mark string) error {
	from := len(r.unit)
	for {
		if _, err := r.next(); err != nil {
			return err
		}
		if bytes.HasSuffix(r.unit[from:], []byte(mark)) {
			return nil
		}
	}
}

func (r *Reader) next() (byte, error) {
	c, err := r.r.ReadByte()
	if err != nil {
		return 0, unexpected(err)
	}
	if len(r.unit) >= r.limit {
		return 0, wit.Errorf(wit.CodeTooLarge, "the other side sends too much: an element has more than %d bytes", r.limit)
	}
	r.unit = append(r.unit, c)
	return c, nil
}

// nameOf is the name in a tag.
func nameOf(tag []byte) string {
	tag = bytes.TrimPrefix(tag[1:], []byte("/"))
	return string(tag[:max(bytes.IndexAny(tag, " \t\r\n/>"), 0)])
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func malformed(what string) error {
	return wit.Errorf(wit.CodeUnavailable, "the other side sends no stream of elements: there is %s", what)
}
