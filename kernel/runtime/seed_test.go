package runtime_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/carapace-gateway/carapace/kernel/runtime"
	"github.com/carapace-gateway/carapace/wit"
)

func TestASeedSparesTheCompilation(t *testing.T) {
	wasm := goGuest(t, kitchen)
	sum := sha256.Sum256(wasm)
	hash := hex.EncodeToString(sum[:])
	source := runtime.Source{Name: "kitchen", Hash: hash, Open: func() ([]byte, error) { return wasm, nil }}

	builder := newEngine(t, runtime.Config{CacheDir: t.TempDir()})
	if _, err := builder.Export(new(bytes.Buffer), hash); wit.CodeOf(err) != wit.CodeNotFound {
		t.Fatalf("export of what was never compiled: %v", err)
	}
	must(t, builder.Load(source).Compile(t.Context()))
	var seed bytes.Buffer
	name, err := builder.Export(&seed, hash)
	must(t, err)

	unread := source
	unread.Open = func() ([]byte, error) {
		t.Error("the module was read although its seed was there")
		return wasm, nil
	}
	planted := newEngine(t, runtime.Config{CacheDir: t.TempDir(), Seed: fstest.MapFS{name: {Data: seed.Bytes()}}})
	must(t, planted.Load(unread).Compile(t.Context()))

	for what, data := range map[string][]byte{
		"empty": nil, "cut off": seed.Bytes()[:seed.Len()/2], "not zstd": []byte("something else"), "changed": flip(seed.Bytes()),
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			e := newEngine(t, runtime.Config{CacheDir: dir, Seed: fstest.MapFS{name: {Data: data}}})
			must(t, e.Load(source).Compile(t.Context()))
			if left, _ := filepath.Glob(filepath.Join(dir, "making-*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			if _, err := os.Stat(dir); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func flip(b []byte) []byte {
	c := bytes.Clone(b)
	c[len(c)/2] ^= 0xff
	return c
}
