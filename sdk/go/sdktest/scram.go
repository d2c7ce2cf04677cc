//go:build !wasip1

package sdktest

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

const scramNonce = "a-nonce-of-the-test-host"

// credentialScram logs in as the kernel does, with the same nonce each time.
func (h *Host) credentialScram(l *wit.ScramLogin) (*wit.ScramMessage, error) {
	password, ok := h.Credentials[l.Password]
	if !ok {
		return nil, wit.Errorf(wit.CodeUnauthorized, "credential %s is not set", l.Password)
	}
	if l.First == nil {
		return &wit.ScramMessage{Text: "n,,n=" + strings.NewReplacer("=", "=3D", ",", "=2C").Replace(l.User) + ",r=" + scramNonce}, nil
	}
	var parts []string
	if l.Challenge != nil {
		parts = strings.Split(*l.Challenge, ",")
	}
	if len(parts) < 3 {
		return nil, wit.Errorf(wit.CodeInvalid, "the challenge is none of SCRAM's")
	}
	salt, errSalt := base64.StdEncoding.DecodeString(strings.TrimPrefix(parts[1], "s="))
	count, errCount := strconv.Atoi(strings.TrimPrefix(parts[2], "i="))
	if errSalt != nil || errCount != nil {
		return nil, wit.Errorf(wit.CodeInvalid, "the challenge is none of SCRAM's")
	}
	algorithm := sha256.New
	if l.Hash == wit.ScramHashSHA1 {
		algorithm = sha1.New
	}
	salted, err := pbkdf2.Key(algorithm, password, salt, count, algorithm().Size())
	if err != nil {
		return nil, err
	}
	last := "c=biws," + parts[0]
	said := strings.TrimPrefix(*l.First, "n,,") + "," + *l.Challenge + "," + last
	if l.Outcome != nil {
		if *l.Outcome != "v="+base64.StdEncoding.EncodeToString(code(algorithm, code(algorithm, salted, "Server Key"), said)) {
			return nil, wit.Errorf(wit.CodeUnauthorized, "the server does not prove that it knows the password")
		}
		return &wit.ScramMessage{}, nil
	}
	proof := code(algorithm, salted, "Client Key")
	stored := algorithm()
	stored.Write(proof)
	for i, b := range code(algorithm, stored.Sum(nil), said) {
		proof[i] ^= b
	}
	return &wit.ScramMessage{Text: last + ",p=" + base64.StdEncoding.EncodeToString(proof)}, nil
}

func code(algorithm func() hash.Hash, key []byte, text string) []byte {
	m := hmac.New(algorithm, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}
