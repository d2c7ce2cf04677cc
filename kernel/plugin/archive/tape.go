package archive

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// maxTape bounds a tar: what may be in it, a header and a rest of a block for each file, and its end.
const maxTape = MaxBytes + maxSignatures + (MaxFiles+2)*1024 + 1024

// notPacked says of an archive that others wrote that its bytes are not those that all archives of its files have.
const notPacked = "it is not written as `carapace plugins pack` writes it"

// inflate returns the tar. Nothing may follow it.
func inflate(data []byte) ([]byte, error) {
	if len(data) == 0 {
		return nil, broken("it is empty: get it once more")
	}
	rest := bytes.NewReader(data)
	z, err := gzip.NewReader(rest)
	if err != nil {
		return nil, broken("it is not compressed by gzip")
	}
	z.Multistream(false)
	tape, err := io.ReadAll(io.LimitReader(z, maxTape+1))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, broken("its end is missing: get it once more")
	case err != nil:
		return nil, broken("it is damaged: get it once more")
	case len(tape) > maxTape:
		return nil, wit.Errorf(wit.CodeTooLarge, "the archive holds more than %d bytes, which is all that is read", MaxBytes)
	case rest.Len() > 0:
		return nil, broken("something follows its end")
	}
	return tape, nil
}

// unwind returns the files of a tar, and the text of the signatures, nil where there are none.
func unwind(tape []byte) (files map[string][]byte, signed []byte, err error) {
	files = map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(tape)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return files, signed, nil
		}
		if err != nil {
			return nil, nil, broken("it is damaged: get it once more")
		}
		if h.Typeflag != tar.TypeReg {
			return nil, nil, wit.Errorf(wit.CodeInvalid, "%.100q in the archive is no plain file: pack files only", h.Name)
		}
		_, twice := files[h.Name]
		switch {
		case h.Format != tar.FormatUSTAR:
			return nil, nil, broken(notPacked)
		case signed != nil:
			return nil, nil, broken("a file follows its signatures")
		case twice:
			return nil, nil, wit.Errorf(wit.CodeInvalid, "%.100q is in the archive twice", h.Name)
		case len(files) > MaxFiles:
			return nil, nil, wit.Errorf(wit.CodeTooLarge, "the archive has more than %d files", MaxFiles)
		}
		data, err := io.ReadAll(r) // not more than the tape has
		if err != nil {
			return nil, nil, broken("its end is missing: get it once more")
		}
		if h.Name == signaturesFile {
			signed = append([]byte{}, data...)
			continue
		}
		files[h.Name] = data
	}
}

// wind writes the tar: without times, owners or anything else that depends on where it is written.
func (p *Package) wind() ([]byte, error) {
	var tape bytes.Buffer
	w := tar.NewWriter(&tape)
	add := func(name string, data []byte) error {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(data)), Mode: 0o644, ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		_, err := w.Write(data)
		return err
	}
	for _, name := range p.names() {
		if err := add(name, p.Files[name]); err != nil {
			return nil, err
		}
	}
	if len(p.signatures) > 0 {
		text, err := writeSignatures(p.signatures)
		if err != nil {
			return nil, err
		}
		if err := add(signaturesFile, text); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return tape.Bytes(), err
}
