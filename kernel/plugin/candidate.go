package plugin

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/carapace-gateway/carapace/kernel/plugin/life"
	"github.com/carapace-gateway/carapace/kernel/plugin/manifest"
	"github.com/carapace-gateway/carapace/kernel/plugin/source"
	"github.com/carapace-gateway/carapace/wit"
)

// candidate is a package with its manifest, or why it has none.
type candidate struct {
	pkg         source.Package
	rank        int // of its source
	manifest    *wit.Manifest
	sum         [sha256.Size]byte // of the manifest's text
	fingerprint string
	err         error
}

// life is the candidate as package life knows it.
func (c *candidate) life() life.Candidate {
	l := life.Candidate{Fingerprint: c.fingerprint, Path: c.pkg.Path}
	if c.manifest != nil {
		l.Version = c.manifest.Version
	}
	return l
}

// digest names the manifest that was read and the code that is there now, whatever their files are called: what
// the owner is shown and what is granted are the same when it is.
func (c *candidate) digest() (string, error) {
	if c.pkg.Digest != "" {
		return c.pkg.Digest, nil
	}
	file, _ := manifest.Entry(c.manifest)
	code, err := c.pkg.Code(file)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(code)
	return hex.EncodeToString(slices.Concat(c.sum[:8], sum[:8])), nil
}

// scout looks for candidates. It belongs to whoever looks.
type scout struct {
	sources []source.Source
	gateway string         // this gateway's version
	hooks   []wit.HookName // those that are fired; nil is all
	barred  barrier

	// What the manifests of the last look say, by the sums of their texts: reading one compiles its schemas, and few
	// change between two looks.
	seen map[[sha256.Size]byte]decoded
}

// decoded is what a text says, or what is wrong with it.
type decoded struct {
	manifest *wit.Manifest
	err      error
}

// candidates lists the packages of each id, the one that should run first.
// A source that cannot be read is an error beside what the other ones have. Nothing may be concluded from what is
// missing then.
func (s *scout) candidates() (map[string][]candidate, error) {
	found := map[string][]candidate{}
	before := s.seen
	s.seen = make(map[[sha256.Size]byte]decoded, len(before))
	var failed error
	for rank, from := range s.sources {
		packages, err := from.Packages()
		if err != nil {
			failed = wit.Errorf(wit.CodeOf(err), "%s: %w", from.Name(), err)
			continue
		}
		for _, pkg := range packages {
			c := candidate{pkg: pkg, rank: rank}
			c.err = s.read(&c, before)
			// The fingerprint of what is broken has its error in it, so it is tried again once either changes.
			if c.err != nil {
				c.fingerprint = fmt.Sprintf("%s|%s|%s", pkg.Path, pkg.ManifestStamp(), c.err)
			}
			found[pkg.Folder] = slices.Insert(found[pkg.Folder], 0, c)
		}
	}
	dropOrphans(found)
	return found, failed
}

// dropOrphans takes out the copies of builds whose own folder is gone: they only stand in for it.
func dropOrphans(found map[string][]candidate) {
	for id, list := range found {
		if slices.ContainsFunc(list, func(c candidate) bool { return c.byHand() }) {
			continue
		}
		list = slices.DeleteFunc(list, func(c candidate) bool { return c.pkg.Kept })
		if found[id] = list; len(list) == 0 {
			delete(found, id)
		}
	}
}

// read fills in a candidate's manifest and fingerprint. before is what was seen the last time.
func (s *scout) read(c *candidate, before map[[sha256.Size]byte]decoded) error {
	data, err := c.pkg.Manifest()
	if err != nil {
		return err
	}
	c.sum = sha256.Sum256(data)
	says, known := before[c.sum]
	if !known {
		says.manifest, says.err = manifest.Decode(data, s.gateway)
	}
	s.seen[c.sum] = says
	if c.manifest = says.manifest; says.err != nil {
		return says.err
	}
	if c.manifest.ID != c.pkg.Folder {
		return wit.Errorf(wit.CodeInvalid, "plugin.json: id: %q is not the folder's name %q: make them the same", c.manifest.ID, c.pkg.Folder)
	}
	if err := s.checkHooks(c.manifest); err != nil {
		return err
	}
	if err := s.barred.check(&c.pkg, c.manifest); err != nil {
		return err
	}
	file, _ := manifest.Entry(c.manifest)
	c.fingerprint, err = c.pkg.Fingerprint(file)
	return err
}

// checkHooks names the first hook that would never be called.
func (s *scout) checkHooks(m *wit.Manifest) error {
	for _, h := range m.Provides.Hooks {
		if s.hooks != nil && !slices.Contains(s.hooks, h.Name) {
			return wit.Errorf(wit.CodeInvalid, "plugin.json: provides.hooks: this gateway does not call %s yet: leave it out", h.Name)
		}
	}
	return nil
}
