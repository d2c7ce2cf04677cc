package egress

import (
	"context"
	"encoding/base64"
	"io"

	"github.com/carapace-gateway/carapace/kernel/packet"
	"github.com/carapace-gateway/carapace/wit"
)

// assemble makes a frame's bytes of its parts. They are made from the last to the first, so that what a length counts is known
// when it is written.
func (c *Conn) assemble(f *wit.Frame, m *message) error {
	if _, stream := c.wire.(*socket); !stream || f.Text != nil || len(f.Bytes) > 0 || f.Fill || f.Base64 {
		return wit.NewError(wit.CodeInvalid, "http: parts are written on tcp and tls, and instead of a text or bytes")
	}
	if len(f.Parts) > wit.FramePartsMax {
		return wit.Errorf(wit.CodeTooLarge, "http: a frame has %d parts, at most %d are put together", len(f.Parts), wit.FramePartsMax)
	}
	made, size := make([][]byte, len(f.Parts)), 0
	by := newFiller(c.creds, m, maxFrame)
	for i := len(f.Parts) - 1; i >= 0; i-- {
		data, err := c.part(&f.Parts[i], made[i+1:], maxFrame-size, by)
		if err != nil {
			return err
		}
		if made[i], size = data, size+len(data); size > maxFrame {
			return wit.Errorf(wit.CodeTooLarge, "http: a frame of more than %d bytes is not sent", maxFrame)
		}
	}
	f.Parts, f.Bytes = nil, make([]byte, 0, size)
	for _, data := range made {
		f.Bytes = append(f.Bytes, data...)
	}
	return nil
}

// part makes one. behind are those that follow it; room is how many bytes it may have.
func (c *Conn) part(p *wit.FramePart, behind [][]byte, room int, by *filler) ([]byte, error) {
	kinds := 0
	for _, has := range [...]bool{p.Text != nil, len(p.Bytes) > 0, p.Media != nil, p.Length != nil} {
		if has {
			kinds++
		}
	}
	if kinds > 1 || p.Length != nil && int(p.Parts) > len(behind) {
		return nil, wit.NewError(wit.CodeInvalid, "http: a part of a frame is a text, bytes, a file, or the length of parts that follow: one of them")
	}
	var data []byte
	switch {
	case p.Length != nil:
		if p.Parts > 0 {
			behind = behind[:p.Parts]
		}
		n := 0
		for _, data := range behind {
			n += len(data)
		}
		return packet.AppendLength(nil, p.Length, n)
	case p.Media != nil:
		var err error
		if data, err = c.file(*p.Media, room); err != nil {
			return nil, err
		}
	case p.Text != nil:
		text := *p.Text
		if p.Fill {
			var err error
			if text, err = c.filled(by, text, verbatim); err != nil {
				return nil, err
			}
		}
		data = []byte(text)
	default:
		return p.Bytes, nil
	}
	if p.Base64 {
		data = base64.StdEncoding.AppendEncode(nil, data)
	}
	return data, nil
}

// file is one of the media store, of at most room bytes.
func (c *Conn) file(id string, room int) ([]byte, error) {
	if c.media == nil || !c.m.policy.Files {
		return nil, wit.NewError(wit.CodeForbidden, "http: a file in a frame needs the permission media, and a media store")
	}
	ctx, cancel := context.WithTimeout(c.ctx, writeTimeout)
	defer cancel()
	file, _, err := c.media.Open(ctx, id)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, int64(room)+1))
	if err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "http: read the file: %w", err)
	}
	if len(data) > room {
		return nil, wit.Errorf(wit.CodeTooLarge, "http: a frame of more than %d bytes is not sent", maxFrame)
	}
	return data, nil
}
