package kernel

import "testing"

// TestAFilesAddress may be one on the host that has given it.
func TestAFilesAddress(t *testing.T) {
	for _, c := range []struct{ from, address, want string }{
		{"https://chat.example:8443/api/v1/file?x=/y", "/temporary/a.png", "https://chat.example:8443/temporary/a.png"},
		{"https://chat.example", "/a", "https://chat.example/a"},
		{"https://chat.example/api", "https://files.example/a", "https://files.example/a"},
		{"https://chat.example/api", "//files.example/a", "//files.example/a"},
		{"https://chat.example/api", "a.png", "a.png"},
	} {
		if got := absolute(c.from, c.address); got != c.want {
			t.Errorf("%s from %s: %s, want %s", c.address, c.from, got, c.want)
		}
	}
}
