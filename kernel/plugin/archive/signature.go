package archive

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of signatures.
const (
	maxSigners    = 16
	maxSignatures = 16 << 10 // bytes of the file
)

const signaturesFile = "signatures.json"

// What the texts begin with that are hashed and signed, so that none is good for anything else.
const (
	contentDomain   = "carapace plugin content 1\n"
	signatureDomain = "carapace plugin signature 1\n"
)

// signature is what a signer says of a digest.
type signature struct {
	Signer    Signer `json:"signer"`
	Signature []byte `json:"signature"`
}

// Digest names the content: "sha256:" and 64 digits in hex of the hash of a line for each file, which has its length in bytes,
// its own hash and its name.
func (p *Package) Digest() string {
	list := sha256.New()
	fmt.Fprint(list, contentDomain)
	for _, name := range p.names() {
		fmt.Fprintf(list, "%d %x %s\n", len(p.Files[name]), sha256.Sum256(p.Files[name]), name)
	}
	return "sha256:" + hex.EncodeToString(list.Sum(nil))
}

// Signers are those who signed, sorted. Their signatures have been checked; whether they are trusted is for others to say.
func (p *Package) Signers() []Signer {
	signers := make([]Signer, 0, len(p.signatures))
	for _, s := range p.signatures {
		signers = append(signers, s.Signer)
	}
	return signers
}

// Sign returns the archive of a package with a signature by a key beside those that it has. Signing twice is signing once.
// Errors: CodeTooLarge where too many have signed.
func Sign(p *Package, key ed25519.PrivateKey) ([]byte, error) {
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		return nil, wit.NewError(wit.CodeInvalid, "the key is no Ed25519 key: make one with `carapace plugins keygen`")
	}
	mine := signature{SignerOf(public), ed25519.Sign(key, signedText(p.Digest()))}
	all := slices.DeleteFunc(slices.Clone(p.signatures), func(s signature) bool { return s.Signer == mine.Signer })
	all = append(all, mine)
	if len(all) > maxSigners {
		return nil, wit.Errorf(wit.CodeTooLarge, "%d have signed it, which is all that there is room for", maxSigners)
	}
	slices.SortFunc(all, func(a, b signature) int { return cmp.Compare(a.Signer, b.Signer) })
	return (&Package{Manifest: p.Manifest, Files: p.Files, signatures: all}).encode()
}

// signedText is what is signed for a digest.
func signedText(digest string) []byte { return []byte(signatureDomain + digest + "\n") }

func writeSignatures(list []signature) ([]byte, error) { return json.Marshal(list) }

// readSignatures reads and checks what was written by writeSignatures: none where the text is nil.
func readSignatures(text []byte, digest string) (list []signature, err error) {
	if text == nil {
		return nil, nil
	}
	if len(text) > maxSignatures {
		return nil, wit.Errorf(wit.CodeTooLarge, "%s has %d bytes, at most %d are read", signaturesFile, len(text), maxSignatures)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&list); err != nil || len(list) == 0 || len(list) > maxSigners {
		return nil, broken(signaturesFile + " is not a list of signatures")
	}
	for n, s := range list {
		if n > 0 && list[n-1].Signer >= s.Signer {
			return nil, broken(signaturesFile + " names a signer twice, or not in order")
		}
		if !s.Signer.Verify(signedText(digest), s.Signature) {
			return nil, wit.Errorf(wit.CodeInvalid, "the signature of %.80s is not for this content: the archive was changed after it was signed", s.Signer)
		}
	}
	return list, nil
}
