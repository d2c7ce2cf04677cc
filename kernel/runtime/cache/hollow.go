package cache

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/carapace-gateway/carapace/wit"
)

// Once a module's machine code is there, nothing reads the functions that it was made of, which are most of the module; but
// wazero decodes and checks them at each load, and keeps them. So the cache keeps the module hollow, each function a trap, and the
// machine code under the name by which wazero looks for that of the hollow one.

const (
	customSection = 0
	codeSection   = 10
)

// trap is a function without locals whose body ends the call, behind its size.
var trap = []byte{3, 0, 0x00, 0x0b}

// hollow returns wasm with a trap in place of each function, and with its digest in a section of the name "module": wazero knows
// modules by what is in them, and two that differ in their functions alone are two.
func hollow(wasm []byte) ([]byte, error) {
	const head = 8 // the magic and the version
	if len(wasm) < head {
		return nil, errModule
	}
	out := append(make([]byte, 0, len(wasm)/4), wasm[:head]...)
	for rest := wasm[head:]; len(rest) > 0; {
		size, n := binary.Uvarint(rest[1:])
		if n <= 0 || size > uint64(len(rest)-1-n) {
			return nil, errModule
		}
		section := rest[:1+n+int(size)]
		rest = rest[len(section):]
		if section[0] != codeSection {
			out = append(out, section...)
			continue
		}
		count, n := binary.Uvarint(section[1+n:])
		if n <= 0 || count > size {
			return nil, errModule
		}
		out = appendTraps(append(out, codeSection), count)
	}
	sum := sha256.Sum256(wasm)
	named := append([]byte("\x06module"), sum[:]...)
	return append(append(out, customSection, byte(len(named))), named...), nil
}

// appendTraps appends the rest of a section of so many functions.
func appendTraps(b []byte, count uint64) []byte {
	number := binary.AppendUvarint(nil, count)
	b = binary.AppendUvarint(b, uint64(len(number))+count*uint64(len(trap)))
	b = append(b, number...)
	for range count {
		b = append(b, trap...)
	}
	return b
}

var errModule = wit.NewError(wit.CodeInternal, "a module that was compiled cannot be read")

// asHollow gives machine code in a folder the name under which wazero looks for that of the hollow module, which the compiler itself
// says, and returns it.
func (c *Cache) asHollow(ctx context.Context, compile Compile, dir string, wasm []byte) (name string, err error) {
	code, err := onlyFile(dir)
	if err != nil {
		return "", err
	}
	staging, err := os.MkdirTemp(c.dir, "making-*")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(staging)
	if err := compile(ctx, staging, wasm); err != nil {
		return "", err
	}
	if name, err = onlyFile(staging); err != nil {
		return "", err
	}
	full, err := functionCount(filepath.Join(dir, code))
	if err != nil {
		return "", err
	}
	if traps, err := functionCount(filepath.Join(staging, name)); err != nil || traps != full {
		return "", errors.Join(err, errModule)
	}
	return name, os.Rename(filepath.Join(dir, code), filepath.Join(dir, name))
}

// functionCount reads of how many functions a file's machine code is: behind a magic and its version.
func functionCount(path string) (uint32, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	_, count, err := functionsIn(f)
	return count, err
}

// functionsIn finds the offsets of functions in a file of wazero's, and how many there are.
func functionsIn(f io.ReaderAt) (at int64, count uint32, err error) {
	head := make([]byte, 7)
	if _, err := f.ReadAt(head, 0); err != nil || string(head[:6]) != "WAZEVO" {
		return 0, 0, errors.Join(err, errForm)
	}
	at = int64(len(head)) + int64(head[6])
	number := make([]byte, 4)
	if _, err := f.ReadAt(number, at); err != nil {
		return 0, 0, err
	}
	return at + 4, binary.LittleEndian.Uint32(number), nil
}

var errForm = errors.New("machine code is not as wazero is known to keep it")
