package proof

import "testing"

// Verifies reports whether a token is signed by a key of a set, whatever it says.
func Verifies(t *testing.T, set, text string) bool {
	t.Helper()
	keys, err := parseKeys([]byte(set))
	if err != nil {
		t.Fatal(err)
	}
	token, err := parseToken(text)
	if err != nil {
		t.Fatal(err)
	}
	return token.signedBy(keys) != nil
}
