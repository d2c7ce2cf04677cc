// Package cache keeps compiled modules in a directory, so that a module is compiled once per machine.
//
// A module has one entry file: a header, the metered bytes without the functions, and the name and digest of the machine code's
// file, which wazero keeps beside it under a name of its own and of its version. wazero trusts that file almost
// blindly, so it is checked against the entry before wazero may see it, and machine code is made in a directory
// of its own and only moved here once it is known what it is. The entry is sealed with a key of the owner's, so
// that whoever can write to the directory and does not have the key cannot make the gateway run his code.
// Whatever does not fit is deleted and made again: a cache never makes a load fail, and damaged machine code
// never runs.
//
// Files appear by rename only, so all engines of all processes may share a directory. A Cache is safe for
// concurrent use. A seed is an entry that somebody else made, see Export.
package cache

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/tetratelabs/wazero"
	"golang.org/x/sys/cpu"

	"github.com/carapace-gateway/carapace/kernel/file"
	"github.com/carapace-gateway/carapace/kernel/runtime/meter"
	"github.com/carapace-gateway/carapace/wit"
)

// Guest is a metered module with what its instances need to know. It is what an entry keeps.
type Guest struct {
	Functions   []string // the host functions of the plugin's own that it imports, by number
	MemoryBytes int64    // what its memory has at first
	TableBytes  int64    // what its tables take
	// DirectInput says that the guest never looks for its input in the exchange memory.
	DirectInput bool
	WASM        []byte `json:"-"`
}

// Config says where a cache is and what it compiles with.
type Config struct {
	Dir  string
	Seed fs.FS // nil, or the compilations that the build shipped
	// Key seals the entries; without one they are only protected from damage.
	Key []byte
	// Runtime is the engine's configuration; machine code depends on it.
	Runtime wazero.RuntimeConfig
	// Compile makes machine code; nil does it in this process.
	Compile Compile
	Log     hclog.Logger
}

// Cache is one such directory.
type Cache struct {
	dir     string
	cache   wazero.CompilationCache
	seed    fs.FS
	key     []byte
	runtime wazero.RuntimeConfig
	compile Compile
	log     hclog.Logger
}

// Open makes the directory if need be, and deletes what nobody has used for long. CodeUnavailable when the
// directory cannot be made.
func Open(cfg Config) (*Cache, error) {
	c, err := wazero.NewCompilationCacheWithDir(filepath.Join(cfg.Dir, "code"))
	if err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "compile cache %s: %w", cfg.Dir, err)
	}
	d := &Cache{dir: cfg.Dir, cache: c, seed: cfg.Seed, key: cfg.Key, runtime: cfg.Runtime, compile: cfg.Compile, log: cfg.Log}
	if d.compile == nil {
		d.compile = d.compileHere
	}
	d.prune(time.Now())
	return d, nil
}

// RuntimeConfig is the configuration of a runtime that loads from the cache.
func (c *Cache) RuntimeConfig() wazero.RuntimeConfig { return c.runtime.WithCompilationCache(c.cache) }

// Close gives the machine code back that was loaded. The runtime must be closed before.
func (c *Cache) Close(ctx context.Context) error { return c.cache.Close(ctx) }

// Files that nobody has used for as long are deleted when a cache is opened.
const (
	unusedFor    = 60 * 24 * time.Hour
	abandonedFor = time.Hour // what a compilation was making when its process ended
)

func (c *Cache) prune(now time.Time) {
	for pattern, age := range map[string]time.Duration{
		"making-*": abandonedFor, "*.module": unusedFor, filepath.Join("code", "*", "*"): unusedFor,
	} {
		found, _ := filepath.Glob(filepath.Join(c.dir, pattern))
		for _, path := range found {
			if st, err := os.Stat(path); err == nil && now.Sub(st.ModTime()) > age {
				_ = os.RemoveAll(path)
			}
		}
	}
}

// touch says that an entry is used. A clock that is behind, as on a board that has not asked for the time yet, does
// not make it look unused for years once the clock is right.
func (c *Cache) touch(hash string, e *entry) {
	now := time.Now()
	for _, path := range []string{c.path(hash), filepath.Join(c.dir, "code", e.Code)} {
		if st, err := os.Stat(path); err == nil && now.After(st.ModTime()) {
			_ = os.Chtimes(path, now, now)
		}
	}
}

