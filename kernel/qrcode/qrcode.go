// Package qrcode makes QR codes of texts: as pictures for pages, and for terminals.
package qrcode

import (
	"io"
	"strings"

	"rsc.io/qr"

	"github.com/carapace-gateway/carapace/wit"
)

// quiet is the margin that a reader of QR codes needs around one, in modules (ISO/IEC 18004, 6.3.8).
const quiet = 4

// PNG returns a picture of the code, with its margin. Errors: CodeTooLarge for a text that no code holds, which is about 2,900 bytes.
func PNG(text string) ([]byte, error) {
	code, err := encode(text)
	if err != nil {
		return nil, err
	}
	return code.PNG(), nil
}

// Draw writes the code for a terminal, two rows of modules to a line. It names both colours: a reader wants dark on light, whatever
// the terminal's own are. Errors: PNG's, and the writer's.
func Draw(w io.Writer, text string) error {
	code, err := encode(text)
	if err != nil {
		return err
	}
	var b strings.Builder
	for y := -quiet; y < code.Size+quiet; y += 2 {
		b.WriteString("\x1b[30;107m") // black on bright white
		for x := -quiet; x < code.Size+quiet; x++ {
			b.WriteString(half(code.Black(x, y), code.Black(x, y+1)))
		}
		b.WriteString("\x1b[0m\n")
	}
	_, err = io.WriteString(w, b.String())
	return err
}

// encode corrects the fewest errors, so that the code is small: screens have few.
func encode(text string) (*qr.Code, error) {
	code, err := qr.Encode(text, qr.L)
	if err != nil {
		return nil, wit.Errorf(wit.CodeTooLarge, "draw the code: %w", err)
	}
	return code, nil
}

// half is the character of two modules, one above the other.
func half(upper, lower bool) string {
	switch {
	case upper && lower:
		return "█"
	case upper:
		return "▀"
	case lower:
		return "▄"
	}
	return " "
}
