// Package oci reads archives of plugins from registries of containers, which keep other artifacts too, and publishes them there.
//
// An artifact is an OCI image manifest with one layer of LayerType, which is the archive as a file. What is read is bounded, and
// is what the manifest's digests say, and the manifest the one that was asked for where its digest was. What is read comes through
// the kernel's egress: https to public addresses, and plain http to this machine where it is the host that is named. A Client is
// safe for concurrent use.
package oci

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/wit"
)

// What artifacts say that they are: the type of the whole, and that of the layer that is the archive.
const (
	ArtifactType = "application/vnd.carapace.plugin.v1"
	LayerType    = "application/vnd.carapace.plugin.archive.v1.tar+gzip"
)

// Scheme is what a reference begins with.
const Scheme = "oci://"

// maxManifest bounds an artifact's manifest in bytes, as the specification asks of registries.
const maxManifest = 4 << 20

// Login says who reads from a host, if anybody has to: "" for nobody in particular.
type Login func(ctx context.Context, host string) (user, password string, err error)

// Client reads artifacts.
type Client struct {
	network *egress.Client
	login   Login
}

// Owner is whose credentials the logins to hosts are. It is no plugin's id.
const Owner = "@oci"

// New returns a client that reaches registries through network. login may be nil.
func New(network *egress.Client, login Login) *Client { return &Client{network, login} }

// Artifact is an archive as it came.
type Artifact struct {
	Data []byte
	// Digest is that of the artifact's manifest, by which the very same can be asked for.
	Digest string
}

// Fetch reads the archive of a reference, oci://host/repository:tag or …@sha256:…, of at most limit bytes. Errors: CodeInvalid;
// CodeNotFound; CodeUnauthorized where the registry wants to know who asks, or knows and refuses; CodeTooLarge; CodeForbidden
// for what is not what it is said to be; CodeUnavailable and CodeTimeout.
func (c *Client) Fetch(ctx context.Context, reference string, limit int64) (*Artifact, error) {
	repository, err := c.open(reference)
	if err != nil {
		return nil, err
	}
	a, err := fetch(ctx, repository, limit)
	if err != nil {
		return nil, explain(repository.Reference, err)
	}
	return a, nil
}

func (c *Client) open(reference string) (*remote.Repository, error) {
	repository, err := parse(reference)
	if err != nil {
		return nil, err
	}
	host := repository.Reference.Host()
	repository.Client = &auth.Client{
		Client:     &http.Client{Transport: &transport{network: c.network, host: host, plain: repository.PlainHTTP}},
		Credential: c.credential,
		// Egress looks at where a token comes from, at the address that is connected to.
		BlockedRealmPrefixes: []netip.Prefix{},
	}
	return repository, nil
}

func (c *Client) credential(ctx context.Context, host string) (auth.Credential, error) {
	if c.login == nil {
		return auth.EmptyCredential, nil
	}
	user, password, err := c.login(ctx, host)
	return auth.Credential{Username: user, Password: password}, err
}

func fetch(ctx context.Context, from *remote.Repository, limit int64) (*Artifact, error) {
	ref := from.Reference
	head, body, err := from.Manifests().FetchReference(ctx, ref.Reference)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	if head.Size > maxManifest {
		return nil, wit.Errorf(wit.CodeTooLarge, "the manifest of %s has %d bytes, at most %d are read", ref, head.Size, maxManifest)
	}
	text, err := content.ReadAll(body, head)
	if err != nil {
		return nil, err
	}
	if pinned, err := ref.Digest(); err == nil && pinned != head.Digest {
		return nil, wit.Errorf(wit.CodeForbidden, "%s answers with another artifact, %s", ref, head.Digest)
	}
	layer, err := archiveOf(ref, text)
	if err != nil {
		return nil, err
	}
	if layer.Size > limit {
		return nil, wit.Errorf(wit.CodeTooLarge, "the archive of %s has %d bytes, at most %d are read", ref, layer.Size, limit)
	}
	file, err := from.Blobs().Fetch(ctx, layer)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := content.ReadAll(file, layer)
	return &Artifact{Data: data, Digest: head.Digest.String()}, err
}

// archiveOf finds the one layer of an artifact that is an archive.
func archiveOf(ref registry.Reference, text []byte) (found v1.Descriptor, err error) {
	var m v1.Manifest
	if err := json.Unmarshal(text, &m); err != nil || m.MediaType != "" && m.MediaType != v1.MediaTypeImageManifest {
		return found, wit.Errorf(wit.CodeInvalid, "%s is no artifact of a plugin, but of the type %.100q", ref, m.MediaType)
	}
	n := 0
	for _, layer := range m.Layers {
		if layer.MediaType == LayerType {
			found, n = layer, n+1
		}
	}
	if n != 1 {
		return found, wit.Errorf(wit.CodeInvalid, "%s has %d layers of the type %s, and an artifact of a plugin has one", ref, n, LayerType)
	}
	if found.Size < 1 || found.Digest.Validate() != nil {
		return found, wit.Errorf(wit.CodeInvalid, "%s has an archive of %d bytes with the digest %.100q, which cannot be", ref, found.Size, found.Digest)
	}
	return found, nil
}

// explain says in words of ours what a registry answered.
func explain(ref registry.Reference, err error) error {
	var own *wit.Error
	var answer *errcode.ErrorResponse
	switch {
	case errors.As(err, &own):
		return own
	case errors.Is(err, errdef.ErrNotFound):
		return wit.Errorf(wit.CodeNotFound, "there is no %s", ref)
	case errors.Is(err, content.ErrMismatchedDigest), errors.Is(err, content.ErrTrailingData), errors.Is(err, content.ErrInvalidDescriptorSize):
		return wit.Errorf(wit.CodeForbidden, "what came of %s is not what its digest says: nothing of it was used", ref)
	case errors.Is(err, auth.ErrBasicCredentialNotFound):
		return unauthorized(ref)
	case errors.As(err, &answer):
		switch answer.StatusCode {
		case http.StatusUnauthorized, http.StatusForbidden:
			return unauthorized(ref)
		}
	}
	return wit.Errorf(wit.CodeUnavailable, "%s cannot be read: %w", ref, err)
}

func unauthorized(ref registry.Reference) error {
	return wit.Errorf(wit.CodeUnauthorized, "%s is not shown to everybody: `carapace registries login %s` gives a name and a password", ref, ref.Registry)
}

func loopback(host string) bool {
	name := host
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		name = host[:i]
	}
	ip, err := netip.ParseAddr(strings.Trim(name, "[]"))
	return name == "localhost" || err == nil && ip.IsLoopback()
}
