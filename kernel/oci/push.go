package oci

import (
	"bytes"
	"context"
	"net/http"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content/memory"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/carapace-gateway/carapace/wit"
)

// Publisher puts archives into registries of containers, as the person who runs it: it reaches whatever that person names, and
// not through the kernel's egress. Safe for concurrent use.
type Publisher struct {
	HTTP *http.Client
	// Login may be nil: then nobody in particular publishes.
	Login Login
}

// Push puts an archive where a reference with a tag, oci://host/repository:tag, says, and returns the digest of the artifact's
// manifest, which is written last. A tag that is another artifact's already is left alone. Errors: CodeInvalid; CodeConflict for
// such a tag; CodeUnauthorized; CodeUnavailable.
func (p *Publisher) Push(ctx context.Context, reference string, data []byte) (digest string, err error) {
	to, err := parse(reference)
	if err != nil {
		return "", err
	}
	tag := to.Reference.Reference
	if err := to.Reference.ValidateReferenceAsTag(); err != nil {
		return "", wit.Errorf(wit.CodeInvalid, "%.200q has a digest, which nobody chooses: name a tag such as the version", reference)
	}
	to.Client = &auth.Client{Client: p.HTTP, Credential: (&Client{login: p.Login}).credential}
	packed, manifest, err := pack(ctx, data)
	if err != nil {
		return "", err
	}
	there, err := to.Resolve(ctx, tag)
	switch {
	case err == nil && there.Digest != manifest.Digest:
		return "", wit.Errorf(wit.CodeConflict, "%s is another artifact already, %s, which others may have installed: give this one a tag of its own", to.Reference, there.Digest)
	case err == nil:
		return manifest.Digest.String(), nil
	}
	if err = explain(to.Reference, err); wit.CodeOf(err) != wit.CodeNotFound {
		return "", err
	}
	if err := oras.CopyGraph(ctx, packed, to, manifest, oras.DefaultCopyGraphOptions); err != nil {
		return "", explain(to.Reference, err)
	}
	if err := to.Tag(ctx, manifest, tag); err != nil {
		return "", explain(to.Reference, err)
	}
	return manifest.Digest.String(), nil
}

// pack makes an archive an artifact, which is the same one each time.
func pack(ctx context.Context, data []byte) (*memory.Store, v1.Descriptor, error) {
	files := memory.New()
	layer, err := oras.PushBytes(ctx, files, LayerType, bytes.Clone(data))
	if err != nil {
		return nil, layer, err
	}
	manifest, err := oras.PackManifest(ctx, files, oras.PackManifestVersion1_1, ArtifactType, oras.PackManifestOptions{
		Layers: []v1.Descriptor{layer}, ManifestAnnotations: map[string]string{v1.AnnotationCreated: "1970-01-01T00:00:00Z"},
	})
	return files, manifest, err
}

// parse reads a reference. Errors: CodeInvalid.
func parse(reference string) (*remote.Repository, error) {
	name, ok := strings.CutPrefix(reference, Scheme)
	if !ok {
		return nil, wit.Errorf(wit.CodeInvalid, "%.200q does not begin with %s", reference, Scheme)
	}
	repository, err := remote.NewRepository(name)
	if err != nil || repository.Reference.Reference == "" {
		return nil, wit.Errorf(wit.CodeInvalid, "%.200q is no artifact such as oci://registry.example.org/plugins/weather:1.0.0", reference)
	}
	repository.PlainHTTP = loopback(repository.Reference.Host())
	repository.ManifestMediaTypes = []string{v1.MediaTypeImageManifest}
	return repository, nil
}
