package registry

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/plugin/archive"
	"github.com/carapace-gateway/carapace/wit"
)

// Digest names the bytes of an archive's file.
func Digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Check refuses what was fetched for a version of a package and is not the archive that the index pins, before anything in it is
// read, and an archive in which something else is than the index says. Errors: CodeForbidden; those of archive.Read.
func (v *Version) Check(id string, data []byte) error {
	if int64(len(data)) != v.Size || Digest(data) != v.Digest {
		return wit.Errorf(wit.CodeForbidden, "what came as %s has %d bytes and the digest %s, and the signed index says %d and %s: nothing of it was used", v.File, len(data), Digest(data), v.Size, v.Digest)
	}
	packed, err := archive.Read(data)
	if err != nil {
		return err
	}
	m, signers := packed.Manifest, packed.Signers()
	for _, s := range v.Signers {
		if !slices.Contains(signers, s) {
			return wit.Errorf(wit.CodeForbidden, "%s is not signed by %s, as the index says", v.File, s)
		}
	}
	switch said := describe(packed).Versions[0]; {
	case m.ID != id || m.Version != v.Version:
		return wit.Errorf(wit.CodeForbidden, "%s is %s %s, and the index says %s %s", v.File, m.ID, m.Version, id, v.Version)
	case said.Content != v.Content:
		return wit.Errorf(wit.CodeForbidden, "%s has other content than the index says", v.File)
	case !slices.Equal(said.Kinds, v.Kinds) || !bytes.Equal(wit.Marshal(&said.Permissions), wit.Marshal(&v.Permissions)):
		return wit.Errorf(wit.CodeForbidden, "%s is or asks for something else than the index says", v.File)
	}
	return nil
}

// Matches reports whether a package is about all of these words, each somewhere in its id, name, description or keywords, or
// one of its kinds.
func (p *Package) Matches(words []string) bool {
	about := strings.ToLower(strings.Join(slices.Concat([]string{p.ID, p.Name, p.Description}, p.Keywords, p.Versions[0].Kinds), "\n"))
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(about, strings.ToLower(w)) })
}
