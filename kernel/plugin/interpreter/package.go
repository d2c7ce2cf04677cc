package interpreter

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"

	"github.com/carapace-gateway/carapace/wit"
)

// MaxPackage bounds what an interpreter comes in, in bytes.
const MaxPackage = 256 << 20

// maxFiles and maxUnpacked bound what is looked through in a package.
const (
	maxFiles    = 10_000
	maxUnpacked = 1 << 30
)

// find is the module in the bytes of it, or of a package. A file of another size than the module's is not unpacked.
func (i Interpreter) find(data []byte) (wasm []byte, err error) {
	switch {
	case bytes.HasPrefix(data, []byte("\x00asm")):
		if wasm = data; !i.is(wasm) {
			return nil, wit.Errorf(wit.CodeInvalid, "this is not %s %s: its SHA-256 is another than %s", i.Name, i.Version, i.SHA256)
		}
		return wasm, nil
	case bytes.HasPrefix(data, []byte("PK")):
		wasm, err = i.unzip(data)
	default:
		wasm, err = i.untar(data)
	}
	if err != nil {
		return nil, wit.Errorf(wit.CodeInvalid, "this is neither the module of %s nor a package that it comes in: %w", i.Name, err)
	}
	if wasm == nil {
		return nil, wit.Errorf(wit.CodeInvalid, "the package has no file that is %s %s, whose SHA-256 is %s", i.Name, i.Version, i.SHA256)
	}
	return wasm, nil
}

var errTooMuch = errors.New("it is too large")

func (i Interpreter) unzip(data []byte) ([]byte, error) {
	files, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	if len(files.File) > maxFiles {
		return nil, errTooMuch
	}
	for _, f := range files.File {
		if f.UncompressedSize64 != uint64(i.Bytes) {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return nil, err
		}
		wasm, err := i.read(r)
		if wasm != nil || err != nil {
			return wasm, errors.Join(err, r.Close())
		}
	}
	return nil, nil
}

func (i Interpreter) untar(data []byte) ([]byte, error) {
	var r io.Reader = bytes.NewReader(data)
	if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		var err error
		if r, err = gzip.NewReader(r); err != nil {
			return nil, err
		}
	}
	files := tar.NewReader(io.LimitReader(r, maxUnpacked))
	for n := 0; ; n++ {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		if err == nil && n > maxFiles {
			err = errTooMuch
		}
		if err != nil {
			return nil, err
		}
		if h.Size != i.Bytes {
			continue
		}
		if wasm, err := i.read(files); wasm != nil || err != nil {
			return wasm, err
		}
	}
}

// read reads a file that may be the module; nil says that it is not.
func (i Interpreter) read(r io.Reader) ([]byte, error) {
	wasm, err := io.ReadAll(io.LimitReader(r, i.Bytes+1))
	if err != nil || !i.is(wasm) {
		return nil, err
	}
	return wasm, nil
}
