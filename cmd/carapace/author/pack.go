package author

import (
	"errors"
	"io/fs"
	"maps"
	"path/filepath"

	"github.com/carapace-gateway/carapace/kernel/file"
	"github.com/carapace-gateway/carapace/kernel/plugin/archive"
	"github.com/carapace-gateway/carapace/kernel/plugin/source"
)

// Pack makes an archive of what a gateway reads of the project, and of the texts about it. It builds nothing. Errors are those of
// archive.Pack, and of files that cannot be read.
func (p Project) Pack() ([]byte, error) {
	code, err := p.folder.Code(p.Entry)
	if err != nil {
		return nil, err
	}
	read, err := source.Files(p.Entry, code)
	if err != nil {
		return nil, err
	}
	files := maps.Clone(read)
	if files[manifestFile], err = p.folder.Manifest(); err != nil {
		return nil, err
	}
	for _, name := range archive.Texts() {
		text, err := file.Read(filepath.Join(p.Dir, name), archive.MaxBytes)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		files[name] = text
	}
	return archive.Pack(files)
}
