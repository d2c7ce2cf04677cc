package picture

import (
	"bytes"
	"image"
	"image/draw"
	"image/jpeg"
	"image/png"
)

// quality is that of the JPEGs that are made.
const quality = 82

// scale makes a picture smaller: each pixel is the mean of those that it stands for. The large picture is converted row by row,
// so that it is never there twice.
func scale(from image.Image, most int) *image.RGBA {
	b := from.Bounds()
	w, h := fit(b.Dx(), b.Dy(), most)
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	strip := image.NewRGBA(image.Rect(0, 0, b.Dx(), 1))
	sums := make([]uint64, 4*w)
	for y := range h {
		top, bottom := y*b.Dy()/h, max((y+1)*b.Dy()/h, y*b.Dy()/h+1)
		clear(sums)
		for row := top; row < bottom; row++ {
			draw.Draw(strip, strip.Bounds(), from, image.Pt(b.Min.X, b.Min.Y+row), draw.Src)
			sum(sums, strip.Pix, w, b.Dx())
		}
		for x := range w {
			n := uint64(span(x, w, b.Dx())) * uint64(bottom-top)
			for c := range 4 {
				out.Pix[y*out.Stride+4*x+c] = uint8((sums[4*x+c] + n/2) / n)
			}
		}
	}
	return out
}

// sum adds a row of a large picture to the pixels that stand for it.
func sum(sums []uint64, row []uint8, w, width int) {
	for x := range w {
		left := 4 * (x * width / w)
		part := row[left : left+4*span(x, w, width)]
		var r, g, b, a uint64
		for i := 0; i+3 < len(part); i += 4 {
			r, g, b, a = r+uint64(part[i]), g+uint64(part[i+1]), b+uint64(part[i+2]), a+uint64(part[i+3])
		}
		s := sums[4*x : 4*x+4]
		s[0], s[1], s[2], s[3] = s[0]+r, s[1]+g, s[2]+b, s[3]+a
	}
}

// span is how many pixels of a row one stands for.
func span(x, w, width int) int { return max((x+1)*width/w-x*width/w, 1) }

// fit is the size that keeps the proportions, within most on the longer side; nothing becomes larger.
func fit(w, h, most int) (int, int) {
	long := max(w, h)
	if long <= most {
		return w, h
	}
	return max(w*most/long, 1), max(h*most/long, 1)
}

// turn puts a picture upright. The numbers are Exif's: which side of the picture the first row and the first column are.
func turn(from *image.RGBA, turned int) *image.RGBA {
	if turned < 2 {
		return from
	}
	w, h := from.Rect.Dx(), from.Rect.Dy()
	size := image.Rect(0, 0, w, h)
	if turned >= 5 {
		size = image.Rect(0, 0, h, w)
	}
	out := image.NewRGBA(size)
	for y := range h {
		for x := range w {
			ax, ay := x, y
			switch turned {
			case 2:
				ax = w - 1 - x
			case 3:
				ax, ay = w-1-x, h-1-y
			case 4:
				ay = h - 1 - y
			case 5:
				ax, ay = y, x
			case 6:
				ax, ay = h-1-y, x
			case 7:
				ax, ay = h-1-y, w-1-x
			case 8:
				ax, ay = y, w-1-x
			}
			out.SetRGBA(ax, ay, from.RGBAAt(x, y))
		}
	}
	return out
}

func encode(m *image.RGBA) ([]byte, string, error) {
	var b bytes.Buffer
	if m.Opaque() {
		err := jpeg.Encode(&b, m, &jpeg.Options{Quality: quality})
		return b.Bytes(), "image/jpeg", err
	}
	err := png.Encode(&b, m)
	return b.Bytes(), "image/png", err
}
