package registry

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/plugin/archive"
	"github.com/carapace-gateway/carapace/wit"
)

// domain keeps a signature of an index from being one of anything else.
const domain = "carapace registry index 1\n"

// envelope is the file. Signatures are over the domain and the very bytes of Index as they stand in the file, so nothing
// has to be written in one form alone; whoever formats the file anew has to sign it anew.
type envelope struct {
	Index      json.RawMessage `json:"index"`
	Signatures []signature     `json:"signatures"`
}

// signature is one by the key that it names.
type signature struct {
	Signer    archive.Signer `json:"signer"`
	Signature []byte         `json:"signature"`
}

// maxSignatures bounds the keys of a file: the old one and the new one, while readers change over.
const maxSignatures = 8

// Decode reads an index that the key has signed. Nothing in it is looked at before the signature is. Errors:
// CodeTooLarge; CodeForbidden for one that the key has not signed; CodeInvalid.
func Decode(data []byte, key archive.Signer) (*Index, error) {
	if len(data) > MaxIndex {
		return nil, wit.Errorf(wit.CodeTooLarge, "its index has %d bytes, at most %d are read", len(data), MaxIndex)
	}
	var file envelope
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, wit.Errorf(wit.CodeInvalid, "its index is no index of a registry: %w", err)
	}
	if !slices.Contains(file.signers(), key) {
		return nil, wit.Errorf(wit.CodeForbidden, "its index is not signed by the key that is configured, %s: it was changed on the way, or the registry has another key now", key)
	}
	x := &Index{}
	if err := json.Unmarshal(file.Index, x); err != nil {
		return nil, wit.Errorf(wit.CodeInvalid, "its index cannot be used: %w", err)
	}
	return x, x.check()
}

// signers are the keys that have signed the index; none of more than anybody has.
func (e *envelope) signers() (list []archive.Signer) {
	if len(e.Signatures) > maxSignatures {
		return nil
	}
	for _, s := range e.Signatures {
		if s.Signer.Verify(signedText(e.Index), s.Signature) {
			list = append(list, s.Signer)
		}
	}
	return list
}

// notBy says to who publishes what is wrong with an index that their key has not signed, and what to do.
func notBy(key archive.Signer, data []byte) error {
	var file envelope
	_ = json.Unmarshal(data, &file) // Decode has done so
	signers := file.signers()
	if len(signers) == 0 {
		return wit.Errorf(wit.CodeForbidden, "%s in this folder was changed after it was signed, so nothing can be added to it: put back the one that was published last", IndexFile)
	}
	var names []string
	for _, s := range signers {
		names = append(names, string(s))
	}
	return wit.Errorf(wit.CodeForbidden, "this registry is signed by %s, and the key that you gave is %s, whose index its readers would refuse: publish with the file of that key, and where "+
		"a new key is to take its place, with both, the old one first (--key OLD --key NEW)", strings.Join(names, " and "), key)
}

// Encode checks an index and signs it. Errors: CodeInvalid, and CodeTooLarge for one that nobody would read.
func Encode(x *Index, keys ...ed25519.PrivateKey) ([]byte, error) {
	if err := x.check(); err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(x, "  ", "  ")
	if err != nil {
		return nil, wit.Errorf(wit.CodeInternal, "the index cannot be written: %w", err)
	}
	var signatures []signature
	for _, key := range keys {
		signatures = append(signatures, signature{SignerOf(key), ed25519.Sign(key, signedText(text))})
	}
	signed, err := json.Marshal(signatures)
	if err != nil {
		return nil, wit.Errorf(wit.CodeInternal, "the index cannot be written: %w", err)
	}
	data := bytes.Join([][]byte{[]byte("{\n  \"index\": "), text, []byte(",\n  \"signatures\": "), signed, []byte("\n}\n")}, nil)
	if len(data) > MaxIndex {
		return nil, wit.Errorf(wit.CodeTooLarge, "the index would have %d bytes, and at most %d are read", len(data), MaxIndex)
	}
	return data, nil
}

// signedText is what is signed for an index.
func signedText(index []byte) []byte { return append([]byte(domain), index...) }

// SignerOf is the public side of a key.
func SignerOf(key ed25519.PrivateKey) archive.Signer {
	public, _ := key.Public().(ed25519.PublicKey)
	return archive.SignerOf(public)
}
