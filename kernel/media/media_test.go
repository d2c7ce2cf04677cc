package media_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/media"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// each runs a test on both kinds of store.
func each(t *testing.T, l media.Limits, test func(t *testing.T, m *media.Store)) {
	t.Run("folder", func(t *testing.T) {
		m, err := media.Open(context.Background(), filepath.Join(t.TempDir(), "media"), store.OpenMemory(), l, hclog.NewNullLogger())
		if err != nil {
			t.Fatal(err)
		}
		test(t, m)
	})
	t.Run("memory", func(t *testing.T) {
		m, err := media.OpenMemory(context.Background(), store.OpenMemory(), l)
		if err != nil {
			t.Fatal(err)
		}
		test(t, m)
	})
}

func put(t *testing.T, m *media.Store, content string) wit.MediaInfo {
	t.Helper()
	return store1(t, m, content, wit.MediaInfo{})
}

func store1(t *testing.T, m *media.Store, content string, like wit.MediaInfo) wit.MediaInfo {
	t.Helper()
	id, err := m.Store(t.Context(), like, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	info, err := m.Stat(t.Context(), id)
	if err != nil || info.Media != id {
		t.Fatalf("%+v %v", info, err)
	}
	return info
}

func read(m *media.Store, id string) (string, error) {
	r, _, err := m.Open(context.Background(), id)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(r)
	return string(b), errors.Join(err, r.Close())
}

func TestPutOpenStat(t *testing.T) {
	each(t, media.Limits{}, func(t *testing.T, m *media.Store) {
		png := "\x89PNG\r\n\x1a\n" + strings.Repeat("x", 1000)
		a := store1(t, m, png, wit.MediaInfo{Media: "mine", Name: ptr(`C:\..\cat.png`), Size: 1})
		if a.Mime != "image/png" || *a.Name != "cat.png" || a.Size != int64(len(png)) || len(a.Media) != 64 {
			t.Fatalf("%+v", a)
		}
		if got, err := read(m, a.Media); err != nil || got != png {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		id, err := m.Put(t.Context(), "text/html", "other", []byte(png))
		if b, _ := m.Stat(t.Context(), id); err != nil || id != a.Media || *b.Name != "cat.png" || b.Mime != "image/png" {
			t.Errorf("the same content again: %+v %v", b, err)
		}
		for _, id := range []string{"", "../../etc/passwd", strings.Repeat("0", 64), strings.Repeat("G", 64)} {
			if _, err := m.Stat(t.Context(), id); wit.CodeOf(err) != wit.CodeNotFound {
				t.Errorf("%q: %v", id, err)
			}
			if _, _, err := m.Open(t.Context(), id); wit.CodeOf(err) != wit.CodeNotFound {
				t.Errorf("%q: %v", id, err)
			}
		}
	})
}

func TestPutRefuses(t *testing.T) {
	each(t, media.Limits{MaxFile: 100}, func(t *testing.T, m *media.Store) {
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		for name, c := range map[string]struct {
			ctx  context.Context
			r    io.Reader
			want wit.Code
		}{
			"nothing":     {t.Context(), strings.NewReader(""), wit.CodeInvalid},
			"too much":    {t.Context(), strings.NewReader(strings.Repeat("x", 101)), wit.CodeTooLarge},
			"endless":     {t.Context(), endless{}, wit.CodeTooLarge},
			"broken":      {t.Context(), io.MultiReader(strings.NewReader("x"), broken{}), wit.CodeUnavailable},
			"interrupted": {ended, strings.NewReader("x"), wit.CodeTimeout},
		} {
			if _, err := m.Store(c.ctx, wit.MediaInfo{}, c.r); wit.CodeOf(err) != c.want {
				t.Errorf("%s: %v", name, err)
			}
		}
		if got := put(t, m, strings.Repeat("x", 100)); got.Size != 100 {
			t.Errorf("a file of exactly the bound: %+v", got)
		}
	})
}

func ptr[T any](v T) *T { return &v }

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, fs.ErrPermission }

func TestTheTotalIsBoundedAndOldFilesGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := media.OpenMemory(context.Background(), store.OpenMemory(), media.Limits{MaxTotal: 100, TTL: 24 * time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- m.Run(ctx) }()
		a := put(t, m, strings.Repeat("a", 40))
		time.Sleep(2 * time.Hour)
		b := put(t, m, strings.Repeat("b", 40))
		time.Sleep(2 * time.Hour)
		if _, err := read(m, a.Media); err != nil { // a is used later than b now
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		c := put(t, m, strings.Repeat("c", 40))
		if _, err := m.Stat(ctx, b.Media); wit.CodeOf(err) != wit.CodeNotFound {
			t.Errorf("the least recently used file is still there: %v", err)
		}
		for _, id := range []string{a.Media, c.Media} {
			if _, err := read(m, id); err != nil {
				t.Errorf("%v", err)
			}
		}
		time.Sleep(26 * time.Hour)
		if _, err := m.Stat(ctx, a.Media); wit.CodeOf(err) != wit.CodeNotFound {
			t.Errorf("an old file is still there: %v", err)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestACrashLeavesNothingThatIsSeen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "media")
	db := store.OpenMemory()
	m, err := media.Open(t.Context(), dir, db, media.Limits{}, hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	kept := put(t, m, "kept")
	orphan := strings.Repeat("ab", 32)
	old := time.Now().Add(-2 * time.Hour)
	for _, p := range []string{filepath.Join(dir, "new-123"), filepath.Join(dir, "ab", orphan)} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o700), os.WriteFile(p, []byte("half"), 0o600), os.Chtimes(p, old, old)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(filepath.Join(dir, kept.Media[:2], kept.Media), old, old); err != nil {
		t.Fatal(err)
	}
	m, err = media.Open(t.Context(), dir, db, media.Limits{}, hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	m.Clean(t.Context())
	if _, err := read(m, orphan); wit.CodeOf(err) != wit.CodeNotFound {
		t.Errorf("bytes without a record: %v", err)
	}
	if got, err := read(m, kept.Media); err != nil || got != "kept" {
		t.Errorf("%q %v", got, err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if fresh, _ := filepath.Glob(filepath.Join(dir, "new-*")); err != nil || len(left) != 1 || len(fresh) != 0 {
		t.Errorf("left over: %v %v %v", left, fresh, err)
	}
}

func TestManyAtOnce(t *testing.T) {
	each(t, media.Limits{MaxTotal: 2000}, func(t *testing.T, m *media.Store) {
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				content := bytes.Repeat([]byte{byte(i % 5)}, 300)
				id, err := m.Put(context.Background(), "", "", content)
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := read(m, id); err != nil || got != string(content) {
					t.Errorf("%d bytes, %v", len(got), err)
				}
			})
		}
		wg.Wait()
	})
}
