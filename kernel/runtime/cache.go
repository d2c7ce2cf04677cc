package runtime

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/runtime/meter"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/hashicorp/go-hclog"
	"github.com/tetratelabs/wazero"
	"golang.org/x/sys/cpu"
)

// diskCache keeps metered modules and their machine code, so that a module is compiled once per
// machine. It is shared by all engines of that directory: files appear by rename only.
//
// A module has one entry file: a header, the metered bytes, and the name and checksum of the
// machine code's file, which wazero keeps beside it under a name of its own and of its version.
// wazero trusts that file almost blindly, so it is checked against the entry before wazero may see
// it, and machine code is made in a directory of its own and only moved here once it is known what
// it is. Whatever does not fit is deleted and made again; the cache never makes a load fail.
type diskCache struct {
	dir   string
	cache wazero.CompilationCache
	seed  fs.FS // nil, or what the build shipped
	log   hclog.Logger
}

// entry is the header of an entry file. The wasm follows it.
type entry struct {
	guest
	WasmSize int64
	WasmSum  uint32
	Code     string // file name, relative to the cache directory
	CodeSum  uint32
}

const entryMagic = "carapace-module-1\n"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func openDiskCache(dir string, rc wazero.RuntimeConfig, log hclog.Logger) (*diskCache, wazero.RuntimeConfig, error) {
	c, err := wazero.NewCompilationCacheWithDir(filepath.Join(dir, "code"))
	if err != nil {
		return nil, rc, wit.Errorf(wit.CodeUnavailable, "compile cache %s: %w", dir, err)
	}
	d := &diskCache{dir: dir, cache: c, log: log}
	d.prune(time.Now())
	return d, rc.WithCompilationCache(c), nil
}

// Files that nobody has used for as long are deleted when a cache is opened.
const (
	unusedFor    = 60 * 24 * time.Hour
	abandonedFor = time.Hour // what a compilation was making when its process ended
)

func (d *diskCache) prune(now time.Time) {
	for pattern, age := range map[string]time.Duration{
		"making-*": abandonedFor, "*.module": unusedFor, filepath.Join("code", "*", "*"): unusedFor,
	} {
		found, _ := filepath.Glob(filepath.Join(d.dir, pattern))
		for _, path := range found {
			if st, err := os.Stat(path); err == nil && now.Sub(st.ModTime()) > age {
				_ = os.RemoveAll(path)
			}
		}
	}
}

// touch says that an entry is used.
func (d *diskCache) touch(hash string, e *entry) {
	now := time.Now()
	_ = os.Chtimes(d.path(hash), now, now)
	_ = os.Chtimes(filepath.Join(d.dir, "code", e.Code), now, now)
}

func (d *diskCache) close(ctx context.Context) error { return d.cache.Close(ctx) }

// path names a module's entry: by its content, by how it is metered, by the compiler's version and by
// what that may use of this processor.
func (d *diskCache) path(hash string) string {
	return filepath.Join(d.dir, hash+"-m"+meter.Version+"-"+compilerVersion()+"-"+processor()+".module")
}

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

// load answers a module whose machine code is in the cache, nil if it is not.
func (d *diskCache) load(ctx context.Context, r wazero.Runtime, hash string) *code {
	raw, err := os.ReadFile(d.path(hash))
	if errors.Is(err, fs.ErrNotExist) {
		d.plant(hash)
		raw, err = os.ReadFile(d.path(hash))
	}
	if err != nil {
		return nil
	}
	e, err := parseEntry(raw)
	if err == nil {
		err = d.checkCode(e)
	}
	if err != nil {
		d.log.Warn("compile cache entry is damaged and will be made again", "module", hash, "error", err)
		d.drop(hash, e)
		return nil
	}
	compiled, err := r.CompileModule(ctx, e.wasm)
	if err != nil {
		d.log.Warn("compile cache entry cannot be loaded and will be made again", "module", hash, "error", err)
		d.drop(hash, e)
		return nil
	}
	d.touch(hash, e)
	return newCode(compiled, e.guest)
}

