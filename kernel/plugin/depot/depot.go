// Package depot is the plugins that the owner has installed: their archives, several versions of each, in the store.
//
// A change is one transaction, with whatever else has to be true with it, such as a grant: a power cut leaves what was
// before, or what is after it. A Depot is a source of packages. Of each plugin it gives the version that is wanted and, behind
// it, the one that ran before and then earlier ones that have run: the first of them that may and can runs where the wanted one
// does not, also after a restart. Code is read from the store when somebody asks for it, and is what was installed, or an error.
//
// What is known of the versions is kept in memory, and written through. Everything is safe for concurrent use; changes of one
// plugin are for one goroutine at a time.
package depot

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/Masterminds/semver/v3"

	"github.com/carapace-gateway/carapace/kernel/plugin/archive"
	"github.com/carapace-gateway/carapace/kernel/plugin/source"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// keptVersions is how many versions of a plugin are kept, those that may run among them.
const keptVersions = 5

// Origin is where an archive came from, and where the next one is looked for. The zero value is a file or folder of the owner's.
type Origin struct {
	// URL is an address that the archive was read from.
	URL string `json:"url,omitempty"`
	// Name and Range are what was asked of the registries, Registry is the one that had it.
	Name     string `json:"name,omitempty"`
	Range    string `json:"range,omitempty"`
	Registry string `json:"registry,omitempty"`
}

// Version is one archive that was installed.
type Version struct {
	Version string           `json:"version"`
	Digest  string           `json:"digest"`
	Signers []archive.Signer `json:"signers"`
	Origin  Origin           `json:"origin,omitzero"`
	// At is when it was installed, in Unix milliseconds.
	At int64 `json:"at"`
	// Granted says that it has run with all that it asks for, so that going back to it asks nobody.
	Granted bool `json:"granted,omitempty"`
	// Manifest is plugin.json, Sizes are the bytes of each file.
	Manifest []byte           `json:"manifest"`
	Sizes    map[string]int64 `json:"sizes"`
	// Pieces is in how many records the archive is.
	Pieces int `json:"pieces"`
}

// Plugin is what there is of one plugin. It is replaced, never changed.
type Plugin struct {
	// Wanted is the digest of the version that should run, Before that of the one that does while the other cannot; "" for none.
	Wanted string `json:"wanted"`
	Before string `json:"before,omitempty"`
	// Versions are all that are kept, the one that was installed last first.
	Versions []Version `json:"versions"`
}

// Find returns a version by its digest, nil where there is none.
func (p *Plugin) Find(digest string) *Version {
	if n := slices.IndexFunc(p.Versions, func(v Version) bool { return v.Digest == digest }); n >= 0 {
		return &p.Versions[n]
	}
	return nil
}

const plugins = store.Table[Plugin]("plugin.package")

// Depot holds what is installed.
type Depot struct {
	db    store.Store
	mu    sync.Mutex
	known map[string]Plugin
}

// Open reads what is installed. Errors are the store's.
func Open(ctx context.Context, db store.Store) (*Depot, error) {
	d := &Depot{db: db, known: map[string]Plugin{}}
	return d, db.View(ctx, func(tx store.Tx) error {
		for row, err := range plugins.Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			d.known[row.Key] = row.Value
		}
		return nil
	})
}

// Of returns what there is of a plugin, and whether it is installed.
func (d *Depot) Of(id string) (Plugin, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p, ok := d.known[id]
	return p, ok
}

// Incoming is an archive that is to be installed.
type Incoming struct {
	Package *archive.Package
	Archive []byte
	Origin  Origin
	// Runs is the digest of the version that runs now, with all that it asks for, and becomes the one before; "" for none.
	Runs string
}

// Put makes an archive the wanted version of its plugin. also is done in the same transaction. Errors: the store's, and also's.
func (d *Depot) Put(ctx context.Context, in Incoming, also func(store.Tx) error) error {
	id, next := in.Package.Manifest.ID, newVersion(in)
	before, _ := d.Of(id)
	after := before.with(next, in.Runs)
	return d.change(ctx, id, before, after, func(tx store.Tx) error {
		if before.Find(next.Digest) == nil {
			if err := putArchive(tx, id, next, in.Archive); err != nil {
				return err
			}
		}
		return also(tx)
	})
}

func newVersion(in Incoming) Version {
	p := in.Package
	v := Version{Version: p.Manifest.Version, Digest: p.Digest(), Signers: p.Signers(), Origin: in.Origin, At: time.Now().UnixMilli(),
		Manifest: p.Files[archive.ManifestFile], Sizes: map[string]int64{}, Pieces: pieces(len(in.Archive))}
	for name, data := range p.Files {
		v.Sizes[name] = int64(len(data))
	}
	return v
}

// with is a plugin with another version wanted. What ran is kept, and of the others the latest.
func (p Plugin) with(next Version, runs string) Plugin {
	after := Plugin{Wanted: next.Digest, Before: p.Before}
	if runs != "" && runs != next.Digest {
		after.Before = runs
	}
	if after.Before == next.Digest {
		after.Before = ""
	}
	after.Versions = []Version{next}
	for _, v := range p.Versions {
		v.Granted = v.Granted || v.Digest == after.Before
		if v.Digest != next.Digest && (len(after.Versions) < keptVersions-1 || v.Digest == after.Before) {
			after.Versions = append(after.Versions, v)
		}
	}
	return after
}

