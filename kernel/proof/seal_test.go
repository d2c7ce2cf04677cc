package proof_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/proof"
)

// sealed is a body that is encrypted as a platform does it.
func sealed(key, text string) string {
	sum := sha256.Sum256([]byte(key))
	block, _ := aes.NewCipher(sum[:])
	pad := aes.BlockSize - len(text)%aes.BlockSize
	out := append(bytes.Repeat([]byte{7}, aes.BlockSize), text+strings.Repeat(string(rune(pad)), pad)...)
	cipher.NewCBCEncrypter(block, out[:aes.BlockSize]).CryptBlocks(out[aes.BlockSize:], out[aes.BlockSize:])
	return `{"encrypt":"` + base64.StdEncoding.EncodeToString(out) + `"}`
}

func hashed(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "")))
	return hex.EncodeToString(sum[:])
}

const sealedRecipe = `{"auth":"sha256","header":"X-Sig","signed":"{header:X-Time}{header:X-Nonce}{credential}{body}","encoding":"hex","credential":"key",
	"challenge":{"call":"type=url_verification","token":"token","answer":"challenge","credential":"word"},"sealed":{"field":"encrypt","credential":"key"}}`

// TestSealed: what is signed and encrypted reaches the plugin in plain text, and nothing else does. A challenge needs no signature, and
// its token.
func TestSealed(t *testing.T) {
	w := recipe(t, sealedRecipe)
	secrets := map[string]string{"key": "test key", "word": "the token"}
	o := owner("x")
	o.Credential = func(_ context.Context, name string) (string, error) {
		if secrets[name] == "" {
			return "", errors.New("none")
		}
		return secrets[name], nil
	}
	check := func(body string, signature string) *proof.Verdict {
		r := request("POST", "/plugins/chat/main/", body, "X-Time", "17", "X-Nonce", "n", "X-Sig", signature)
		return checker(public).Check(t.Context(), o, w, r, []byte(body))
	}
	signed := func(body string) *proof.Verdict { return check(body, hashed("17", "n", "test key", body)) }
	// The platform's own example ("Event decryption" in Feishu's documentation).
	if v := signed(`{"encrypt":"P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk="}`); v.Status != 0 || string(v.Body) != "hello world" {
		t.Errorf("%+v %s", v, v.Body)
	}
	challenge := sealed("test key", `{"type":"url_verification","token":"the token","challenge":"ajls\"384"}`)
	for name, v := range map[string]*proof.Verdict{"unsigned": check(challenge, ""), "signed": signed(challenge)} {
		if v.Status != http.StatusOK || v.Text != `{"challenge":"ajls\"384"}` || !v.JSON || v.Body != nil {
			t.Errorf("a challenge, %s: %+v", name, v)
		}
	}
	event := `{"type":"event","token":"the token"}`
	for name, c := range map[string]struct {
		v    *proof.Verdict
		want int
	}{
		"without a signature":          {check(sealed("test key", event), ""), 401},
		"another signature":            {check(sealed("test key", event), hashed("17", "n", "other", event)), 401},
		"a challenge, another token":   {check(sealed("test key", strings.Replace(`{"type":"url_verification","token":"T","challenge":"c"}`, "T", "guess", 1)), ""), 401},
		"a challenge, no token":        {check(sealed("test key", `{"type":"url_verification","challenge":"c"}`), ""), 401},
		"a challenge that is too long": {check(sealed("test key", `{"type":"url_verification","token":"the token","challenge":"`+strings.Repeat("c", 300)+`"}`), ""), 401},
		"a challenge in plain text":    {check(`{"type":"url_verification","token":"the token","challenge":"c"}`, ""), 401},
		"in plain text":                {signed(event), 401},
		"another key":                  {signed(sealed("other key", event)), 401},
		"too short":                    {signed(`{"encrypt":"AAAA"}`), 401},
		"no base64":                    {signed(`{"encrypt":"ä"}`), 401},
		"no whole blocks":              {signed(`{"encrypt":"` + base64.StdEncoding.EncodeToString(make([]byte, 47)) + `"}`), 401},
		"good":                         {signed(sealed("test key", event)), 0},
	} {
		if c.v.Status != c.want || c.want == 0 && string(c.v.Body) != event {
			t.Errorf("%s: %+v", name, c.v)
		}
	}
	delete(secrets, "word")
	if v := check(challenge, ""); v.Status != http.StatusForbidden {
		t.Errorf("without a token to compare with: %+v", v)
	}
	delete(secrets, "key")
	if v := signed(sealed("test key", event)); v.Status != http.StatusForbidden {
		t.Errorf("without a key: %+v", v)
	}
}
