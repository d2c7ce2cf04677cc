package picture_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"runtime"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/picture"
	"github.com/carapace-gateway/carapace/wit"
)

// halves is a picture whose left half is red and whose right one is blue; its lowest quarter is green.
func halves(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.NRGBA{255, 0, 0, 255}
			if x >= w/2 {
				c = color.NRGBA{0, 0, 255, 255}
			}
			if y >= h*3/4 {
				c = color.NRGBA{0, 255, 0, 255}
			}
			m.SetNRGBA(x, y, c)
		}
	}
	return m
}

// what names the strongest colour at a place, or clear.
func what(m image.Image, x, y int) string {
	r, g, b, a := m.At(x, y).RGBA()
	switch {
	case a < 1<<15:
		return "clear"
	case r > g && r > b:
		return "red"
	case g > b:
		return "green"
	}
	return "blue"
}

func written(t *testing.T, as string, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	var err error
	switch as {
	case "png":
		err = png.Encode(&b, m)
	case "jpeg":
		err = jpeg.Encode(&b, m, nil)
	case "gif":
		err = gif.Encode(&b, m, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestShrink(t *testing.T) {
	for _, as := range []string{"png", "jpeg", "gif"} {
		small, mime, err := picture.Shrink(t.Context(), bytes.NewReader(written(t, as, halves(200, 100))), 50)
		if err != nil || mime != "image/jpeg" {
			t.Fatalf("%s: %s %v", as, mime, err)
		}
		m, _, err := image.Decode(bytes.NewReader(small))
		if err != nil || m.Bounds() != image.Rect(0, 0, 50, 25) {
			t.Fatalf("%s: %v %v", as, m.Bounds(), err)
		}
		if got := what(m, 5, 5) + what(m, 45, 5) + what(m, 25, 23); got != "redbluegreen" {
			t.Errorf("%s: %s", as, got)
		}
	}
}

// TestWebP: the smallest lossless picture there is, of 1 × 1 pixels, is small already; what it is, is seen.
func TestWebP(t *testing.T) {
	webp := "RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07\x00"
	if _, _, err := picture.Shrink(t.Context(), strings.NewReader(webp), 16); !errors.Is(err, picture.ErrSmall) {
		t.Error(err)
	}
}

func TestWhatIsTransparentStaysSo(t *testing.T) {
	m := halves(90, 90)
	for y := range 30 {
		for x := range 90 {
			m.SetNRGBA(x, y, color.NRGBA{})
		}
	}
	small, mime, err := picture.Shrink(t.Context(), bytes.NewReader(written(t, "png", m)), 30)
	if err != nil || mime != "image/png" {
		t.Fatalf("%s %v", mime, err)
	}
	out, err := png.Decode(bytes.NewReader(small))
	if err != nil || what(out, 5, 2) != "clear" || what(out, 5, 15) != "red" {
		t.Errorf("%v: %s %s", err, what(out, 5, 2), what(out, 5, 15))
	}
}

// exif puts an orientation into a JPEG.
func exif(b []byte, turned byte) []byte {
	body := append([]byte("Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00"), turned, 0, 0, 0, 0, 0, 0)
	head := binary.BigEndian.AppendUint16([]byte{0xff, 0xd8, 0xff, 0xe1}, uint16(len(body)+2))
	return append(append(head, body...), b[2:]...)
}

func TestAPictureIsTurnedAsItsCameraWasHeld(t *testing.T) {
	plain := written(t, "jpeg", halves(120, 120))
	// The corners: the top ones, then those at the bottom.
	for turned, want := range []string{
		1: "red blue green green", 2: "blue red green green", 3: "green green blue red", 4: "green green red blue",
		5: "red green blue green", 6: "green red green blue", 7: "green blue green red", 8: "blue green red green",
	} {
		if want == "" {
			continue
		}
		small, _, err := picture.Shrink(t.Context(), bytes.NewReader(exif(plain, byte(turned))), 40)
		if err != nil {
			t.Fatal(err)
		}
		m, err := jpeg.Decode(bytes.NewReader(small))
		if err != nil {
			t.Fatal(err)
		}
		if got := what(m, 3, 3) + " " + what(m, 36, 3) + " " + what(m, 3, 37) + " " + what(m, 36, 37); got != want {
			t.Errorf("%d: %s, want %s", turned, got, want)
		}
	}
}

// bomb is a PNG that says it has so many pixels, and holds zeroes.
func bomb(w, h uint32) []byte {
	chunk := func(kind string, body []byte) []byte {
		b := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
		b = append(append(b, kind...), body...)
		return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
	}
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
	var data bytes.Buffer
	z := zlib.NewWriter(&data)
	for range 2 {
		_, _ = z.Write(make([]byte, 1<<20))
	}
	_ = z.Close()
	out := append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", append(head, 8, 6, 0, 0, 0))...)
	return append(append(out, chunk("IDAT", data.Bytes())...), chunk("IEND", nil)...)
}

// TestWhatIsRefused: by the header, before memory is taken for pixels.
func TestWhatIsRefused(t *testing.T) {
	photo := written(t, "jpeg", halves(64, 64))
	huge := bytes.Clone(photo)
	at := bytes.Index(huge, []byte{0xff, 0xc0})
	huge[at+1] = 0xc2 // progressive
	binary.BigEndian.PutUint16(huge[at+5:], 12_000)
	binary.BigEndian.PutUint16(huge[at+7:], 12_000)
	for name, c := range map[string]struct {
		data []byte
		want wit.Code
	}{
		"nothing":             {nil, wit.CodeInvalid},
		"text":                {[]byte("this is no picture at all"), wit.CodeInvalid},
		"SVG":                 {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), wit.CodeInvalid},
		"a bomb":              {bomb(30_000, 30_000), wit.CodeTooLarge},
		"an endless side":     {bomb(1<<31-1, 1), wit.CodeTooLarge},
		"a size of 0":         {bomb(0, 10), wit.CodeInvalid},
		"a huge photograph":   {huge, wit.CodeTooLarge},
		"half a photograph":   {photo[:len(photo)/3], wit.CodeInvalid},
		"a header of nothing": {[]byte("\xff\xd8\xff\xe0\x00\x02\xff\xda\x00\x02"), wit.CodeInvalid},
		"a wrong segment":     {[]byte("\xff\xd8\xff\xe0\x00\x00\xff\xff\xff\xff\xff\xff"), wit.CodeInvalid},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, err := picture.Shrink(t.Context(), bytes.NewReader(c.data), 16)
		runtime.ReadMemStats(&after)
		if wit.CodeOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 4<<20 {
			t.Errorf("%s took %d bytes", name, took)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := picture.Shrink(ended, bytes.NewReader(photo), 16); wit.CodeOf(err) != wit.CodeTimeout {
		t.Error(err)
	}
}

// FuzzShrink: whatever comes, it is an error with a code or a small picture.
func FuzzShrink(f *testing.F) {
	var b bytes.Buffer
	for _, encode := range []func() error{
		func() error { return png.Encode(&b, halves(40, 30)) },
		func() error { return jpeg.Encode(&b, halves(40, 30), nil) },
		func() error { return gif.Encode(&b, halves(40, 30), nil) },
	} {
		b.Reset()
		if err := encode(); err != nil {
			f.Fatal(err)
		}
		f.Add(bytes.Clone(b.Bytes()))
	}
	f.Add([]byte("RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		small, mime, err := picture.Shrink(t.Context(), bytes.NewReader(data), 16)
		switch {
		case errors.Is(err, picture.ErrSmall):
		case err != nil:
			if wit.CodeOf(err) == wit.CodeInternal {
				t.Fatal(err)
			}
		default:
			c, _, err := image.DecodeConfig(bytes.NewReader(small))
			if err != nil || c.Width > 16 || c.Height > 16 || !strings.HasPrefix(mime, "image/") {
				t.Fatalf("%+v %s %v", c, mime, err)
			}
		}
	})
}

// BenchmarkShrink makes a small picture of a photograph of 12 megapixels.
func BenchmarkShrink(b *testing.B) {
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, halves(4000, 3000), nil); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := picture.Shrink(b.Context(), bytes.NewReader(photo.Bytes()), 256); err != nil {
			b.Fatal(err)
		}
	}
}
