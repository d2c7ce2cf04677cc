package egress

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// What stands around a file's id in a text.
const (
	embedOpen  = "{{media:"
	embedClose = "}}"
)

// embed adds a text in which the first placeholder of each named file becomes the file in base64. A placeholder of
// another file, and a second one, stays as it is: somebody's words may look like one.
func (c *Client) embed(ctx context.Context, b *body, text string, files []string) error {
	if len(files) > wit.HTTPRequestEmbedMax {
		return wit.Errorf(wit.CodeTooLarge, "http: %d files are embedded, at most %d are", len(files), wit.HTTPRequestEmbedMax)
	}
	sizes := map[string]int64{}
	for _, id := range files {
		info, err := c.stat(ctx, id)
		if err != nil {
			return err
		}
		sizes[id] = info.Size
	}
	done := 0 // bytes of the text that are a piece
	for at := 0; len(sizes) > 0; {
		open := strings.Index(text[at:], embedOpen)
		if open < 0 {
			break
		}
		open += at
		at = open + len(embedOpen)
		id, named := begunBy(text[at:], sizes)
		if !named {
			continue
		}
		b.add([]byte(text[done:open]))
		b.encode(id, sizes[id])
		delete(sizes, id)
		at += len(id) + len(embedClose)
		done = at
	}
	b.add([]byte(text[done:]))
	return nil
}

// begunBy returns which of the files a text begins with, behind the opening of a placeholder. It looks no further
// than their ids are long: a text of openings that nothing closes would else be read to its end at each of them.
func begunBy(text string, files map[string]int64) (id string, named bool) {
	for id := range files {
		if rest, ok := strings.CutPrefix(text, id); ok && strings.HasPrefix(rest, embedClose) {
			return id, true
		}
	}
	return "", false
}

// encode appends a file in base64.
func (b *body) encode(id string, size int64) {
	encoded := (size + 2) / 3 * 4
	b.pieces = append(b.pieces, piece{media: id, size: encoded, raw: size})
	b.size += encoded
}

// encoder reads in base64 what from gives, a few kilobytes at a time.
type encoder struct {
	from io.Reader
	left []byte // encoded and not read yet
	err  error  // behind what is left
}

func (e *encoder) Read(p []byte) (int, error) {
	for len(e.left) == 0 {
		if e.err != nil {
			return 0, e.err
		}
		var raw [3 * 2048]byte // groups of three bytes, so that the pieces join
		n, err := io.ReadFull(e.from, raw[:])
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = io.EOF
		}
		e.left, e.err = base64.StdEncoding.AppendEncode(nil, raw[:n]), err
	}
	n := copy(p, e.left)
	e.left = e.left[n:]
	return n, nil
}
