// Package picture makes small pictures of large ones.
//
// What it reads comes from strangers. How much memory the decoding of a picture takes is reckoned from its header before
// anything is decoded, and a picture that takes more than the bound is refused, however few bytes it has. One Shrink has at most
// MaxMemory, and a little for the small picture; how many run at once is for the caller to bound. It keeps nothing and is safe
// for concurrent use.
package picture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/webp"

	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of a picture that is made smaller.
const (
	// MaxMemory is what its decoding may take, in bytes: 42 megapixels of a photograph as cameras store them, 16 of a PNG.
	MaxMemory = 128 << 20
	// maxSide is in pixels.
	maxSide = 32_000
)

// ErrSmall says that a picture is as small as it is to become.
var ErrSmall = errors.New("the picture is small already")

// Shrink returns a picture that has at most so many pixels on its longer side, as a JPEG, or as a PNG where some of it is
// transparent, and its type. An animation's first picture is taken. The picture is turned as its camera was held.
// It ends with ctx, which is to have a deadline: few bytes of a progressive picture can make much work.
//
// Errors: ErrSmall; CodeInvalid for what is no JPEG, PNG, GIF or WebP, or is damaged; CodeTooLarge for one that would take too
// much memory; CodeTimeout.
func Shrink(ctx context.Context, from io.ReadSeeker, most int) (small []byte, mimeType string, err error) {
	defer func() {
		if p := recover(); p != nil { // of a decoder, over what it did not expect
			small, mimeType, err = nil, "", damaged(fmt.Errorf("%v", p))
		}
	}()
	f, err := look(from)
	if err != nil {
		return nil, "", err
	}
	if f.width <= most && f.height <= most && f.turned < 2 {
		return nil, "", ErrSmall
	}
	full, err := f.decode(&timed{ctx, from})
	if err != nil {
		return nil, "", damaged(err)
	}
	return encode(turn(scale(full, most), f.turned))
}

// format is what a picture's header says.
type format struct {
	width, height int
	// memory is what the decoding takes, in bytes.
	memory int64
	// turned is how the camera was held, as Exif counts: 1 is upright, 0 unsaid.
	turned int
	decode func(io.Reader) (image.Image, error)
}

// look reads the header, and leaves the picture at its beginning.
func look(from io.ReadSeeker) (f format, err error) {
	magic := make([]byte, 12)
	if _, err := io.ReadFull(from, magic); err != nil {
		return f, damaged(err)
	}
	if err := rewind(from); err != nil {
		return f, err
	}
	var c image.Config
	switch {
	case bytes.HasPrefix(magic, []byte("\xff\xd8\xff")):
		f, err = lookJPEG(from)
		f.decode = jpeg.Decode
	case bytes.HasPrefix(magic, []byte("\x89PNG\r\n\x1a\n")):
		c, err = png.DecodeConfig(from)
		f = format{width: c.Width, height: c.Height, memory: pixels(c) * depth(c) * 2, decode: png.Decode} // a second time, if it is interlaced
	case bytes.HasPrefix(magic, []byte("GIF8")):
		c, err = gif.DecodeConfig(from)
		f = format{width: c.Width, height: c.Height, memory: pixels(c) * 2, decode: gif.Decode}
	case bytes.HasPrefix(magic, []byte("RIFF")) && bytes.HasSuffix(magic, []byte("WEBP")):
		c, err = webp.DecodeConfig(from)
		f = format{width: c.Width, height: c.Height, memory: pixels(c) * 12, decode: webp.Decode} // the transforms have copies
	default:
		return f, wit.NewError(wit.CodeInvalid, "this is no picture that can be made smaller: JPEG, PNG, GIF and WebP are")
	}
	if err != nil {
		return f, damaged(err)
	}
	if f.width <= 0 || f.height <= 0 {
		return f, damaged(errors.New("it has no size"))
	}
	if f.width > maxSide || f.height > maxSide || f.memory > MaxMemory {
		return f, wit.Errorf(wit.CodeTooLarge, "the picture has %d × %d pixels, which are more than are made smaller here", f.width, f.height)
	}
	return f, rewind(from)
}

func rewind(from io.Seeker) error {
	if _, err := from.Seek(0, io.SeekStart); err != nil {
		return wit.Errorf(wit.CodeUnavailable, "the picture cannot be read: %w", err)
	}
	return nil
}

// timed is a file that cannot be read any more once ctx has ended.
type timed struct {
	ctx  context.Context
	from io.Reader
}

func (t *timed) Read(p []byte) (int, error) {
	if err := t.ctx.Err(); err != nil {
		return 0, wit.Errorf(wit.CodeTimeout, "the picture takes too long to be made smaller: %w", err)
	}
	return t.from.Read(p)
}

func pixels(c image.Config) int64 { return int64(c.Width) * int64(c.Height) }

// depth is how many bytes a pixel of a PNG has.
func depth(c image.Config) int64 {
	switch c.ColorModel {
	case color.GrayModel:
		return 1
	case color.Gray16Model:
		return 2
	case color.RGBA64Model, color.NRGBA64Model:
		return 8
	}
	return 4 // a palette has 1
}

func damaged(err error) error {
	if wit.CodeOf(err) != wit.CodeInternal {
		return err
	}
	return wit.Errorf(wit.CodeInvalid, "the picture is damaged: %w", err)
}