// Return is what an owner goes back to.
type Return struct {
	// Digest is that of the version that is meant.
	Digest string
	// Runs is that of the one that runs now, with all that it asks for; "" for none. It goes on where Barred says that the one that
	// is meant must not run.
	Runs   string
	Barred bool
}

// GoBack makes a version that is kept the wanted one, which what the owner leaves does not run in the place of, unless it has to.
// Errors: CodeNotFound; the store's, and also's.
func (d *Depot) GoBack(ctx context.Context, id string, to Return, also func(store.Tx) error) error {
	before, _ := d.Of(id)
	if before.Find(to.Digest) == nil {
		return wit.Errorf(wit.CodeNotFound, "no version of plugin %s with this digest is kept", id)
	}
	after := before
	after.Wanted, after.Before, after.Versions = to.Digest, "", slices.Clone(before.Versions)
	if v := after.Find(to.Runs); v != nil {
		v.Granted = true
		if to.Barred {
			after.Before = to.Runs
		}
	}
	return d.change(ctx, id, before, after, also)
}

// Revoke forgets what the versions of a plugin were granted. also is done in the same transaction, whether it is installed or not.
func (d *Depot) Revoke(ctx context.Context, id string, also func(store.Tx) error) error {
	before, there := d.Of(id)
	if !there {
		return d.db.Update(ctx, also)
	}
	after := before
	after.Versions = slices.Clone(before.Versions)
	for n := range after.Versions {
		after.Versions[n].Granted = false
	}
	return d.change(ctx, id, before, after, also)
}

// Remove forgets a plugin with all its versions; one that is not installed is no error. Errors are the store's.
func (d *Depot) Remove(ctx context.Context, id string) error {
	before, _ := d.Of(id)
	return d.change(ctx, id, before, Plugin{}, func(store.Tx) error { return nil })
}

// change writes what a plugin is after it was something before: nothing at all where it has no versions.
func (d *Depot) change(ctx context.Context, id string, before, after Plugin, also func(store.Tx) error) error {
	err := d.db.Update(ctx, func(tx store.Tx) error {
		for _, v := range before.Versions {
			if after.Find(v.Digest) == nil {
				if err := deleteArchive(tx, id, v); err != nil {
					return err
				}
			}
		}
		if err := also(tx); err != nil {
			return err
		}
		if len(after.Versions) == 0 {
			return plugins.Delete(tx, id)
		}
		return plugins.Put(tx, id, after)
	})
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known[id] = after; len(after.Versions) == 0 {
		delete(d.known, id)
	}
	return nil
}

// Name implements source.Source.
func (d *Depot) Name() string { return "installed plugins" }

// Packages implements source.Source: of each plugin the versions that may run, the one that is wanted last.
func (d *Depot) Packages() ([]source.Package, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var found []source.Package
	for _, id := range slices.Sorted(maps.Keys(d.known)) {
		p := d.known[id]
		for _, v := range slices.Backward(p.inOrder()) {
			found = append(found, d.pack(id, v))
		}
	}
	return found, nil
}

// inOrder are the versions that may run, the first that can: the wanted one, the one before it, and of those that have run the ones
// that are not newer than the wanted one, which the owner may have gone back from, the one that was installed last first.
func (p Plugin) inOrder() (list []Version) {
	for _, digest := range []string{p.Wanted, p.Before} {
		if v := p.Find(digest); v != nil {
			list = append(list, *v)
		}
	}
	for _, v := range p.Versions {
		if v.Granted && v.Digest != p.Wanted && v.Digest != p.Before && !newer(v.Version, list[0].Version) {
			list = append(list, v)
		}
	}
	return list
}

// newer reports whether a version comes after another one, as far as both are versions.
func newer(version, than string) bool {
	a, err := semver.StrictNewVersion(version)
	if err != nil {
		return false
	}
	b, err := semver.StrictNewVersion(than)
	return err == nil && a.GreaterThan(b)
}

// Watch implements source.Source: what is installed changes by the methods of a Depot only, and who calls them looks again.
func (d *Depot) Watch(ctx context.Context, _ func()) error {
	<-ctx.Done()
	return nil
}

// pack is a version as a source's package.
func (d *Depot) pack(id string, v Version) source.Package {
	read := func() (*archive.Package, error) { return d.read(id, v) }
	return newPackage(id, "installed:", v, read)
}

// Package is an archive that is not installed, as a source's package: to try whether it runs.
func Package(p *archive.Package) source.Package {
	v := newVersion(Incoming{Package: p})
	read := func() (*archive.Package, error) { return p, nil }
	return newPackage(p.Manifest.ID, "archive:", v, read)
}

func newPackage(id, where string, v Version, read func() (*archive.Package, error)) source.Package {
	files := func() (map[string][]byte, error) {
		p, err := read()
		if err != nil {
			return nil, err
		}
		return p.Files, nil
	}
	return source.Package{Folder: id, Path: where + id, Digest: v.Digest, Root: newFolder(id, v, read), Files: files}
}
