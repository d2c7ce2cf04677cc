package plugin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"sync"

	"github.com/carapace-gateway/carapace/kernel/plugin/engine"
	"github.com/carapace-gateway/carapace/kernel/plugin/manifest"
	"github.com/carapace-gateway/carapace/wit"
)

// inspector reads files of code and remembers what it saw, so that plugins of one bundle share the work.
// The zero value is ready.
type inspector struct {
	mu    sync.Mutex
	known map[file]inspected
}

// file is a file of code as it was at a time, for the engine that runs it.
type file struct {
	engine engine.Engine
	key    string
}

// inspected is a file's SHA-256 in hex, and what it imports and exports.
type inspected struct {
	hash string
	info engine.Info
}

// maxInspected bounds what is remembered. Beyond it all is forgotten, since reading a file again is all that it
// costs.
const maxInspected = 64

// inspect reads a version's file of code.
// The file's key is compared before and after: a file that is being written would else be remembered under the key
// of another content.
func (i *inspector) inspect(ctx context.Context, v *version) (inspected, error) {
	name, _ := manifest.Entry(v.manifest)
	key, err := v.pkg.CodeKey(name)
	if err != nil {
		return inspected{}, err
	}
	f := file{v.engine, key}
	if known, ok := i.get(f); ok {
		return known, nil
	}
	seen, err := i.read(ctx, v, name)
	if err != nil {
		return inspected{}, err
	}
	if after, err := v.pkg.CodeKey(name); err != nil || after != key {
		return inspected{}, wit.NewError(wit.CodeUnavailable, "the file of code changes while it is read")
	}
	i.put(f, seen)
	return seen, nil
}

// read reads the file of code, unless the build has done so.
func (i *inspector) read(ctx context.Context, v *version, name string) (inspected, error) {
	if facts := v.pkg.Facts(name); facts != nil {
		return inspected{facts.SHA256, facts.Info}, nil
	}
	bytes, err := v.pkg.Code(name)
	if err != nil {
		return inspected{}, err
	}
	sum := sha256.Sum256(bytes)
	src := v.source(hex.EncodeToString(sum[:]))
	src.Open = func() ([]byte, error) { return bytes, nil }
	code, err := v.engine.Load(src)
	if err != nil {
		return inspected{}, err
	}
	defer code.Release()
	info, err := code.Info(ctx)
	return inspected{src.Hash, info}, err
}

func (i *inspector) get(f file) (inspected, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	seen, ok := i.known[f]
	return seen, ok
}

func (i *inspector) put(f file, seen inspected) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.known == nil || len(i.known) >= maxInspected {
		i.known = map[file]inspected{}
	}
	i.known[f] = seen
}
