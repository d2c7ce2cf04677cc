// Package excerpt reads one text out of a JSON document while the document comes.
//
// Some platforms answer a request for a file with JSON in which the file stands in base64, or its address. What
// stands around it is passed over, and no more of the text is in memory than a reader asks for.
package excerpt

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/wit"
)

// maxKey bounds the name of a field, in bytes as it is written: what is longer is passed over.
const maxKey = 256

// Text returns a reader of the text in a field: `url`, or `result.data` for one inside of another. Of fields with the
// same name the first counts. Reading from it fails with io.ErrUnexpectedEOF where the document ends in the middle.
//
// Errors: CodeNotFound where there is no such field, or it is no text, and CodeUnavailable where the document is no JSON up to
// there; errors of from as they are.
func Text(from io.Reader, field string) (io.Reader, error) {
	s := &scanner{in: bufio.NewReader(from)}
	for name := range strings.SplitSeq(field, ".") {
		if err := s.enter(name); err != nil {
			return nil, explained(err, field)
		}
	}
	c, err := s.next()
	if err == nil && c != '"' {
		err = errMissing
	}
	if err != nil {
		return nil, explained(err, field)
	}
	return &text{in: s.in}, nil
}

var (
	errMissing = errors.New("no such field")
	errSyntax  = errors.New("no JSON")
)

// explained is an error for whoever asked for a field.
func explained(err error, field string) error {
	switch {
	case errors.Is(err, errMissing):
		return wit.Errorf(wit.CodeNotFound, "the answer has no text in its field %s", field)
	case errors.Is(err, errSyntax), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return wit.NewError(wit.CodeUnavailable, "the answer is not the JSON that it should be")
	}
	return err
}

// scanner goes through a document from its beginning.
type scanner struct{ in *bufio.Reader }

// next returns the next byte that is no white space.
func (s *scanner) next() (byte, error) {
	for {
		c, err := s.in.ReadByte()
		if err != nil || c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return c, err
		}
	}
}

// enter goes into the object that follows, up to the value of its field of that name.
func (s *scanner) enter(name string) error {
	c, err := s.next()
	if err == nil && c != '{' {
		err = errMissing
	}
	for err == nil {
		var key string
		if key, err = s.key(); err != nil || key == name {
			return err
		}
		if err = s.pass(); err == nil {
			err = s.comma()
		}
	}
	return err
}

// key reads the name of a field and the colon behind it. It is errMissing at the end of the object.
func (s *scanner) key() (string, error) {
	c, err := s.next()
	switch {
	case err != nil:
		return "", err
	case c == '}':
		return "", errMissing
	case c != '"':
		return "", errSyntax
	}
	name := &text{in: s.in}
	key, err := io.ReadAll(io.LimitReader(name, maxKey+1))
	if err == nil {
		_, err = io.Copy(io.Discard, name)
	}
	if err != nil {
		return "", err
	}
	if c, err = s.next(); err == nil && c != ':' {
		err = errSyntax
	}
	return string(key), err
}

// comma reads what stands between two fields.
func (s *scanner) comma() error {
	c, err := s.next()
	switch {
	case err != nil:
		return err
	case c == '}':
		return errMissing
	case c != ',':
		return errSyntax
	}
	return nil
}

// pass passes over a value. Whether what is in it is JSON is not asked.
func (s *scanner) pass() error {
	depth := 0
	c, err := s.next()
	for ; err == nil; c, err = s.in.ReadByte() {
		switch c {
		case '"':
			_, err = io.Copy(io.Discard, &text{in: s.in})
			if err != nil {
				return err
			}
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case ',':
		default:
			if depth > 0 {
				continue
			}
			if end, err := s.word(); !end || err != nil {
				return err
			}
		}
		if depth <= 0 {
			break
		}
	}
	if depth < 0 || c == ',' {
		return errSyntax
	}
	return err
}

// word passes over the rest of a number or a word, and leaves what follows it.
func (s *scanner) word() (end bool, err error) {
	for {
		c, err := s.in.ReadByte()
		if err != nil {
			return false, err
		}
		if strings.IndexByte(",}] \t\r\n", c) >= 0 {
			return true, s.in.UnreadByte()
		}
	}
}

// text reads a string behind its opening quote.
type text struct {
	in   *bufio.Reader
	left []byte // read and not given out yet
	end  bool
}

// Read implements io.Reader.
func (t *text) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if len(t.left) > 0 {
			k := copy(p[n:], t.left)
			n, t.left = n+k, t.left[k:]
			continue
		}
		if t.end {
			break
		}
		if err := t.fill(); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return n, err
		}
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// fill reads what is there, up to the closing quote, or one escape.
func (t *text) fill() error {
	if _, err := t.in.Peek(1); err != nil {
		return err
	}
	there, _ := t.in.Peek(t.in.Buffered())
	at := bytes.IndexAny(there, `"\`)
	switch {
	case at < 0:
		at = len(there)
	case at == 0 && there[0] == '"':
		t.end = true
		_, err := t.in.Discard(1)
		return err
	case at == 0:
		return t.escape()
	}
	t.left = append(t.left[:0], there[:at]...)
	_, err := t.in.Discard(at)
	return err
}

// escape reads an escaped character.
func (t *text) escape() error {
	b, err := t.in.Peek(2)
	if err != nil {
		return err
	}
	c := b[1]
	_, _ = t.in.Discard(2)
	if c == 'u' {
		return t.unicode()
	}
	at := strings.IndexByte(`"\/bfnrt`, c)
	if at < 0 {
		return errSyntax
	}
	t.left = append(t.left[:0], "\"\\/\b\f\n\r\t"[at])
	return nil
}

// unicode reads four hexadecimal digits, and those of a second half that follows.
func (t *text) unicode() error {
	r, err := t.digits()
	if err == nil && utf16.IsSurrogate(r) {
		if b, _ := t.in.Peek(2); string(b) == `\u` {
			_, _ = t.in.Discard(2)
			var low rune
			if low, err = t.digits(); err == nil {
				r = utf16.DecodeRune(r, low)
			}
		}
	}
	if err == nil {
		t.left = utf8.AppendRune(t.left[:0], r)
	}
	return err
}

func (t *text) digits() (rune, error) {
	r := rune(0)
	for range 4 {
		c, err := t.in.ReadByte()
		if err != nil {
			return 0, err
		}
		at := strings.IndexByte("0123456789abcdef", c|0x20)
		if at < 0 || c < '0' {
			return 0, errSyntax
		}
		r = r<<4 | rune(at)
	}
	return r, nil
}
