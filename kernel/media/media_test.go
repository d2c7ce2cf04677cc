package media_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/media"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

func options(l media.Limits) media.Options {
	return media.Options{Limits: func() media.Limits { return l }}
}

// each runs a test on both kinds of store.
func each(t *testing.T, l media.Limits, test func(t *testing.T, m *media.Store)) {
	t.Run("folder", func(t *testing.T) {
		m, err := media.Open(context.Background(), filepath.Join(t.TempDir(), "media"), store.OpenMemory(), options(l))
		if err != nil {
			t.Fatal(err)
		}
		test(t, m)
	})
	t.Run("memory", func(t *testing.T) {
		m, err := media.OpenMemory(context.Background(), store.OpenMemory(), options(l))
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
		m, err := media.OpenMemory(context.Background(), store.OpenMemory(), options(media.Limits{MaxTotal: 100, TTL: 24 * time.Hour}))
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
	m, err := media.Open(t.Context(), dir, db, media.Options{})
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
	m, err = media.Open(t.Context(), dir, db, media.Options{})
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

// rows writes records as a gateway did that had no index.
func rows(t testing.TB, db store.Store, n int, at int64) {
	t.Helper()
	err := db.Update(context.Background(), func(tx store.Tx) error {
		for i := range n {
			id := fmt.Sprintf("%064x", i)
			if err := tx.Put("media", id, fmt.Appendf(nil, `{"id":%q,"size":10,"mime":"text/plain","at":%d,"expires":1}`, id, at+int64(i))); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestFilesOfAnOlderGateway are counted and listed, and go when their time is over.
func TestFilesOfAnOlderGateway(t *testing.T) {
	db := store.OpenMemory()
	rows(t, db, 250, time.Now().Add(-6*24*time.Hour).UnixMilli())
	var gone media.Gone
	limits := media.Limits{}
	m, err := media.OpenMemory(t.Context(), db, media.Options{Limits: func() media.Limits { return limits }, Gone: func(g media.Gone) {
		gone.Reason, gone.IDs, gone.Bytes = g.Reason, append(gone.IDs, g.IDs...), gone.Bytes+g.Bytes
	}})
	if err != nil {
		t.Fatal(err)
	}
	if u, err := m.Used(t.Context()); err != nil || u != (media.Used{Files: 250, Bytes: 2500}) {
		t.Errorf("%+v %v", u, err)
	}
	list, next, err := m.List(t.Context(), "", 100)
	if err != nil || len(list) != 100 || next == "" || list[0].ID != fmt.Sprintf("%064x", 249) {
		t.Errorf("%d %q %v", len(list), next, err)
	}
	limits.TTL = 24 * time.Hour // the owner keeps them for less
	m.Clean(t.Context())
	if u, err := m.Used(t.Context()); err != nil || u != (media.Used{}) {
		t.Errorf("%+v %v", u, err)
	}
	if gone.Reason != media.Expired || len(gone.IDs) != 250 || gone.Bytes != 2500 {
		t.Errorf("%s %d %d", gone.Reason, len(gone.IDs), gone.Bytes)
	}
}

// TestWhatIsLost: a record without bytes and one that cannot be read are no files; a record that the index lacks is in it again.
func TestWhatIsLost(t *testing.T) {
	dir, db := filepath.Join(t.TempDir(), "media"), store.OpenMemory()
	m, err := media.Open(t.Context(), dir, db, media.Options{})
	if err != nil {
		t.Fatal(err)
	}
	lost, damaged, unlisted, whole := put(t, m, "lost"), put(t, m, "damaged"), put(t, m, "unlisted"), put(t, m, "whole")
	err = errors.Join(os.Remove(filepath.Join(dir, lost.Media[:2], lost.Media)), db.Update(t.Context(), func(tx store.Tx) error {
		for r := range tx.Scan("media-used", store.Range{}) {
			if strings.HasSuffix(r.Key, unlisted.Media) {
				return errors.Join(tx.Delete("media-used", r.Key), tx.Put("media", damaged.Media, []byte("{")))
			}
		}
		return errors.New("it is not in the index")
	}))
	if err != nil {
		t.Fatal(err)
	}
	m.Clean(t.Context())
	list, _, err := m.List(t.Context(), "", 10)
	if err != nil || len(list) != 2 {
		t.Errorf("%+v %v", list, err)
	}
	for _, id := range []string{unlisted.Media, whole.Media} {
		if _, err := read(m, id); err != nil {
			t.Error(err)
		}
	}
	if u, err := m.Used(t.Context()); err != nil || u != (media.Used{Files: 2, Bytes: int64(len("unlisted") + len("whole"))}) {
		t.Errorf("%+v %v", u, err)
	}
	if err := m.Delete(t.Context(), lost.Media); wit.CodeOf(err) != wit.CodeNotFound {
		t.Error(err)
	}
}

// TestWhatIsMadeFromAFile goes with it, unless somebody has put the same bytes.
func TestWhatIsMadeFromAFile(t *testing.T) {
	each(t, media.Limits{}, func(t *testing.T, m *media.Store) {
		a, b := put(t, m, "a"), put(t, m, "b")
		for of, made := range map[string]string{a.Media: "small a", b.Media: "small b"} {
			if err := m.Make(t.Context(), of, "thumb", "text/plain", strings.NewReader(made)); err != nil {
				t.Fatal(err)
			}
		}
		r, f, err := m.Made(t.Context(), a.Media, "thumb")
		if err != nil || f.Size != 7 {
			t.Fatalf("%+v %v", f, err)
		}
		_ = r.Close()
		if list, _, err := m.List(t.Context(), "", 10); err != nil || len(list) != 2 {
			t.Errorf("%+v %v", list, err)
		}
		own := put(t, m, "small b")
		if err := errors.Join(m.Delete(t.Context(), a.Media), m.Delete(t.Context(), b.Media)); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Stat(t.Context(), f.ID); wit.CodeOf(err) != wit.CodeNotFound {
			t.Error(err)
		}
		if got, err := read(m, own.Media); err != nil || got != "small b" {
			t.Errorf("%q %v", got, err)
		}
		if u, err := m.Used(t.Context()); err != nil || u.Files != 1 {
			t.Errorf("%+v %v", u, err)
		}
		if _, _, err := m.Made(t.Context(), a.Media, "thumb"); wit.CodeOf(err) != wit.CodeNotFound {
			t.Error(err)
		}
		if err := m.Make(t.Context(), a.Media, "thumb", "", strings.NewReader("x")); wit.CodeOf(err) != wit.CodeNotFound {
			t.Error(err)
		}
	})
}

// TestAFullStore: what is put is there although it is larger than all that may be kept, and everything else makes room.
func TestAFullStore(t *testing.T) {
	each(t, media.Limits{MaxTotal: 50}, func(t *testing.T, m *media.Store) {
		for i := range 30 {
			put(t, m, fmt.Sprintf("file %04d", i))
		}
		if u, err := m.Used(t.Context()); err != nil || u.Bytes > 50 || u.Files != 5 {
			t.Errorf("%+v %v", u, err)
		}
		large := put(t, m, strings.Repeat("x", 100))
		if u, err := m.Used(t.Context()); err != nil || u.Files != 1 || large.Size != 100 {
			t.Errorf("%+v %v", u, err)
		}
	})
}

// BenchmarkOpen: it takes as long with many files as with none.
func BenchmarkOpen(b *testing.B) {
	for _, n := range []int{0, 1000, 100_000} {
		b.Run(fmt.Sprint(n, " files"), func(b *testing.B) {
			dir := b.TempDir()
			db, err := store.Open(b.Context(), filepath.Join(dir, "db"), store.Options{})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = db.Close() })
			rows(b, db, n, 1)
			if _, err := media.Open(b.Context(), dir, db, media.Options{}); err != nil { // this one makes the index
				b.Fatal(err)
			}
			for b.Loop() {
				m, err := media.Open(b.Context(), dir, db, media.Options{})
				if err != nil {
					b.Fatal(err)
				}
				if u, err := m.Used(b.Context()); err != nil || u.Files != n {
					b.Fatal(u, err)
				}
			}
		})
	}
}

// TestADatabaseThatFails leaves bytes without a record, as a crash between the two does: no file, and nothing after a while.
func TestADatabaseThatFails(t *testing.T) {
	dir, db := filepath.Join(t.TempDir(), "media"), storetest.NewFaulty(store.OpenMemory())
	m, err := media.Open(t.Context(), dir, db, media.Options{})
	if err != nil {
		t.Fatal(err)
	}
	whole := put(t, m, "whole")
	for _, fault := range []storetest.Fault{storetest.FaultBefore, storetest.FaultCommit} {
		db.Fail(fault, 1, 1)
		if _, err := m.Put(t.Context(), "", "", []byte("lost by "+fault)); wit.CodeOf(err) != wit.CodeUnavailable {
			t.Errorf("%s: %v", fault, err)
		}
		db.Fail(fault, 1, 1)
		if err := m.Delete(t.Context(), whole.Media); wit.CodeOf(err) != wit.CodeUnavailable {
			t.Errorf("%s: %v", fault, err)
		}
		if got, err := read(m, whole.Media); err != nil || got != "whole" {
			t.Errorf("a file that was not removed: %q %v", got, err)
		}
	}
	left, _ := filepath.Glob(filepath.Join(dir, "*", "*"))
	if len(left) != 3 {
		t.Errorf("%v", left)
	}
	old := time.Now().Add(-2 * time.Hour)
	for _, path := range left {
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	m.Clean(t.Context())
	if left, _ = filepath.Glob(filepath.Join(dir, "*", "*")); len(left) != 1 || filepath.Base(left[0]) != whole.Media {
		t.Errorf("%v", left)
	}
	if u, err := m.Used(t.Context()); err != nil || u != (media.Used{Files: 1, Bytes: 5}) {
		t.Errorf("%+v %v", u, err)
	}
}
