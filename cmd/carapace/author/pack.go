package author

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/carapace-gateway/carapace/kernel/file"
	"github.com/carapace-gateway/carapace/kernel/plugin/archive"
	"github.com/carapace-gateway/carapace/kernel/plugin/script"
	"github.com/carapace-gateway/carapace/kernel/plugin/source"
)

// Pack makes an archive of what a gateway needs of the project, and of the texts about it: of a script, the files that it is bundled
// of. It builds nothing. Errors are those of archive.Pack and of b, and of files that cannot be read.
func (p Project) Pack(ctx context.Context, b *script.Bundler) ([]byte, error) {
	code, err := p.folder.Code(p.Entry)
	if err != nil {
		return nil, err
	}
	files, err := p.needed(ctx, b, code)
	if err != nil {
		return nil, err
	}
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

// Check looks through a script as a gateway does before it runs it. CodeInvalid with the position of what is wrong, and CodeNotFound
// where there is no such file. What is compiled was looked through by its compiler.
func (p Project) Check(ctx context.Context, b *script.Bundler) error {
	if !script.IsEntry(p.Entry) || script.IsPython(p.Entry) {
		return nil
	}
	code, err := p.folder.Code(p.Entry)
	if err != nil {
		return err
	}
	_, err = p.needed(ctx, b, code)
	return err
}

// needed are the files of the code that a plugin needs to run.
func (p Project) needed(ctx context.Context, b *script.Bundler, code []byte) (map[string][]byte, error) {
	all, err := source.Files(p.Entry, code)
	if err != nil || !script.IsEntry(p.Entry) || script.IsPython(p.Entry) {
		return all, err
	}
	s, err := script.Decode(code)
	if err != nil {
		return nil, err
	}
	made, err := b.Bundle(ctx, s)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, name := range made.Parts {
		files[name] = all[name]
	}
	return files, nil
}
