// Package archive is a plugin as one file, <id>-<version>.carapace: what a gateway reads of its folder, a few texts about it, and
// the signatures of those who vouch for it.
//
// The file is a tar (POSIX ustar), compressed by gzip. In it are plugin.json, then the other files by name, then
// signatures.json where somebody has signed; nothing else, and nothing twice. A name is a path from the plugin's folder with slashes:
// only scripts have files in folders, within the bounds of package script. There is one way to write the same content, and
// what is written in another way is refused: so no reader of the file sees anything that this one does not.
//
// The digest names the content: manifest and code and texts, whatever they were compressed by and whoever signed. Signatures
// are made over it. Everything is a pure function of its input and safe for concurrent use.
package archive

import (
	"bytes"
	"compress/gzip"
	"maps"
	"path"
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
	// MaxFiles are those of a script with the packages that it depends on, plugin.json, and the texts.
	MaxFiles = script.MaxFiles + script.MaxPackageFiles + 4
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
		return nil, broken(notPacked)
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
	return &Package{Manifest: m, Files: files}, checkParts(files, entry)
}

// checkParts refuses files that are not the plugin's, and more of a script than a gateway reads in a folder.
func checkParts(files map[string][]byte, entry string) error {
	var parts script.Tally
	for _, name := range slices.Sorted(maps.Keys(files)) {
		switch {
		case script.IsEntry(entry) && script.IsPart(entry, name):
			if err := parts.Add(name, int64(len(files[name]))); err != nil {
				return err
			}
		case name != ManifestFile && name != entry && !slices.Contains(Texts(), name):
			return wit.Errorf(wit.CodeInvalid, "%.100q is neither code of the plugin nor one of %s: leave it out", name, strings.Join(Texts(), ", "))
		}
	}
	return nil
}

// fileName is what a file of a plugin can be called, with its folders, some of which are scopes of packages.
var fileName = regexp.MustCompile(`^(@?` + plainName + `/)*` + plainName + `$`)

// plainName ends in no dot, which some file systems take off.
const plainName = `[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_-])?`

// fits reports whether a ustar header has room for a name: 100 bytes, and 155 more for folders.
func fits(name string) bool {
	if len(name) <= 100 {
		return true
	}
	cut := strings.LastIndex(name[:min(len(name), 156)], "/")
	return cut > 0 && len(name)-cut-1 <= 100
}

// checkSize bounds the files, and refuses names that cannot be.
func checkSize(files map[string][]byte) error {
	if len(files) > MaxFiles {
		return wit.Errorf(wit.CodeTooLarge, "there are %d files, at most %d are packed: bundle them", len(files), MaxFiles)
	}
	bytes := 0
	for name, data := range files {
		if !fits(name) {
			return wit.Errorf(wit.CodeInvalid, "%.100q… is too long for the name of a packed file: its last part has at most 100 letters, and what stands before it 155", name)
		}
		if !fileName.MatchString(name) {
			return wit.Errorf(wit.CodeInvalid, "%.100q cannot be the name of a plugin's file: use letters, digits, dots, hyphens and underscores, and slashes between folders", name)
		}
		if bytes += len(data); bytes > MaxBytes {
			return wit.Errorf(wit.CodeTooLarge, "the files have more than %d bytes together, which is all that is packed", MaxBytes)
		}
	}
	return checkSame(files)
}

// checkSame refuses names that some file system takes for the same, of files and of the folders that they are in.
func checkSame(files map[string][]byte) error {
	seen := map[string]string{} // in lower case, as it is; with a slash behind a folder's
	for _, name := range slices.Sorted(maps.Keys(files)) {
		for at, is := name, name; at != "."; at, is = path.Dir(at), path.Dir(at)+"/" {
			folded := strings.ToLower(at)
			if other, there := seen[folded]; there && other != is {
				return wit.Errorf(wit.CodeInvalid, "%s and %s differ by upper and lower case alone, or are a file and a folder of one name: give one another name", is, other)
			}
			seen[folded] = is
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
