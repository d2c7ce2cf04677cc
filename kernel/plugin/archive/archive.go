// Package archive is a plugin as one file, <id>-<version>.carapace: what a gateway reads of its folder, a few texts about it, and
// the signatures of those who vouch for it.
//
// The file is a tar (POSIX ustar), compressed by gzip. In it are plugin.json, then the other files by name, then
// signatures.json where somebody has signed; nothing else, and nothing twice. There is one way to write the same content, and
// what is written in another way is refused: so no reader of the file sees anything that this one does not.
//
// The digest names the content: manifest and code and texts, whatever they were compressed by and whoever signed. Signatures
// are made over it. Everything is a pure function of its input and safe for concurrent use.
package archive

import (
	"bytes"
	"compress/gzip"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/plugin/manifest"
	"github.com/carapace-gateway/carapace/kernel/plugin/script"
	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of an archive.
const (
	MaxArchive = 64 << 20 // bytes of the file
	MaxBytes   = 64 << 20 // bytes of all that is in it
	MaxFiles   = 256
	maxName    = 100 // bytes, which is what a ustar header has room for
)

// Extension is what the names of archives end in.
const Extension = ".carapace"

// ManifestFile is the file that each plugin has.
const ManifestFile = "plugin.json"

// Texts are the names of the files that a plugin may have beside what the gateway reads.
func Texts() []string { return []string{"README.md", "CHANGELOG.md", "LICENSE"} }

// Package is what an archive holds. It does not change.
type Package struct {
	// Manifest is that of plugin.json. Whether it is for this gateway is for who installs it to ask.
	Manifest *wit.Manifest
	// Files are all, by name, but for the signatures.
	Files map[string][]byte

	signatures []signature
}

// Pack makes an archive of a plugin's files, by name: the same bytes for the same files. Errors: CodeInvalid and CodeTooLarge,
// with what to do.
func Pack(files map[string][]byte) ([]byte, error) {
	p, err := newPackage(files)
	if err != nil {
		return nil, err
	}
	return p.encode()
}

// Read reads an archive, of which nothing is believed, and checks each signature in it. Errors: CodeTooLarge; CodeInvalid for
// what is no archive, was changed after it was signed, or has in it what does not belong there.
func Read(data []byte) (*Package, error) {
	if len(data) > MaxArchive {
		return nil, wit.Errorf(wit.CodeTooLarge, "the archive has %d bytes, at most %d are read", len(data), MaxArchive)
	}
	tape, err := inflate(data)
	if err != nil {
		return nil, err
	}
	files, signed, err := unwind(tape)
	if err != nil {
		return nil, err
	}
	p, err := newPackage(files)
	if err != nil {
		return nil, err
	}
	if p.signatures, err = readSignatures(signed, p.Digest()); err != nil {
		return nil, err
	}
	if again, err := p.wind(); err != nil || !bytes.Equal(again, tape) {
		return nil, broken("it is not written as `carapace plugins pack` writes it")
	}
	return p, nil
}

// newPackage checks that files are a plugin's and nothing else.
func newPackage(files map[string][]byte) (*Package, error) {
	if err := checkSize(files); err != nil {
		return nil, err
	}
	text, there := files[ManifestFile]
	if !there {
		return nil, wit.NewError(wit.CodeInvalid, "the archive has no "+ManifestFile+": every plugin needs one")
	}
	m, err := manifest.Decode(text, "")
	if err != nil {
		return nil, err
	}
	entry, _ := manifest.Entry(m)
	if _, there := files[entry]; !there {
		return nil, wit.Errorf(wit.CodeInvalid, "entry: there is no %s: build it, or correct the entry", entry)
	}
	for name := range files {
		if name != ManifestFile && name != entry && !slices.Contains(Texts(), name) && !(script.IsEntry(entry) && script.IsFile(name)) {
			return nil, wit.Errorf(wit.CodeInvalid, "%.100q is neither code of the plugin nor one of %s: leave it out", name, strings.Join(Texts(), ", "))
		}
	}
	return &Package{Manifest: m, Files: files}, nil
}

// fileName is what a file of a plugin can be called. There are no folders in one.
var fileName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*$`)

// checkSize bounds the files, and refuses names that some file system takes for the same.
func checkSize(files map[string][]byte) error {
	if len(files) > MaxFiles {
		return wit.Errorf(wit.CodeTooLarge, "there are %d files, at most %d are packed: bundle them", len(files), MaxFiles)
	}
	bytes, seen := 0, map[string]string{}
	for name, data := range files {
		if len(name) > maxName || !fileName.MatchString(name) {
			return wit.Errorf(wit.CodeInvalid, "%.100q cannot be the name of a plugin's file: use letters, digits, dots, hyphens and underscores, and no folders", name)
		}
		folded := strings.ToLower(name)
		if other, twice := seen[folded]; twice {
			return wit.Errorf(wit.CodeInvalid, "%s and %s differ by upper and lower case alone: give one another name", name, other)
		}
		seen[folded] = name
		if bytes += len(data); bytes > MaxBytes {
			return wit.Errorf(wit.CodeTooLarge, "the files have more than %d bytes together, which is all that is packed", MaxBytes)
		}
	}
	return nil
}

// names lists the files in the order in which they are written: the manifest, then the others by name.
func (p *Package) names() []string {
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(p.Files)), func(name string) bool { return name == ManifestFile })
	return append([]string{ManifestFile}, names...)
}

// FileName is what the archive is called.
func (p *Package) FileName() string { return p.Manifest.ID + "-" + p.Manifest.Version + Extension }

// encode writes the archive.
func (p *Package) encode() ([]byte, error) {
	tape, err := p.wind()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(tape); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	if out.Len() > MaxArchive {
		return nil, wit.Errorf(wit.CodeTooLarge, "the archive has %d bytes, at most %d are read", out.Len(), MaxArchive)
	}
	return out.Bytes(), nil
}

func broken(why string) error {
	return wit.Errorf(wit.CodeInvalid, "this is no archive of a plugin: %s", why)
}