// path names a module's entry: by its content, by the entry's form, by how the module is metered, by the compiler's
// version and by what that may use of this processor.
func (c *Cache) path(hash string) string {
	return filepath.Join(c.dir, hash+"-e"+entryVersion+"-m"+meter.Version+"-"+compilerVersion()+"-"+processor()+".module")
}

// compilerVersion is wazero's version, on which the form of machine code depends.
func compilerVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			if d.Path == "github.com/tetratelabs/wazero" {
				return d.Version
			}
		}
	}
	return "dev"
}

// processor is what the compiler may use of this processor, as four hexadecimal digits.
func processor() string {
	flags := []bool{cpu.X86.HasSSE3, cpu.X86.HasSSSE3, cpu.X86.HasSSE41, cpu.X86.HasSSE42, cpu.X86.HasPOPCNT,
		cpu.X86.HasBMI1, cpu.X86.HasBMI2, cpu.X86.HasAVX, cpu.X86.HasAVX2, cpu.ARM64.HasATOMICS}
	v := uint16(0)
	for n, on := range flags {
		if on {
			v |= 1 << n
		}
	}
	return hex.EncodeToString(binary.BigEndian.AppendUint16(nil, v))
}

// Load returns a module whose machine code is here or in the seed, nil if it is in neither. hash is the SHA-256
// of the bytes before they were metered, in hexadecimal. Of the returned guest's WASM the compiler has taken what it needs.
func (c *Cache) Load(ctx context.Context, r wazero.Runtime, hash string) (wazero.CompiledModule, Guest) {
	raw, err := file.Read(c.path(hash), maxEntry)
	if errors.Is(err, fs.ErrNotExist) {
		c.plant(hash)
		raw, err = file.Read(c.path(hash), maxEntry)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, Guest{}
	}
	var e *entry
	if err == nil {
		e, err = c.parse(hash, c.key, raw)
	}
	if err == nil {
		err = c.checkCode(e)
	}
	var compiled wazero.CompiledModule
	if err == nil {
		compiled, err = r.CompileModule(ctx, e.WASM)
	}
	if err != nil {
		c.log.Warn("compile cache entry unusable, deleted", "module", hash, "error", err)
		c.drop(hash, e)
		return nil, Guest{}
	}
	if err := c.lean(e.Code); err != nil {
		c.log.Debug("machine code stays in memory as a whole", "module", hash, "error", err)
	}
	c.touch(hash, e)
	return compiled, e.Guest
}

// drop deletes an entry and, where e says which it is, its machine code.
func (c *Cache) drop(hash string, e *entry) {
	_ = os.Remove(c.path(hash))
	if e != nil && filepath.IsLocal(e.Code) {
		_ = os.Remove(filepath.Join(c.dir, "code", e.Code))
	}
}

// Store compiles g into the cache as the module of hash. An error of wit's is the module's or the compiler's; any
// other one is the disk's, and costs nothing but the next start's time. own is set for the gateway's own code, which
// is compiled in this process.
func (c *Cache) Store(ctx context.Context, hash string, g *Guest, own bool) error {
	staging, err := os.MkdirTemp(c.dir, "making-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(staging)
	compile := c.compile
	if own {
		compile = c.compileHere
	}
	if err := compile(ctx, staging, g.WASM); err != nil {
		return err
	}
	kept := *g
	if kept.WASM, err = hollow(g.WASM); err != nil {
		return err
	}
	name, err := c.asHollow(ctx, compile, staging, kept.WASM)
	if err != nil {
		return err
	}
	sum, err := fileSum(filepath.Join(staging, name))
	if err != nil {
		return err
	}
	b, err := c.encode(hash, &entry{Guest: kept, Code: name, CodeSum: sum})
	if err != nil {
		return err
	}
	made := filepath.Join(staging, "entry")
	if err := os.WriteFile(made, b, 0o600); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(c.dir, "code", filepath.Dir(name)), 0o700); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(staging, name), filepath.Join(c.dir, "code", name)); err != nil {
		return err
	}
	return os.Rename(made, c.path(hash))
}

// onlyFile finds the one file that a compiler left below dir.
func onlyFile(dir string) (string, error) {
	found, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err == nil && len(found) != 1 {
		err = wit.Errorf(wit.CodeUnavailable, "the compiler left %d files", len(found))
	}
	if err != nil {
		return "", err
	}
	return strings.TrimPrefix(found[0], dir+string(filepath.Separator)), nil
}