func (d *diskCache) drop(hash string, e *entry) {
	_ = os.Remove(d.path(hash))
	if e != nil && filepath.IsLocal(e.Code) {
		_ = os.Remove(filepath.Join(d.dir, "code", e.Code))
	}
}

func parseEntry(raw []byte) (*entry, error) {
	damaged := wit.NewError(wit.CodeInvalid, "not an entry")
	rest, ok := bytes.CutPrefix(raw, []byte(entryMagic))
	if !ok || len(rest) < 8 {
		return nil, damaged
	}
	size, sum := binary.LittleEndian.Uint32(rest), binary.LittleEndian.Uint32(rest[4:])
	rest = rest[8:]
	if uint64(size) > uint64(len(rest)) || crc32.Checksum(rest[:size], castagnoli) != sum {
		return nil, damaged
	}
	e := &entry{}
	if err := json.Unmarshal(rest[:size], e); err != nil {
		return nil, err
	}
	e.wasm = rest[size:]
	if int64(len(e.wasm)) != e.WasmSize || crc32.Checksum(e.wasm, castagnoli) != e.WasmSum || !filepath.IsLocal(e.Code) {
		return e, damaged
	}
	return e, nil
}

func (e *entry) encode() ([]byte, error) {
	header, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	b := append(make([]byte, 0, len(entryMagic)+8+len(header)+len(e.wasm)), entryMagic...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(header)))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(header, castagnoli))
	return append(append(b, header...), e.wasm...), nil
}

func (d *diskCache) checkCode(e *entry) error {
	sum, err := fileSum(filepath.Join(d.dir, "code", e.Code))
	if err == nil && sum != e.CodeSum {
		err = wit.NewError(wit.CodeInvalid, "machine code has changed")
	}
	return err
}

func fileSum(path string) (uint32, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	h := crc32.New(castagnoli)
	if _, err := io.CopyBuffer(h, f, make([]byte, 256<<10)); err != nil {
		return 0, err
	}
	return h.Sum32(), nil
}

// store compiles g into the cache. Failing costs nothing but the next start's time.
func (d *diskCache) store(ctx context.Context, hash string, g *guest) error {
	staging, err := os.MkdirTemp(d.dir, "making-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(staging)
	if err := compileInto(ctx, staging, g.wasm); err != nil {
		return err
	}
	name, err := onlyFile(staging)
	if err != nil {
		return err
	}
	sum, err := fileSum(filepath.Join(staging, name))
	if err != nil {
		return err
	}
	e := &entry{guest: *g, WasmSize: int64(len(g.wasm)), WasmSum: crc32.Checksum(g.wasm, castagnoli), Code: name, CodeSum: sum}
	b, err := e.encode()
	if err != nil {
		return err
	}
	made := filepath.Join(staging, "entry")
	if err := os.WriteFile(made, b, 0o600); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(staging, name), filepath.Join(d.dir, "code", name)); err != nil {
		return err
	}
	return os.Rename(made, d.path(hash))
}

// compileInto leaves the machine code of wasm in dir. The compiler that made it is gone afterwards,
// with all its memory.
func compileInto(ctx context.Context, dir string, wasm []byte) error {
	c, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	r := wazero.NewRuntimeWithConfig(ctx, runtimeConfig().WithCompilationCache(c))
	defer r.Close(ctx)
	_, err = r.CompileModule(ctx, wasm)
	return err
}

// onlyFile finds the one file that a compiler left below dir.
func onlyFile(dir string) (string, error) {
	found, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err == nil && len(found) != 1 {
		err = wit.Errorf(wit.CodeInternal, "the compiler left %d files", len(found))
	}
	if err != nil {
		return "", err
	}
	return strings.TrimPrefix(found[0], dir+string(filepath.Separator)), nil
}
