package cache

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/carapace-gateway/carapace/kernel/file"
	"github.com/carapace-gateway/carapace/kernel/runtime/meter"
	"github.com/carapace-gateway/carapace/wit"
)

// entry is the header of an entry file. The file is entryMagic, the seal, the header's length in four bytes, the
// header as JSON, the hollow wasm.
type entry struct {
	Guest
	WasmSum []byte // see digest
	Code    string // file name, relative to the directory of machine code
	CodeSum []byte // see digest
}

const (
	// entryVersion is part of the files' names, so that gateways of different versions may share a directory.
	entryVersion = "4"
	entryMagic   = "carapace-module-" + entryVersion + "\n"
	entryHead    = len(entryMagic) + sha256.Size + 4
	maxEntry     = 2*meter.MaxModuleBytes + 1<<20
)

var errDamaged = wit.NewError(wit.CodeInvalid, "not an entry of this cache")

// seal authenticates a header as that of a module. The module's name is part of it, so that one module's entry does
// not pass for another's.
func (c *Cache) seal(hash string, key, header []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("carapace module\x00" + filepath.Base(c.path(hash)) + "\x00"))
	h.Write(header)
	return h.Sum(nil)
}

// parse reads an entry file that was sealed with key. Nothing of it is believed before the seal.
func (c *Cache) parse(hash string, key, raw []byte) (*entry, error) {
	if len(raw) < entryHead || string(raw[:len(entryMagic)]) != entryMagic {
		return nil, errDamaged
	}
	seal, rest := raw[len(entryMagic):entryHead-4], raw[entryHead:]
	size := binary.LittleEndian.Uint32(raw[entryHead-4:])
	if uint64(size) > uint64(len(rest)) || !hmac.Equal(seal, c.seal(hash, key, rest[:size])) {
		return nil, errDamaged
	}
	e := &entry{}
	if err := json.Unmarshal(rest[:size], e); err != nil {
		return nil, err
	}
	e.WASM = rest[size:]
	if sum, err := wasmSum(e.WASM); err != nil || !bytes.Equal(sum, e.WasmSum) || !filepath.IsLocal(e.Code) {
		return e, errDamaged
	}
	return e, nil
}

// encode writes an entry file, sealed with the cache's key.
func (c *Cache) encode(hash string, e *entry) ([]byte, error) {
	sum, err := wasmSum(e.WASM)
	if err != nil {
		return nil, err
	}
	e.WasmSum = sum
	header, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	b := append(make([]byte, 0, entryHead+len(header)+len(e.WASM)), entryMagic...)
	b = append(b, c.seal(hash, c.key, header)...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(header)))
	return append(append(b, header...), e.WASM...), nil
}

// checkCode compares the machine code with what the entry says of it.
func (c *Cache) checkCode(e *entry) error {
	sum, err := fileSum(filepath.Join(c.dir, "code", e.Code))
	if err == nil && !bytes.Equal(sum, e.CodeSum) {
		err = wit.NewError(wit.CodeInvalid, "machine code has changed")
	}
	return err
}

func wasmSum(wasm []byte) ([]byte, error) { return digest(bytes.NewReader(wasm), int64(len(wasm))) }

// fileSum is the digest of a file of at most maxMachineCode bytes.
func fileSum(path string) ([]byte, error) {
	f, err := file.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > maxMachineCode {
		return nil, wit.NewError(wit.CodeTooLarge, "machine code is too large")
	}
	return digest(f, info.Size())
}

// A load waits for its digests, which are a sixth of it where one goroutine computes them. A piece stays in the
// processor's cache from where it is read to where it is summed.
const (
	pieceBytes  = 256 << 10
	sumRoutines = 2
)

// digest is the SHA-256 of the SHA-256 of each piece of so many bytes.
func digest(from io.ReaderAt, size int64) ([]byte, error) {
	pieces := make([][sha256.Size]byte, (size+pieceBytes-1)/pieceBytes)
	var group sync.WaitGroup
	var failed [sumRoutines]error
	for n := range sumRoutines {
		group.Go(func() { failed[n] = sumPieces(from, pieces, n) })
	}
	group.Wait()
	whole := sha256.New()
	for _, p := range pieces {
		whole.Write(p[:])
	}
	return whole.Sum(nil), errors.Join(failed[:]...)
}

// sumPieces computes every sumRoutines-th digest, from number n on.
func sumPieces(from io.ReaderAt, pieces [][sha256.Size]byte, n int) error {
	b := make([]byte, pieceBytes)
	for ; n < len(pieces); n += sumRoutines {
		got, err := from.ReadAt(b, int64(n)*pieceBytes)
		if err != nil && err != io.EOF {
			return err
		}
		pieces[n] = sha256.Sum256(b[:got])
	}
	return nil
}

// isDisk reports whether an error is of reading or writing files.
func isDisk(err error) bool {
	return errors.As(err, new(*fs.PathError)) || errors.As(err, new(*os.LinkError))
}
