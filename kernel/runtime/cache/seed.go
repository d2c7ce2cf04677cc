package cache

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"

	"github.com/carapace-gateway/carapace/kernel/file"
	"github.com/carapace-gateway/carapace/wit"
)

// A seed is a compiled module for the cache of another machine: what a build ships, so that the
// first start on the same kind of processor compiles nothing. Its name says for which module, compiler
// and processor it is; a cache of another kind does not find it, and compiles.
//
// The file is one zstd stream: the length of the entry in eight bytes, the entry, the machine code. The entry is
// sealed without a key, for the binary that the seed is part of vouches for it.

const seedSuffix = ".seed"

// Export writes the seed of a module that is in the cache, and returns the file name under which another cache
// looks for it. The cache must have no key. CodeNotFound when the module is not here; other errors are of reading or
// writing.
func (c *Cache) Export(w io.Writer, hash string) (name string, err error) {
	raw, err := file.Read(c.path(hash), maxEntry)
	if errors.Is(err, fs.ErrNotExist) {
		return "", wit.NewError(wit.CodeNotFound, "the module is not in the compile cache")
	}
	if err != nil {
		return "", err
	}
	parsed, err := c.parse(hash, c.key, raw)
	if err != nil {
		return "", err
	}
	machine, err := file.Open(filepath.Join(c.dir, "code", parsed.Code))
	if err != nil {
		return "", err
	}
	defer machine.Close()
	z, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedBetterCompression))
	if err != nil {
		return "", err
	}
	if err := errors.Join(writeSeed(z, raw, machine), z.Close()); err != nil {
		return "", err
	}
	return filepath.Base(c.path(hash)) + seedSuffix, nil
}

func writeSeed(w io.Writer, raw []byte, machine io.Reader) error {
	if _, err := w.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(raw)))); err != nil {
		return err
	}
	if _, err := w.Write(raw); err != nil {
		return err
	}
	_, err := io.Copy(w, machine)
	return err
}

// plant puts a module's seed into the cache, where there is one. A damaged seed plants nothing, since
// Load checks what it finds.
func (c *Cache) plant(hash string) {
	if c.seed == nil {
		return
	}
	f, err := c.seed.Open(filepath.Base(c.path(hash)) + seedSuffix)
	if err != nil {
		return
	}
	defer f.Close()
	if err := c.unpack(f, hash); err != nil {
		c.log.Warn("shipped compilation unusable, compiling again", "module", hash, "error", err)
	}
}

// unpack reads one seed and makes its two files.
func (c *Cache) unpack(f io.Reader, hash string) error {
	z, err := zstd.NewReader(bufio.NewReader(f), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
	if err != nil {
		return err
	}
	defer z.Close()
	var size [8]byte
	if _, err := io.ReadFull(z, size[:]); err != nil {
		return err
	}
	n := binary.LittleEndian.Uint64(size[:])
	if n > maxEntry {
		return wit.NewError(wit.CodeTooLarge, "its entry is too large")
	}
	raw := make([]byte, n)
	if _, err := io.ReadFull(z, raw); err != nil {
		return err
	}
	e, err := c.parse(hash, nil, raw)
	if err != nil {
		return err
	}
	if raw, err = c.encode(hash, e); err != nil {
		return err
	}
	return c.place(hash, e, raw, z)
}

// place makes the cache's two files, the entry last, each whole or not at all.
func (c *Cache) place(hash string, e *entry, raw []byte, machine io.Reader) error {
	staging, err := os.MkdirTemp(c.dir, "making-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(staging)
	made := filepath.Join(staging, "code")
	f, err := os.OpenFile(made, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, io.LimitReader(machine, maxMachineCode)); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	target := filepath.Join(c.dir, "code", e.Code)
	if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
		return err
	}
	if err := os.Rename(made, target); err != nil {
		return err
	}
	if err := os.WriteFile(made, raw, 0o600); err != nil {
		return err
	}
	return os.Rename(made, c.path(hash))
}

// maxMachineCode bounds the machine code of a seed, in bytes.
const maxMachineCode = 1 << 30
