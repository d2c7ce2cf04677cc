package sealed_test

import (
	"bytes"
	"io"
	"testing"
	"testing/iotest"

	"github.com/carapace-gateway/carapace/kernel/sealed"
	"github.com/carapace-gateway/carapace/wit"
)

func section(box []byte) (*sealed.Section, error) {
	return sealed.NewSection(bytes.NewReader(box), int64(len(box)), key(1), "file a")
}

// TestSection: it reads as the bytes themselves would, from any place.
func TestSection(t *testing.T) {
	for _, n := range []int{0, 1, piece - 1, piece, piece + 1, 2 * piece, 3*piece + 7} {
		text, box := plain(n), seal(t, plain(n))
		if sealed.Size(int64(n)) != int64(len(box)) {
			t.Errorf("%d bytes are %d sealed, and Size says %d", n, len(box), sealed.Size(int64(n)))
		}
		s, err := section(box)
		if err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if err := iotest.TestReader(s, text); err != nil {
			t.Errorf("%d bytes: %v", n, err)
		}
		for _, from := range []int{0, 1, piece - 1, piece, piece + 1, n - 1} {
			if from < 0 || from > n {
				continue
			}
			_, err := s.Seek(int64(from), io.SeekStart)
			got, failed := io.ReadAll(io.LimitReader(s, piece+2))
			if want := text[from:min(n, from+piece+2)]; err != nil || failed != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes from %d: %d bytes, %v %v", n, from, len(got), err, failed)
			}
		}
		if _, err := s.Seek(-1, io.SeekStart); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("before the beginning: %v", err)
		}
	}
}

// TestSectionChanged: what was cut off or has something behind it is refused at once, and what was changed where it is read.
func TestSectionChanged(t *testing.T) {
	text := plain(3*piece + 7)
	whole := seal(t, text)
	const head, box = 19, piece + 16
	for name, changed := range map[string][]byte{
		"nothing":           nil,
		"the head alone":    whole[:head],
		"less than a piece": whole[:head+15],
		"cut":               whole[:len(whole)-1],
		"cut at a piece":    whole[:head+2*box],
		"cut to one piece":  whole[:head+box],
		"one piece less":    append(bytes.Clone(whole[:head+box]), whole[head+2*box:]...),
		"more behind it":    append(bytes.Clone(whole), 0),
		"a piece behind it": append(bytes.Clone(whole), whole[head:head+box]...),
		"another head":      append([]byte{whole[0] ^ 1}, whole[1:]...),
		"a tail of a tag":   append(bytes.Clone(whole[:head+3*box]), whole[:3]...),
	} {
		if _, err := section(changed); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := seal(t, text)
	for name, changed := range map[string][]byte{
		"pieces swapped":  append(append(append(bytes.Clone(whole[:head]), whole[head+box:head+2*box]...), whole[head:head+box]...), whole[head+2*box:]...),
		"a bit in it":     append(append(bytes.Clone(whole[:head+box+5]), whole[head+box+5]^1), whole[head+box+6:]...),
		"another's piece": append(append(bytes.Clone(whole[:head+box]), other[head+box:head+2*box]...), whole[head+2*box:]...),
	} {
		s, err := section(changed)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := io.ReadAll(s)
		if wit.CodeOf(err) != wit.CodeInvalid || !bytes.HasPrefix(text, got) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		_, _ = s.Seek(3*piece, io.SeekStart)
		if got, err := io.ReadAll(s); err != nil || !bytes.Equal(got, text[3*piece:]) {
			t.Errorf("%s: what is behind it: %d bytes, %v", name, len(got), err)
		}
	}
	for name, try := range map[string]func() (*sealed.Section, error){
		"another key": func() (*sealed.Section, error) {
			return sealed.NewSection(bytes.NewReader(whole), int64(len(whole)), key(2), "file a")
		},
		"another stream": func() (*sealed.Section, error) {
			return sealed.NewSection(bytes.NewReader(whole), int64(len(whole)), key(1), "file b")
		},
		"shorter than was said": func() (*sealed.Section, error) {
			return sealed.NewSection(bytes.NewReader(whole[:100]), int64(len(whole)), key(1), "file a")
		},
	} {
		if _, err := try(); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
