// Package registry is what a registry of plugins is: a folder of archives with an index, which any web server can serve.
//
// The index is one file of JSON that lists packages, their versions and what an owner wants to know before one is
// installed. It is signed as a whole, and pins each archive by its size and digest, so that neither the server nor who
// is between need be trusted. What a signature alone does not say, a reader remembers: Succeeds refuses an index that
// is older than the last one, and Fresh one that has expired.
//
// Decode reads an index that may be hostile, Encode signs one, and a Folder is a registry that is written. Nothing
// here knows a network or keeps state in memory; values are the caller's own.
package registry

import (
	"cmp"
	"encoding/json"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"

	"github.com/carapace-gateway/carapace/kernel/plugin/archive"
	"github.com/carapace-gateway/carapace/wit"
)

// Format is the version of the index's form. Fields are only ever added within one.
const Format = 1

// IndexFile is the index's name in the registry's folder.
const IndexFile = "index.json"

// Bounds of an index. Texts are those of manifests and have their bounds.
const (
	MaxIndex    = 4 << 20 // bytes
	MaxPackages = 5000
	MaxVersions = 200  // of a package
	maxText     = 1000 // bytes of a reason, a changelog line and other single texts
	maxSigners  = 16
)

// Index is what a registry has.
type Index struct {
	Format int `json:"format"`
	// Name is what people call the registry; its owner's choice, and nothing that anybody relies on.
	Name string `json:"name,omitempty"`
	// Sequence grows with each index of this key.
	Sequence int64 `json:"sequence"`
	// Time is when the index was made, and Expires until when it may be believed, in Unix milliseconds.
	Time    int64 `json:"time"`
	Expires int64 `json:"expires"`
	// Packages are sorted by id.
	Packages []Package `json:"packages"`
}

// Package is a plugin, described as its newest version describes itself.
type Package struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Keywords    []string `json:"keywords,omitempty"`
	License     string   `json:"license,omitempty"`
	Homepage    string   `json:"homepage,omitempty"`
	Support     string   `json:"support,omitempty"`
	// Versions are the newest first.
	Versions []Version `json:"versions"`
}

// Version is an archive, and what its manifest says.
type Version struct {
	Version string `json:"version"`
	// File is where the archive is, below the index's folder.
	File string `json:"file"`
	// Digest is `sha256:` and the sum of the archive's file in hexadecimal, and Size its bytes.
	Digest string `json:"digest"`
	Size   int64  `json:"size"`
	// Content is the digest that the archive's signers have signed, and owners pin: see archive.Package.
	Content string `json:"content"`
	// Signers have signed the archive; none where it is not signed.
	Signers     []archive.Signer `json:"signers,omitempty"`
	Kinds       []string         `json:"kinds"`
	Permissions wit.Permissions  `json:"permissions"`
	// ABI is the contract's version, and Host the range of gateways that it runs on; empty is all.
	ABI      uint32 `json:"abi"`
	Host     string `json:"host,omitempty"`
	Maturity string `json:"maturity,omitempty"`
	// Changelog says what is new in this version.
	Changelog string `json:"changelog,omitempty"`
	// Published is when, in Unix milliseconds.
	Published int64 `json:"published"`
	// Withdrawn is set for a version that nobody should run any more.
	Withdrawn *Withdrawal `json:"withdrawn,omitempty"`
}

// Withdrawal says why a version was taken back, and when, in Unix milliseconds.
type Withdrawal struct {
	Reason string `json:"reason"`
	At     int64  `json:"at"`
}

// Find returns a package, nil where the registry has none of that id.
func (x *Index) Find(id string) *Package {
	i, ok := slices.BinarySearchFunc(x.Packages, id, func(p Package, id string) int { return cmp.Compare(p.ID, id) })
	if !ok {
		return nil
	}
	return &x.Packages[i]
}

// Find returns a version, nil where there is none.
func (p *Package) Find(version string) *Version {
	i := slices.IndexFunc(p.Versions, func(v Version) bool { return v.Version == version })
	if i < 0 {
		return nil
	}
	return &p.Versions[i]
}

// Fresh refuses an index that has expired: CodeUnavailable.
func (x *Index) Fresh(now time.Time) error {
	if until := time.UnixMilli(x.Expires); !now.Before(until) {
		return wit.Errorf(wit.CodeUnavailable, "its index has expired on %s, so what it says may be long out of date: it has to be published again", until.UTC().Format(time.DateOnly))
	}
	return nil
}

// Succeeds refuses to take this index for the next one after before, which was signed by the same key: one that is
// older, and another one of the same number. CodeForbidden.
func (x *Index) Succeeds(before *Index) error {
	switch {
	case x.Sequence < before.Sequence:
		return wit.Errorf(wit.CodeForbidden, "its index has the number %d and is older than the one that was read before, number %d: somebody shows an old one, or its publisher has begun anew", x.Sequence, before.Sequence)
	case x.Sequence == before.Sequence && !same(x, before):
		return wit.Errorf(wit.CodeForbidden, "its index is another one than the one that was read before and has the same number, %d: its publisher has signed two", x.Sequence)
	}
	return nil
}

