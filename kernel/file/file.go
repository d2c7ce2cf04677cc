// Package file reads files that somebody else may have put there: plain files only, and so many bytes at most.
//
// A name can stand for more than a file. Opening a pipe waits for a writer, and a device such as /dev/zero never
// ends; whoever may put a name where the gateway reads could hold it up so. Nothing here waits, and nothing is
// read beyond its limit, whatever a file's size was said to be. Everything is safe for concurrent use.
package file

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/carapace-gateway/carapace/wit"
)

// Open opens a plain file, or what a symbolic link to one leads to. CodeInvalid for whatever else has the name;
// other errors are os.Open's, so that errors.Is tells a missing file.
func Open(path string) (*os.File, error) {
	f, info, err := open(path)
	if err == nil && !info.Mode().IsRegular() {
		_ = f.Close()
		return nil, notPlain(path)
	}
	return f, err
}

// Read returns all of a plain file. Errors are Open's, and CodeTooLarge for more than limit bytes.
func Read(path string, limit int64) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return all(f, limit)
}

// ReadFS is Read in a file system, such as Dir's.
func ReadFS(root fs.FS, name string, limit int64) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return all(f, limit)
}

// all reads an open file. It is told its size first, for a buffer of the right length, and does not believe it.
func all(f fs.File, limit int64) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, notPlain(info.Name())
	}
	if info.Size() > limit {
		return nil, tooLarge(info.Name(), limit)
	}
	b := make([]byte, info.Size(), info.Size()+1)
	n, err := io.ReadFull(f, b)
	if b = b[:n]; err == io.EOF || err == io.ErrUnexpectedEOF {
		return b, nil // it became shorter
	} else if err != nil {
		return nil, err
	}
	rest, err := io.ReadAll(io.LimitReader(f, limit-int64(n)+1))
	if b = append(b, rest...); int64(len(b)) > limit {
		return nil, tooLarge(info.Name(), limit)
	}
	return b, err
}

func notPlain(name string) error {
	return wit.Errorf(wit.CodeInvalid, "%s is not a plain file: put the file itself there", filepath.Base(name))
}

func tooLarge(name string, limit int64) error {
	return wit.Errorf(wit.CodeTooLarge, "%s has more than %d bytes, which is all that is read", filepath.Base(name), limit)
}

// open does not wait for a writer, nor make a terminal the process's own.
func open(path string) (*os.File, fs.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|noTerminal, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// Dir is a folder as a file system in which Open gives folders and plain files only.
type Dir string

// Open implements fs.FS. Errors are as for the function Open.
func (d Dir) Open(name string) (fs.File, error) {
	path, err := d.path("open", name)
	if err != nil {
		return nil, err
	}
	f, info, err := open(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() && !info.IsDir() {
		_ = f.Close()
		return nil, notPlain(name)
	}
	return f, nil
}

// Stat implements fs.StatFS. It opens nothing, so it tells of whatever has the name.
func (d Dir) Stat(name string) (fs.FileInfo, error) {
	path, err := d.path("stat", name)
	if err != nil {
		return nil, err
	}
	return os.Stat(path)
}

// Real is where a name leads to once the links on the way are followed.
func (d Dir) Real(name string) (string, error) {
	path, err := d.path("readlink", name)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}

// Within reports whether a path is that of a folder, or of something in it. Both are real.
func Within(folder, path string) bool {
	return path == folder || strings.HasPrefix(path, strings.TrimSuffix(folder, string(filepath.Separator))+string(filepath.Separator))
}

func (d Dir) path(op, name string) (string, error) {
	local, err := filepath.Localize(name)
	if err != nil {
		return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	return filepath.Join(string(d), local), nil
}
