package secret

import (
	"bytes"
	"testing"
)

// FuzzUnseal: what seal makes opens under its name only, and nothing else opens at all.
func FuzzUnseal(f *testing.F) {
	key := bytes.Repeat([]byte{7}, keySize)
	f.Add([]byte("value"), []byte{1}, "a/b/c")
	f.Add([]byte{}, seal(key, "x/y/z", []byte("v")), "x/y/z")
	f.Fuzz(func(t *testing.T, value, box []byte, name string) {
		sealed := seal(key, name, value)
		if got, err := unseal(key, name, sealed); err != nil || !bytes.Equal(got, value) {
			t.Errorf("round trip: %q, %v", got, err)
		}
		if _, err := unseal(key, name+"x", sealed); err == nil {
			t.Error("it opens under another name")
		}
		if _, err := unseal(bytes.Repeat([]byte{8}, keySize), name, sealed); err == nil {
			t.Error("it opens under another key")
		}
		if got, err := unseal(key, "never sealed to "+name, box); err == nil {
			t.Errorf("foreign bytes open: %q", got)
		}
	})
}

func TestKeysForOtherPurposes(t *testing.T) {
	a, b := &Vault{root: Root{key: random(keySize)}}, &Vault{root: Root{key: random(keySize)}}
	seen := map[string]bool{string(a.key): true, string(b.key): true}
	for _, v := range []*Vault{a, b} {
		for _, purpose := range []string{"x", "y", ""} {
			key := v.Key(purpose)
			if len(key) != keySize || string(key) != string(v.Key(purpose)) || seen[string(key)] {
				t.Errorf("key %q: %d bytes, not stable or not its own", purpose, len(key))
			}
			seen[string(key)] = true
		}
	}
}
