package sealed_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/carapace-gateway/carapace/kernel/sealed"
	"github.com/carapace-gateway/carapace/wit"
)

const piece = 64 << 10

func key(b byte) []byte { return bytes.Repeat([]byte{b}, sealed.KeySize) }

func seal(t testing.TB, plain []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := sealed.NewWriter(&out, key(1), "file a")
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(plain); i += 10_007 {
		if _, err := w.Write(plain[i:min(i+10_007, len(plain))]); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func open(from io.Reader, key []byte, bond string) ([]byte, error) {
	r, err := sealed.NewReader(from, key, bond)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// plain is text of a length that differs everywhere.
func plain(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i) ^ byte(i>>8) ^ byte(i>>16)
	}
	return b
}

func TestRoundTrip(t *testing.T) {
	for _, n := range []int{0, 1, piece - 1, piece, piece + 1, 3 * piece, 3*piece + 7} {
		box := seal(t, plain(n))
		for name, from := range map[string]io.Reader{"at once": bytes.NewReader(box), "in halves": iotest.HalfReader(bytes.NewReader(box)), "with its end": iotest.DataErrReader(bytes.NewReader(box))} {
			if got, err := open(from, key(1), "file a"); err != nil || !bytes.Equal(got, plain(n)) {
				t.Errorf("%d bytes %s: %d bytes, %v", n, name, len(got), err)
			}
		}
		if n > 100 && bytes.Contains(box, plain(n)[:50]) {
			t.Error("it can be read without the key")
		}
	}
}

// TestChanged: whatever is changed is noticed, and nothing is given out that was.
func TestChanged(t *testing.T) {
	text := plain(3*piece + 7)
	whole := seal(t, text)
	const head, box = 19, piece + 16
	for name, changed := range map[string][]byte{
		"nothing":         nil,
		"the head alone":  whole[:head],
		"cut":             whole[:len(whole)-1],
		"cut at a piece":  whole[:head+2*box],
		"one piece less":  append(bytes.Clone(whole[:head+box]), whole[head+2*box:]...),
		"pieces swapped":  append(append(append(bytes.Clone(whole[:head]), whole[head+box:head+2*box]...), whole[head:head+box]...), whole[head+2*box:]...),
		"a piece twice":   append(bytes.Clone(whole[:head+box]), whole[head:]...),
		"more behind it":  append(bytes.Clone(whole), 0),
		"another head":    append([]byte{whole[0] ^ 1}, whole[1:]...),
		"the last bit":    append(bytes.Clone(whole[:len(whole)-1]), whole[len(whole)-1]^1),
		"a bit in it":     append(append(bytes.Clone(whole[:head+box+5]), whole[head+box+5]^1), whole[head+box+6:]...),
		"another's piece": append(bytes.Clone(whole[:head+box]), seal(t, text)[head+box:]...),
	} {
		got, err := open(bytes.NewReader(changed), key(1), "file a")
		if wit.CodeOf(err) != wit.CodeInvalid || !bytes.HasPrefix(text, got) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	for name, try := range map[string]func() ([]byte, error){
		"another key":    func() ([]byte, error) { return open(bytes.NewReader(whole), key(2), "file a") },
		"another stream": func() ([]byte, error) { return open(bytes.NewReader(whole), key(1), "file b") },
	} {
		if got, err := try(); wit.CodeOf(err) != wit.CodeInvalid || len(got) > 0 {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	broken := errors.New("broken")
	if _, err := open(iotest.ErrReader(broken), key(1), "file a"); !errors.Is(err, broken) {
		t.Errorf("a disk that fails: %v", err)
	}
}

func BenchmarkSeal(b *testing.B) {
	text := plain(1 << 20)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		seal(b, text)
	}
}
