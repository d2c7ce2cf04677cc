package media_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/media"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// closed is a store in a folder, whose files are sealed or not.
type closed struct {
	*media.Store
	t   *testing.T
	dir string
	on  *atomic.Bool
}

func openClosed(t *testing.T, on bool) closed {
	t.Helper()
	c := closed{t: t, dir: filepath.Join(t.TempDir(), "media"), on: new(atomic.Bool)}
	c.on.Store(on)
	db := store.OpenMemory()
	m, err := media.Open(t.Context(), c.dir, db, media.Options{
		Sealed: func(context.Context) (bool, error) { return c.on.Load(), nil }, Key: bytes.Repeat([]byte{7}, 32),
	})
	if err != nil {
		t.Fatal(err)
	}
	c.Store = m
	return c
}

// path is the one file that a file has.
func (c closed) path(id string) string {
	c.t.Helper()
	paths, err := filepath.Glob(filepath.Join(c.dir, id[:2], id+"*"))
	if err != nil || len(paths) != 1 {
		c.t.Fatalf("%s: %q %v", id, paths, err)
	}
	return paths[0]
}

// bytes are those on the disk.
func (c closed) bytes(id string) []byte {
	c.t.Helper()
	b, err := os.ReadFile(c.path(id))
	if err != nil {
		c.t.Fatal(err)
	}
	return b
}

