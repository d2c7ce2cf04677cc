package registry

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/carapace-gateway/carapace/kernel/file"
	"github.com/carapace-gateway/carapace/kernel/plugin/archive"
	"github.com/carapace-gateway/carapace/wit"
)

// DefaultLife is how long an index may be believed whose publisher says nothing else.
const DefaultLife = 90 * 24 * time.Hour

// Publisher is who writes into a registry.
type Publisher struct {
	// Keys sign the index. The first has signed the one that is there.
	Keys []ed25519.PrivateKey
	// Now is the time, and Life how long the new index may be believed.
	Now  time.Time
	Life time.Duration
	// Name is what the registry is called from now on; empty leaves it.
	Name string
}

// Folder is a registry that is written, by one publisher at a time: others, in whatever process, wait for it. Readers see the
// old index or the new one, and the archives of both. Safe for concurrent use.
type Folder string

// What keeps publishers from each other is a file's lock, which is waited for so long.
const (
	lockName = "." + IndexFile + ".lock"
	lockWait = 30 * time.Second
)

// Read returns the folder's index to the publisher who has the key, an empty one where there is none yet. Errors: those of Decode,
// and CodeUnavailable.
func (f Folder) Read(key archive.Signer) (*Index, error) {
	data, err := file.Read(f.path(IndexFile), MaxIndex)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &Index{Format: Format, Packages: []Package{}}, nil
	case err != nil && wit.CodeOf(err) == wit.CodeInternal:
		return nil, wit.Errorf(wit.CodeUnavailable, "%s cannot be read: %w", IndexFile, err)
	case err != nil:
		return nil, err
	}
	x, err := Decode(data, key)
	if wit.CodeOf(err) == wit.CodeForbidden {
		return nil, notBy(key, data)
	}
	return x, err
}

// Publish adds an archive, and writes the index last. Errors: those of archive.Read, Read and Encode; CodeConflict for
// another archive of a version that is there; CodeUnavailable, also where another publisher does not come to its end.
func (f Folder) Publish(ctx context.Context, by Publisher, data []byte) (*Package, error) {
	packed, err := archive.Read(data)
	if err != nil {
		return nil, err
	}
	p := describe(packed)
	v := &p.Versions[0]
	v.File = path.Join(p.ID, packed.FileName())
	v.Digest, v.Size, v.Published = Digest(data), int64(len(data)), by.Now.UnixMilli()
	return &p, f.change(ctx, by, func(x *Index) error {
		if err := x.add(p); err != nil {
			return err
		}
		return f.write(v.File, data)
	})
}

// Withdraw takes a version back, with a reason for those who have it. The archive stays. Errors: those of Read and Encode;
// CodeNotFound; CodeUnavailable.
func (f Folder) Withdraw(ctx context.Context, by Publisher, id, version, reason string) error {
	return f.change(ctx, by, func(x *Index) error {
		p := x.Find(id)
		if p == nil {
			return wit.Errorf(wit.CodeNotFound, "the registry has no %s", id)
		}
		v := p.Find(version)
		if v == nil {
			return wit.Errorf(wit.CodeNotFound, "the registry has no version %s of %s; there are %s", version, id, p.some())
		}
		v.Withdrawn = &Withdrawal{Reason: reason, At: by.Now.UnixMilli()}
		return nil
	})
}

// Renew signs the index anew, so that it may be believed for longer. Errors: those of Read and Encode; CodeUnavailable.
func (f Folder) Renew(ctx context.Context, by Publisher) error {
	return f.change(ctx, by, func(*Index) error { return nil })
}

// change makes the next index, which follows the one that is there for as long as nobody else writes.
func (f Folder) change(ctx context.Context, by Publisher, change func(*Index) error) error {
	lock, err := f.lock(ctx)
	if err != nil {
		return err
	}
	defer lock.Close()
	x, err := f.Read(SignerOf(by.Keys[0]))
	if err != nil {
		return err
	}
	if err := change(x); err != nil {
		return err
	}
	x.Sequence++
	x.Name = cmp.Or(by.Name, x.Name)
	x.Time, x.Expires = by.Now.UnixMilli(), by.Now.Add(by.Life).UnixMilli()
	data, err := Encode(x, by.Keys...)
	if err != nil {
		return err
	}
	return f.write(IndexFile, data)
}

// lock keeps other publishers from the folder until it is closed.
func (f Folder) lock(ctx context.Context) (io.Closer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, lockWait, fmt.Errorf("another publisher has been at it for %s: try again when it is done", lockWait))
	defer cancel()
	err := os.MkdirAll(string(f), 0o755)
	if err == nil {
		var lock *os.File
		if lock, err = file.Lock(ctx, f.path(lockName)); err == nil {
			return lock, nil
		}
	}
	return nil, wit.Errorf(wit.CodeUnavailable, "the registry cannot be written: %w", err)
}

// write makes a file that everybody may read, as what a web server serves is.
func (f Folder) write(name string, data []byte) error {
	err := os.MkdirAll(filepath.Dir(f.path(name)), 0o755)
	if err == nil {
		err = file.Replace(f.path(name), data, 0o644)
	}
	if err != nil {
		return wit.Errorf(wit.CodeUnavailable, "the registry cannot be written: %w", err)
	}
	return nil
}

func (f Folder) path(name string) string { return filepath.Join(string(f), filepath.FromSlash(name)) }

// add puts a version into the index. What stands there of the package is the newest version's.
func (x *Index) add(p Package) error {
	next := p.Versions[0]
	i, found := slices.BinarySearchFunc(x.Packages, p.ID, func(p Package, id string) int { return cmp.Compare(p.ID, id) })
	if !found {
		x.Packages = slices.Insert(x.Packages, i, p)
		return nil
	}
	have := &x.Packages[i]
	if same := have.Find(next.Version); same != nil {
		if same.Digest != next.Digest {
			return wit.Errorf(wit.CodeConflict, "the registry has another archive as %s %s, which others may have installed: give this one a version of its own", p.ID, next.Version)
		}
		return nil
	}
	at := slices.IndexFunc(have.Versions, func(v Version) bool { return Older(v.Version, next.Version) })
	if at < 0 {
		at = len(have.Versions)
	}
	p.Versions = slices.Insert(have.Versions, at, next)
	if at > 0 {
		have.Versions = p.Versions
		return nil
	}
	*have = p
	return nil
}

// describe says of an archive what is in it.
func describe(packed *archive.Package) Package {
	m := packed.Manifest
	v := Version{
		Version: m.Version, Content: packed.Digest(), Signers: packed.Signers(),
		Kinds: m.Provides.Kinds(), Permissions: m.Permissions, ABI: m.ABI, Host: text(m.Host), Maturity: text(m.Maturity),
	}
	for _, c := range m.Changes {
		if c.Version == m.Version {
			v.Changelog = c.Text
		}
	}
	return Package{ID: m.ID, Name: m.Name, Description: m.Description, Keywords: m.Keywords, License: text(m.License), Homepage: text(m.Homepage),
		Support: text(m.Support), Versions: []Version{v}}
}

func text[T ~string](s *T) string {
	if s == nil {
		return ""
	}
	return string(*s)
}
