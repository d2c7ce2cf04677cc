package secret

import (
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/file"
	"github.com/carapace-gateway/carapace/wit"
)

// maxKeys is how many keys a key file holds: the vault's, and while it is changed the one before.
const maxKeys = 2

// readKeyFile returns the keys, or an error that wraps fs.ErrNotExist.
func readKeyFile(dir string) ([][]byte, error) {
	path := filepath.Join(dir, KeyFile)
	info, err := os.Lstat(path)
	if err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "secret: the credentials' key file cannot be read: %w", err)
	}
	if err := checkMode(path, info); err != nil {
		return nil, err
	}
	b, err := file.Read(path, 4*keySize*maxKeys)
	if err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "secret: the credentials' key file cannot be read: %w", err)
	}
	var keys [][]byte
	for _, line := range strings.Fields(string(b)) {
		key, err := hex.DecodeString(line)
		if err != nil || len(key) != keySize {
			keys = nil
			break
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 || len(keys) > maxKeys {
		return nil, wit.Errorf(wit.CodeInvalid, "secret: %s is not a key file: restore the one that belongs to this state", path)
	}
	return keys, nil
}

// writeKeyFile makes the file appear whole or not at all, and never over another.
// A link fails where the name exists, which a rename would replace: the key of another vault would be lost with
// it. CreateTemp makes files of mode 0600.
func writeKeyFile(dir string, key []byte) error {
	err := func() error {
		tmp, err := os.CreateTemp(dir, KeyFile+".*")
		if err != nil {
			return err
		}
		defer os.Remove(tmp.Name())
		_, err = tmp.WriteString(hex.EncodeToString(key) + "\n")
		if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
			return err
		}
		if err := os.Link(tmp.Name(), filepath.Join(dir, KeyFile)); err != nil {
			return err
		}
		return syncDir(dir)
	}()
	return unwritable(err)
}

// replaceKeyFile puts keys in the file's place at once. The first is the one that counts from now on.
func replaceKeyFile(dir string, keys ...[]byte) error {
	var text strings.Builder
	for _, key := range keys {
		text.WriteString(hex.EncodeToString(key) + "\n")
	}
	err := file.Replace(filepath.Join(dir, KeyFile), []byte(text.String()), 0o600)
	return unwritable(errors.Join(err, syncDir(dir)))
}

func unwritable(err error) error {
	if err == nil {
		return nil
	}
	return wit.Errorf(wit.CodeUnavailable, "secret: the credentials' key file cannot be written: check the state folder's owner and mode: %w", err)
}

// CopyKeyFile copies the key file of a state folder into another one. Errors: CodeUnavailable, and CodeInvalid for a file that
// is none.
func CopyKeyFile(from, to string) error {
	keys, err := readKeyFile(from)
	if err != nil {
		return err
	}
	return replaceKeyFile(to, keys...)
}
