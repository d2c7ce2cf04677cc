package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/carapace-gateway/carapace/kernel/file"
	"github.com/carapace-gateway/carapace/wit"
)

// Change changes a document of settings. It may be called for a document that is thrown away.
type Change func(*Document) error

// Hash names a text of the settings, so that who changes it can say which text they have seen.
func Hash(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// fileOrigin is that of the text of a file.
func fileOrigin(path string) origin { return origin{filepath.Dir(path), os.LookupEnv} }

// Edit changes the file at path and returns its text before and after. A change of single settings writes JSON: what was
// JSON5 before is kept beside it, in a file whose name ends in .bak. base, unless it is empty, is the Hash of the
// text that the change was made for. A running gateway sees the change; see Settings.Edit for one that goes through it.
//
// Errors: CodeConflict for another base; CodeInvalid for a change that leaves settings that cannot be, or changes a file
// that cannot be read: that can only be replaced; the change's own; CodeUnavailable. What was wrong with the section of a
// plugin before may stay so: see Document.Usable.
func Edit(path, base string, change Change) (before, after []byte, err error) {
	before, err = Read(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	if after, err = edited(before, base, fileOrigin(path), change); err != nil {
		return before, nil, err
	}
	if len(before) > 0 && !json.Valid(before) && json.Valid(after) {
		if err := write(path+".bak", before); err != nil { // its comments are not in the new one
			return before, nil, err
		}
	}
	return before, after, write(path, after)
}

// edited is a text after a change.
func edited(before []byte, base string, from origin, change Change) (after []byte, err error) {
	if base != "" && base != Hash(before) {
		return nil, wit.NewError(wit.CodeConflict, "the settings have changed since they were read: read them again, and change those")
	}
	d, err := ParseDocument(before)
	if err != nil {
		d = &Document{text: before, root: &node{kind: kindObject}, broken: err}
	}
	d.from = from
	if err := change(d); err != nil {
		return nil, err
	}
	known, old := faultsIn(before, from)
	_, faults, err := d.Usable()
	switch wrong := news(faults, known); {
	case err != nil && old != nil && !d.placed:
		return nil, unmended(old)
	case err != nil:
		return nil, err
	case wrong != nil:
		return nil, wit.Errorf(wit.CodeInvalid, "%w", wrong)
	}
	if len(d.text) > maxFile {
		return nil, wit.Errorf(wit.CodeTooLarge, "the settings would have %d bytes, at most %d fit", len(d.text), maxFile)
	}
	return d.text, nil
}

// faultsIn are what is wrong with sections of plugins in a text. Errors are those of Usable.
func faultsIn(text []byte, from origin) ([]*Fault, error) {
	d, err := parse(text, from)
	if err != nil {
		return nil, err
	}
	_, faults, err := d.Usable()
	return faults, err
}

// unmended refuses a change of a file that cannot be used, with why.
func unmended(why error) error {
	return wit.Errorf(wit.CodeInvalid, "the config file has to be mended before anything else is changed: %w", why)
}

// write puts a text in a file's place at once, so that nobody sees half of it and a crash leaves one or the other. A link
// stays a link. A new file can be read by its owner only.
func write(path string, text []byte) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	mode := fs.FileMode(0o600)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	err := file.Replace(path, text, mode)
	if err != nil {
		return wit.Errorf(wit.CodeUnavailable, "the settings cannot be written: %w", err)
	}
	return nil
}