func same(a, b *Index) bool {
	left, err := json.Marshal(a)
	right, other := json.Marshal(b)
	return err == nil && other == nil && string(left) == string(right)
}

// check refuses what no publisher writes, with the place.
func (x *Index) check() error {
	switch {
	case x.Format != Format:
		return wrong("format", "%d is not known, only %d: a newer gateway may know it", x.Format, Format)
	case x.Sequence < 1:
		return wrong("sequence", "%d is not 1 or more", x.Sequence)
	case x.Expires <= x.Time || x.Time <= 0:
		return wrong("expires", "is not after time")
	case len(x.Packages) > MaxPackages:
		return wrong("packages", "are %d, at most %d are read", len(x.Packages), MaxPackages)
	case len(x.Name) > maxText:
		return wrong("name", "is too long")
	}
	for i := range x.Packages {
		if i > 0 && x.Packages[i-1].ID >= x.Packages[i].ID {
			return wrong("packages", "are not sorted by id, each once: %.64q", x.Packages[i].ID)
		}
		if err := x.Packages[i].check(); err != nil {
			return err
		}
	}
	return nil
}

func (p *Package) check() error {
	if !isID(p.ID) {
		return wrong("packages", "%.80q is not an id", p.ID)
	}
	if len(p.Versions) == 0 || len(p.Versions) > MaxVersions {
		return wrong(p.ID, "has %d versions, not 1 to %d", len(p.Versions), MaxVersions)
	}
	if longer(maxText, p.Name, p.Description, p.License, p.Homepage, p.Support) || longer(maxText, p.Keywords...) || len(p.Keywords) > maxText {
		return wrong(p.ID, "has a text of more than %d bytes", maxText)
	}
	var last *semver.Version
	for i := range p.Versions {
		this, err := p.Versions[i].check(p.ID)
		if err != nil {
			return err
		}
		if last != nil && this.Compare(last) >= 0 {
			return wrong(p.ID, "has versions that are not sorted, the newest first and each once: %s", this)
		}
		last = this
	}
	return nil
}

func (v *Version) check(id string) (*semver.Version, error) {
	number, err := semver.StrictNewVersion(v.Version)
	switch {
	case err != nil || len(v.Version) > maxText:
		return nil, wrong(id, "%.80q is not a version such as 1.2.0", v.Version)
	case !isFile(v.File):
		return nil, wrong(id, "%s: %.80q is not a file below the index's folder", number, v.File)
	case !isDigest(v.Digest) || !isDigest(v.Content):
		return nil, wrong(id, "%s: %.80q or %.80q is not a digest such as sha256:…", number, v.Digest, v.Content)
	case v.Size < 1 || v.Size > archive.MaxArchive:
		return nil, wrong(id, "%s: an archive of %d bytes is not read, only 1 to %d", number, v.Size, archive.MaxArchive)
	case longer(maxText, v.Host, v.Maturity, v.Changelog) || longer(maxText, v.Kinds...):
		return nil, wrong(id, "%s: has a text of more than %d bytes", number, maxText)
	case len(v.Signers) > maxSigners || slices.ContainsFunc(v.Signers, func(s archive.Signer) bool { _, err := archive.ParseSigner(string(s)); return err != nil }):
		return nil, wrong(id, "%s: its signers are not at most %d public keys", number, maxSigners)
	case v.Withdrawn != nil && (v.Withdrawn.Reason == "" || len(v.Withdrawn.Reason) > maxText):
		return nil, wrong(id, "%s: is withdrawn without a reason of 1 to %d bytes", number, maxText)
	}
	return number, nil
}

func wrong(where, format string, args ...any) error {
	return wit.Errorf(wit.CodeInvalid, "its index cannot be used: "+where+": "+format, args...)
}

func longer(most int, texts ...string) bool {
	return slices.ContainsFunc(texts, func(s string) bool { return len(s) > most })
}

// isID reports whether a text is a plugin's id, which is the contract's to say: it becomes the name of a folder.
func isID(s string) bool {
	ok := len(s) > 0 && len(s) <= 64
	for _, c := range []byte(s) {
		ok = ok && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-')
	}
	return ok
}

// isFile reports whether a text is a plain path below a folder, which needs no escaping in a URL.
func isFile(s string) bool {
	if s == "" || len(s) > 300 || path.Clean("/"+s) != "/"+s {
		return false
	}
	return strings.IndexFunc(s, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-._+/", c)
	}) < 0
}

func isDigest(s string) bool {
	sum, ok := strings.CutPrefix(s, "sha256:")
	return ok && len(sum) == 64 && strings.Trim(sum, "0123456789abcdef") == ""
}