// overwrite puts others there.
func (c closed) overwrite(id string, b []byte) {
	c.t.Helper()
	if err := os.WriteFile(c.path(id), b, 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// words is text that repeats itself, of so many bytes.
func words(n int) string { return strings.Repeat("rhododendron ", n/13+1)[:n] }

// TestSealedFiles read as those that are not, from any place, and nothing of them is on the disk.
func TestSealedFiles(t *testing.T) {
	c := openClosed(t, true)
	for _, n := range []int{1, 64<<10 - 1, 64 << 10, 64<<10 + 1, 300_000} {
		f := put(t, c.Store, words(n))
		if f.Size != int64(n) || bytes.Contains(c.bytes(f.Media), []byte("rhodo")) {
			t.Errorf("%d bytes: %+v is in the clear", n, f)
		}
		r, _, err := c.Content(t.Context(), f.Media)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(iotest.TestReader(r, []byte(words(n))), r.Close()); err != nil {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if _, err := c.Put(t.Context(), "", "", nil); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("nothing: %v", err)
	}
	a := put(t, c.Store, words(100))
	before := c.bytes(a.Media)
	if again := put(t, c.Store, words(100)); again.Media != a.Media || bytes.Equal(before, c.bytes(a.Media)) {
		t.Error("the same content twice has the same bytes: a nonce was used again")
	}
	if err := c.Delete(t.Context(), a.Media); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(c.dir, "*", a.Media+"*")); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

// TestASealedFileThatWasChanged is refused with its name.
func TestASealedFileThatWasChanged(t *testing.T) {
	c := openClosed(t, true)
	text := words(200_000)
	f, other := put(t, c.Store, text), put(t, c.Store, words(200_001))
	whole, others := c.bytes(f.Media), c.bytes(other.Media)
	const head, piece = 19 + 32 + 16 + 19, 64<<10 + 16
	for name, changed := range map[string][]byte{
		"nothing":         {},
		"a part of heads": whole[:50],
		"no body":         whole[:head],
		"cut":             whole[:len(whole)-1],
		"cut at a piece":  whole[:head+2*piece],
		"more behind it":  append(bytes.Clone(whole), 1),
		"another's":       others,
		"another's body":  append(bytes.Clone(whole[:67]), others[67:]...),
		"another's head":  append(bytes.Clone(others[:67]), whole[67:]...),
		"a bit in it":     append(append(bytes.Clone(whole[:head+5]), whole[head+5]^1), whole[head+6:]...),
		"swapped pieces": append(append(append(bytes.Clone(whole[:head]), whole[head+piece:head+2*piece]...), whole[head:head+piece]...),
			whole[head+2*piece:]...),
		"plain": []byte(text),
	} {
		c.overwrite(f.Media, changed)
		got, err := read(c.Store, f.Media)
		if wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), f.Media) || got != "" {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	if got, err := read(c.Store, other.Media); err != nil || len(got) != 200_001 {
		t.Errorf("the other one: %d bytes, %v", len(got), err)
	}
	put(t, c.Store, text)
	if got, err := read(c.Store, f.Media); err != nil || got != text {
		t.Errorf("put once more, it is whole again: %d bytes, %v", len(got), err)
	}
}

// TestConvert: files that were there are sealed, and in the clear again.
func TestConvert(t *testing.T) {
	c := openClosed(t, false)
	list := map[string]string{}
	for i := range 20 {
		text := words(10_000 * (i + 1))
		list[put(t, c.Store, text).Media] = text
	}
	all := func(sealed bool) {
		t.Helper()
		for id, text := range list {
			if got, err := read(c.Store, id); err != nil || got != text {
				t.Errorf("%d of %d bytes, %v", len(got), len(text), err)
			}
			if bytes.Contains(c.bytes(id), []byte("rhodo")) == sealed {
				t.Errorf("%s: it should be sealed: %v", c.path(id), sealed)
			}
		}
	}
	for _, on := range []bool{true, false, true} {
		c.on.Store(on)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := c.Convert(ended); wit.CodeOf(err) != wit.CodeTimeout {
			t.Errorf("for nobody: %v", err)
		}
		for range 2 {
			if err := c.Convert(t.Context()); err != nil {
				t.Fatal(err)
			}
			all(on)
		}
	}
	c.on.Store(false)
	for id, text := range list { // opened before it was converted
		if got, err := read(c.Store, id); err != nil || got != text {
			t.Errorf("%d of %d bytes, %v", len(got), len(text), err)
		}
	}
	if u, err := c.Used(t.Context()); err != nil || u.Files != 20 {
		t.Errorf("%+v %v", u, err)
	}
}

// TestPlainFilesAmongSealedOnes are sealed when they are opened if they are what was put, and else refused; one that lies beside
// its sealed twin, as a crash leaves it, goes.
func TestPlainFilesAmongSealedOnes(t *testing.T) {
	c := openClosed(t, false)
	f, forged, twice := put(t, c.Store, "what was put"), put(t, c.Store, "and what not"), put(t, c.Store, "there twice")
	plain := c.path(twice.Media)
	c.overwrite(forged.Media, []byte("was forged"))
	c.on.Store(true)
	if got, err := read(c.Store, f.Media); err != nil || got != "what was put" || bytes.Contains(c.bytes(f.Media), []byte("put")) {
		t.Errorf("%q %v", got, err)
	}
	if got, err := read(c.Store, forged.Media); wit.CodeOf(err) != wit.CodeInvalid || got != "" {
		t.Errorf("%q %v", got, err)
	}
	if got, err := read(c.Store, twice.Media); err != nil || got != "there twice" {
		t.Errorf("%q %v", got, err)
	}
	if err := os.WriteFile(plain, []byte("there twice"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.Convert(t.Context()); wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), "1 files") {
		t.Errorf("%v", err)
	}
	if c.path(twice.Media) == plain {
		t.Error("the plain one is still there")
	}
	c.Clean(t.Context())
	if u, err := c.Used(t.Context()); err != nil || u.Files != 3 {
		t.Errorf("%+v %v", u, err)
	}
}

// TestKilledWhileWriting: what an unfinished file has is sealed too, and it is gone when files are converted.
func TestKilledWhileWriting(t *testing.T) {
	c := openClosed(t, true)
	from, to := io.Pipe()
	stored := make(chan error, 1)
	go func() {
		_, err := c.Store.Store(t.Context(), wit.MediaInfo{}, from)
		stored <- err
	}()
	if _, err := io.WriteString(to, words(1<<20)); err != nil {
		t.Fatal(err)
	}
	half, err := filepath.Glob(filepath.Join(c.dir, "new-*"))
	if err != nil || len(half) != 1 {
		t.Fatalf("%v %v", half, err)
	}
	b, err := os.ReadFile(half[0])
	if err != nil || len(b) < 1<<19 || bytes.Contains(b, []byte("rhodo")) {
		t.Errorf("%d bytes in the clear, %v", len(b), err)
	}
	_ = to.Close()
	if err := <-stored; err != nil {
		t.Error(err)
	}
	left := filepath.Join(c.dir, "new-left")
	old := time.Now().Add(-time.Minute)
	if err := errors.Join(os.WriteFile(left, []byte(words(100)), 0o600), os.Chtimes(left, old, old), c.Convert(t.Context())); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); err == nil {
		t.Error("what a process has left that was killed is still there")
	}
}

// TestConvertedWhileUsed: who puts, reads and deletes meanwhile notices nothing, and in the end all has one form.
func TestConvertedWhileUsed(t *testing.T) {
	c := openClosed(t, false)
	var wg sync.WaitGroup
	ids := make(chan string, 80)
	for w := range 4 {
		wg.Go(func() {
			for i := range 20 {
				text := words(1000*(w+1) + i)
				id, err := c.Put(t.Context(), "", "", []byte(text))
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := read(c.Store, id); err != nil || got != text {
					t.Errorf("%d of %d bytes, %v", len(got), len(text), err)
				}
				if i%4 == 0 {
					if err := c.Delete(t.Context(), id); err != nil {
						t.Error(err)
					}
					continue
				}
				ids <- id
			}
		})
	}
	for i := range 10 {
		c.on.Store(i%2 == 0)
		if err := c.Convert(t.Context()); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
	close(ids)
	c.on.Store(true)
	if err := c.Convert(t.Context()); err != nil {
		t.Error(err)
	}
	n := 0
	for id := range ids {
		if n++; bytes.Contains(c.bytes(id), []byte("rhodo")) {
			t.Errorf("%s is in the clear", id)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(c.dir, "*", "*")); len(left) != n {
		t.Errorf("%d files are left of %d", len(left), n)
	}
}

// TestAHugeSealedFile is written and read in little memory.
func TestAHugeSealedFile(t *testing.T) {
	const size = 16 << 20
	c := openClosed(t, true)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	id, err := c.Store.Store(t.Context(), wit.MediaInfo{}, io.LimitReader(endless{}, size))
	if err != nil {
		t.Fatal(err)
	}
	r, f, err := c.Content(t.Context(), id)
	if err != nil || f.Size != size {
		t.Fatalf("%+v %v", f, err)
	}
	defer r.Close()
	if n, err := io.Copy(io.Discard, r); n != size || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	if at, err := r.Seek(-5, io.SeekEnd); at != size-5 || err != nil {
		t.Errorf("%d %v", at, err)
	}
	if end, err := io.ReadAll(r); len(end) != 5 || err != nil {
		t.Errorf("%d %v", len(end), err)
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 2<<20 {
		t.Errorf("%d bytes of memory were taken for it", took)
	}
}

// BenchmarkRead is what sealing costs who reads.
func BenchmarkRead(b *testing.B) {
	for name, on := range map[string]bool{"plain": false, "sealed": true} {
		b.Run(name, func(b *testing.B) {
			m, err := media.Open(b.Context(), b.TempDir(), store.OpenMemory(), media.Options{
				Sealed: func(context.Context) (bool, error) { return on, nil }, Key: bytes.Repeat([]byte{7}, 32),
			})
			if err != nil {
				b.Fatal(err)
			}
			id, err := m.Put(b.Context(), "", "", []byte(words(1<<20)))
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(1 << 20)
			for b.Loop() {
				if _, err := read(m, id); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
