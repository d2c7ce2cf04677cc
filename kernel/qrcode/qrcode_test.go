package qrcode

import (
	"bytes"
	"image"
	"image/png"
	"slices"
	"strings"
	"testing"

	"rsc.io/qr"

	"github.com/carapace-gateway/carapace/wit"
)

// TestDraw draws module for module, within the margin that a reader needs.
func TestDraw(t *testing.T) {
	for _, text := range []string{"", "x", "sgnl://linkdevice?uuid=abc&pub_key=def", strings.Repeat("long", 500)} {
		var drawn bytes.Buffer
		if err := Draw(&drawn, text); err != nil {
			t.Fatal(err)
		}
		code, err := qr.Encode(text, qr.L)
		if err != nil {
			t.Fatal(err)
		}
		var rows [][]bool
		for line := range strings.Lines(strings.NewReplacer("\x1b[30;107m", "", "\x1b[0m", "").Replace(drawn.String())) {
			upper, lower := []bool{}, []bool{}
			for _, r := range strings.TrimSuffix(line, "\n") {
				upper, lower = append(upper, r == '█' || r == '▀'), append(lower, r == '█' || r == '▄')
			}
			rows = append(rows, upper, lower)
		}
		side := code.Size + 2*quiet
		for y := range rows {
			want := make([]bool, side)
			for x := range want {
				want[x] = code.Black(x-quiet, y-quiet)
			}
			if !slices.Equal(rows[y], want) {
				t.Fatalf("row %d of %.20q is wrong", y, text)
			}
		}
		if len(rows) < side {
			t.Errorf("%d rows of %d", len(rows), side)
		}
	}
	if err := Draw(&bytes.Buffer{}, strings.Repeat("x", 3000)); wit.CodeOf(err) != wit.CodeTooLarge {
		t.Errorf("a text that no code holds: %v", err)
	}
}

// TestPNG is a picture of the same code, a square of whole modules with a light margin.
func TestPNG(t *testing.T) {
	b, err := PNG("wss://chat.example.org")
	if err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	code, err := qr.Encode("wss://chat.example.org", qr.L)
	if err != nil {
		t.Fatal(err)
	}
	side := picture.Bounds().Dx()
	module := side / (code.Size + 2*quiet)
	if picture.Bounds() != image.Rect(0, 0, side, side) || module*(code.Size+2*quiet) != side {
		t.Fatalf("a picture of %v for a code of %d modules", picture.Bounds(), code.Size)
	}
	for y := range side {
		for x := range side {
			if r, _, _, _ := picture.At(x, y).RGBA(); (r == 0) != code.Black(x/module-quiet, y/module-quiet) {
				t.Fatalf("(%d, %d) is wrong", x, y)
			}
		}
	}
	if _, err := PNG(strings.Repeat("x", 3000)); wit.CodeOf(err) != wit.CodeTooLarge {
		t.Errorf("a text that no code holds: %v", err)
	}
}
