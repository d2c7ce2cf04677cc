package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/file"
	"github.com/carapace-gateway/carapace/kernel/oci"
	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/plugin/archive"
	"github.com/carapace-gateway/carapace/kernel/registry"
	"github.com/carapace-gateway/carapace/wit"
)

// publishing is what the flags of publish say.
type publishing struct {
	to, name, withdraw, reason string
	user, password             string
	keys                       []string
	life                       span
}

// newPublish writes into a registry's folder. It needs no gateway.
func newPublish(o *options) *cobra.Command {
	p := publishing{life: span(registry.DefaultLife)}
	c := &cobra.Command{
		Use: "publish [ARCHIVE]", Short: "Put a packed plugin into a registry, or take a version back", Args: takes("[ARCHIVE]"),
		Long: "Put a packed plugin into the registry that is in a folder, and sign the registry's index anew, which is written last. The folder is made\n" +
			"where there is none, and any web server can serve it. With --withdraw a version is taken back; with neither, the index is only signed\n" +
			"anew, before it expires. Give --key twice while readers change over from one key to the next: the first is the one of the index that is there.\n" +
			"\nWith --to oci://… a packed and signed plugin becomes an artifact in a registry of containers, which has no index and no --key.",
		Example: "  carapace plugins publish weather-1.0.0.carapace --to /srv/plugins --key ~/registry.key\n" +
			"  carapace plugins publish weather-1.0.0.carapace --to oci://registry.example.org/plugins/weather:1.0.0 --user ann --password env:PASSWORD\n" +
			"  carapace plugins publish --withdraw weather@1.0.0 --reason 'it loses reports' --to /srv/plugins --key ~/registry.key",
		RunE: func(c *cobra.Command, args []string) error { return o.publish(c.Context(), p, args) },
	}
	c.Flags().StringVar(&p.to, "to", "", "the registry's folder, or oci://HOST/REPOSITORY:TAG")
	c.Flags().StringArrayVar(&p.keys, "key", nil, "the file of the registry's key, which carapace plugins keygen makes")
	c.Flags().Var(&p.life, "expires", "how long the index may be believed from now on")
	c.Flags().StringVar(&p.name, "name", "", "what people call the registry")
	c.Flags().StringVar(&p.withdraw, "withdraw", "", "the version to take back, as PLUGIN@VERSION")
	c.Flags().StringVar(&p.reason, "reason", "", "why it is taken back")
	c.Flags().StringVar(&p.user, "user", "", "who publishes to a registry of containers")
	c.Flags().StringVar(&p.password, "password", "", "where that one's password is: env:VARIABLE, or - for standard input")
	c.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return c
}

func (o *options) publish(ctx context.Context, p publishing, args []string) error {
	if strings.HasPrefix(p.to, oci.Scheme) {
		return o.push(ctx, p, args)
	}
	id, version, named := strings.Cut(p.withdraw, "@")
	switch {
	case p.to == "" || len(p.keys) == 0:
		return usageError{errors.New("name the registry's folder with --to, and its key's file with --key")}
	case p.withdraw != "" && (!named || p.reason == "" || len(args) > 0):
		return usageError{errors.New("say which version is taken back, and why: --withdraw weather@1.0.0 --reason 'it loses reports'")}
	case p.withdraw == "" && p.reason != "":
		return usageError{errors.New("--reason goes with --withdraw")}
	}
	by := registry.Publisher{Now: time.Now(), Life: time.Duration(p.life), Name: p.name}
	for _, name := range p.keys {
		key, err := readKey(name)
		if err != nil {
			return err
		}
		by.Keys = append(by.Keys, key)
	}
	done, err := p.write(ctx, registry.Folder(p.to), by, args, id, version)
	if err != nil {
		return err
	}
	index, err := registry.Folder(p.to).Read(registry.SignerOf(by.Keys[0]))
	if err != nil {
		return err
	}
	if o.json {
		return o.printJSON(map[string]any{"sequence": index.Sequence, "expires": index.Expires, "packages": len(index.Packages), "key": registry.SignerOf(by.Keys[len(by.Keys)-1])})
	}
	until := time.UnixMilli(index.Expires).UTC().Format(time.DateOnly)
	return o.println(fmt.Sprintf("%s\nthe index has the number %d, may be believed until %s, and is signed by %s", done, index.Sequence, until, registry.SignerOf(by.Keys[len(by.Keys)-1])))
}

// write does what was asked for, and says so.
func (p *publishing) write(ctx context.Context, folder registry.Folder, by registry.Publisher, args []string, id, version string) (done string, err error) {
	switch {
	case p.withdraw != "":
		return fmt.Sprintf("%s %s is withdrawn", plain.Line(id), plain.Line(version)), folder.Withdraw(ctx, by, id, version, p.reason)
	case len(args) == 0:
		return "signed anew", folder.Renew(ctx, by)
	}
	data, err := readArchive(args[0])
	if err != nil {
		return "", err
	}
	published, err := folder.Publish(ctx, by, data)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %s is published", published.ID, published.Versions[0].Version), nil
}

// push makes an archive an artifact in a registry of containers. Only a signed one: there is no index that vouches for it.
func (o *options) push(ctx context.Context, p publishing, args []string) error {
	if len(args) != 1 || len(p.keys) > 0 || p.withdraw+p.reason+p.name != "" {
		return usageError{errors.New("name the archive alone: a registry of containers has no index to sign, and its own programs take versions back")}
	}
	data, err := readArchive(args[0])
	if err != nil {
		return err
	}
	packed, err := archive.Read(data)
	if err != nil {
		return err
	}
	if len(packed.Signers()) == 0 {
		return wit.Errorf(wit.CodeInvalid, "nobody has signed %s, and an artifact has nothing else to go by: `carapace plugins sign` signs it", args[0])
	}
	by := oci.Publisher{HTTP: http.DefaultClient}
	if p.user != "" {
		password, err := readSecret(o.in, p.password)
		if err != nil {
			return usageError{fmt.Errorf("--password: %w", err)}
		}
		by.Login = func(context.Context, string) (string, string, error) { return p.user, password, nil }
	}
	digest, err := by.Push(ctx, p.to, data)
	if err != nil {
		return err
	}
	if o.json {
		return o.printJSON(map[string]any{"artifact": digest, "digest": packed.Digest(), "signers": packed.Signers()})
	}
	return o.println(fmt.Sprintf("%s %s is published as %s, the artifact %s", packed.Manifest.ID, packed.Manifest.Version, p.to, digest))
}

// readKey reads a private key's file.
func readKey(name string) (ed25519.PrivateKey, error) {
	text, err := file.Read(name, 64<<10)
	if err != nil {
		return nil, fmt.Errorf("read the key: %w", err)
	}
	return archive.ParseKey(text)
}
