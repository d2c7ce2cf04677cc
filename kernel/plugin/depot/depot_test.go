package depot_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/plugin/archive"
	"github.com/carapace-gateway/carapace/kernel/plugin/depot"
	"github.com/carapace-gateway/carapace/kernel/plugin/source"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// incoming is an archive of a plugin p whose code is so many bytes that cannot be compressed.
func incoming(t *testing.T, version string, size int) depot.Incoming {
	t.Helper()
	code := make([]byte, size)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(code) // never fails
	data, err := archive.Pack(map[string][]byte{
		"plugin.json": fmt.Appendf(nil, `{"id":"p","name":"P","version":%q,"description":"x","abi":1,"entry":"p.wasm","provides":{"hooks":[{"name":"message_sent"}]}}`, version),
		"p.wasm":      code, "README.md": []byte("# P"),
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := archive.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	return depot.Incoming{Package: p, Archive: data}
}

func open(t *testing.T, db store.Store) *depot.Depot {
	t.Helper()
	d, err := depot.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func nothing(store.Tx) error { return nil }

// packages are the versions that may run, the one that is wanted last.
func packages(t *testing.T, d *depot.Depot) (list []source.Package) {
	t.Helper()
	list, err := d.Packages()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestCodeIsWhatWasInstalled, whatever its size, also after the store was opened again; and none where the store was changed.
func TestCodeIsWhatWasInstalled(t *testing.T) {
	for _, size := range []int{1, 4<<20 - 1, 9 << 20} {
		db := store.OpenMemory()
		in := incoming(t, "1.0.0", size)
		if err := open(t, db).Put(t.Context(), in, nothing); err != nil {
			t.Fatal(err)
		}
		d := open(t, db)
		list := packages(t, d)
		if len(list) != 1 || list[0].Digest != in.Package.Digest() || list[0].Folder != "p" {
			t.Fatalf("%+v", list)
		}
		code, err := list[0].Code("p.wasm")
		if err != nil || !bytes.Equal(code, in.Package.Files["p.wasm"]) {
			t.Errorf("%d bytes of %d, %v", len(code), size, err)
		}
		if text, err := list[0].Manifest(); err != nil || !bytes.Equal(text, in.Package.Files["plugin.json"]) {
			t.Errorf("%s %v", text, err)
		}
		if same, err := d.Archive(t.Context(), "p", list[0].Digest); err != nil || !bytes.Equal(same, in.Archive) {
			t.Errorf("the archive is another: %v", err)
		}
		err = db.Update(t.Context(), func(tx store.Tx) error {
			return tx.Put("plugin.archive", "p/"+list[0].Digest+"/000", []byte("changed"))
		})
		if err != nil {
			t.Fatal(err)
		}
		if code, err := list[0].Code("p.wasm"); wit.CodeOf(err) != wit.CodeUnavailable || !strings.Contains(err.Error(), "install it again") {
			t.Errorf("%d bytes of what was changed are read: %v", len(code), err)
		}
	}
}

// TestWhatIsKept: the version that ran, the wanted one, and some behind them; of the others nothing is left in the store.
func TestWhatIsKept(t *testing.T) {
	db := store.OpenMemory()
	d := open(t, db)
	put := func(version string, running bool) depot.Incoming {
		in := incoming(t, version, 10)
		if p, _ := d.Of("p"); running {
			in.Runs = p.Wanted
		}
		if err := d.Put(t.Context(), in, nothing); err != nil {
			t.Fatal(err)
		}
		return in
	}
	first := put("1.0.0", false)
	for n := range 8 { // none of them ever runs but the first
		put(fmt.Sprintf("1.0.%d", n+1), n == 0)
	}
	p, _ := d.Of("p")
	var versions []string
	for _, v := range p.Versions {
		versions = append(versions, v.Version)
	}
	if !slices.Equal(versions, []string{"1.0.8", "1.0.7", "1.0.6", "1.0.5", "1.0.0"}) || p.Before != first.Package.Digest() || !p.Find(p.Before).Granted || p.Find(p.Wanted).Granted {
		t.Errorf("%v %+v", versions, p)
	}
	if list := packages(t, d); len(list) != 2 || list[0].Digest != p.Before || list[1].Digest != p.Wanted {
		t.Errorf("%+v", list)
	}
	if n := records(t, db); n != 6 {
		t.Errorf("%d records", n)
	}
	put("1.0.8", false) // the same once more
	put("1.0.8", true)
	if p, _ := d.Of("p"); len(p.Versions) != 5 || p.Before != first.Package.Digest() {
		t.Errorf("%+v", p)
	}
	if err := d.GoBack(t.Context(), "p", depot.Return{Digest: first.Package.Digest()}, nothing); err != nil {
		t.Fatal(err)
	}
	if list := packages(t, d); len(list) != 1 || list[0].Digest != first.Package.Digest() {
		t.Errorf("%+v", list)
	}
	if err := d.GoBack(t.Context(), "p", depot.Return{Digest: "sha256:00"}, nothing); wit.CodeOf(err) != wit.CodeNotFound {
		t.Error(err)
	}
	if err := errors.Join(d.Revoke(t.Context(), "p", nothing), d.Revoke(t.Context(), "nobody", nothing)); err != nil {
		t.Fatal(err)
	}
	if p, _ := d.Of("p"); p.Find(first.Package.Digest()).Granted {
		t.Errorf("%+v", p)
	}
	if err := errors.Join(d.Remove(t.Context(), "p"), d.Remove(t.Context(), "p")); err != nil || records(t, db) != 0 {
		t.Errorf("%d records are left, %v", records(t, db), err)
	}
}

func records(t *testing.T, db store.Store) (n int) {
	t.Helper()
	err := db.View(t.Context(), func(tx store.Tx) error {
		for _, space := range []string{"plugin.package", "plugin.archive"} {
			for _, err := range tx.Scan(space, store.Range{}) {
				if err != nil {
					return err
				}
				n++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestWhatGoesAlong with a change and fails undoes it.
func TestWhatGoesAlong(t *testing.T) {
	db := store.OpenMemory()
	d := open(t, db)
	no := errors.New("no")
	if err := d.Put(context.Background(), incoming(t, "1.0.0", 10), func(store.Tx) error { return no }); !errors.Is(err, no) {
		t.Error(err)
	}
	if _, there := d.Of("p"); there || records(t, db) != 0 || len(packages(t, d)) != 0 {
		t.Error("something is installed")
	}
}

// TestFolder: a version is one folder with its files, and nothing else.
func TestFolder(t *testing.T) {
	in := incoming(t, "1.0.0", 10)
	root := depot.Package(in.Package).Root
	for name, size := range map[string]int64{"p/README.md": 3, "p/p.wasm": 10, "p": 0} {
		if info, err := fs.Stat(root, name); err != nil || info.Size() != size || info.IsDir() != (name == "p") {
			t.Errorf("%s: %v %v", name, info, err)
		}
	}
	for _, name := range []string{"q", "p/q", "p/../p/p.wasm", "p.wasm", ".", "", "p/"} {
		if _, err := root.Open(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %v", name, err)
		}
	}
	other := depot.Package(incoming(t, "1.0.1", 10).Package)
	a, _ := fs.Stat(root, "p/p.wasm")
	if b, err := fs.Stat(other.Root, "p/p.wasm"); err != nil || a.ModTime().Equal(b.ModTime()) {
		t.Errorf("the files of another version look the same: %v", err)
	}
}
