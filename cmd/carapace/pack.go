package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/cmd/carapace/author"
	"github.com/carapace-gateway/carapace/kernel/file"
	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/plugin/archive"
	"github.com/carapace-gateway/carapace/wit"
)

// What an author does before others can install a plugin. None of it needs a gateway.

// newBuild makes a plugin's code.
func newBuild(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "build FOLDER", Short: "Build a plugin's code", Args: takes("FOLDER"),
		Long:    "Build the code of the plugin in a folder: by its Makefile, or by the compiler of its language. A script needs no building, and is looked through for what is wrong.",
		Example: "  carapace plugins build weather",
		RunE: func(c *cobra.Command, args []string) error {
			project, err := author.Open(args[0], version)
			if err != nil {
				return err
			}
			if err := project.Build(c.Context(), o.err); err != nil {
				return err
			}
			bundler := javaScript().Bundler
			if err := project.Check(c.Context(), &bundler); err != nil {
				return err
			}
			return o.println(filepath.Join(args[0], project.Entry))
		},
	}
}

// newPack makes an archive of a plugin.
func newPack(o *options) *cobra.Command {
	var out, key string
	c := &cobra.Command{
		Use: "pack FOLDER", Short: "Pack a plugin into one file", Args: takes("FOLDER"),
		Long: "Pack the plugin in a folder, as it was built last, into one file that others can install: plugin.json, the code (of a script the files that it\n" +
			"is bundled of, also in folders and packages of npm), and " +
			strings.Join(archive.Texts(), ", ") + " where they are there. The same files make the same archive.",
		Example: "  carapace plugins pack weather\n  carapace plugins pack weather --key ~/weather.key --out weather.carapace",
		RunE: func(c *cobra.Command, args []string) error {
			project, err := author.Open(args[0], version)
			if err != nil {
				return err
			}
			bundler := javaScript().Bundler
			data, err := project.Pack(c.Context(), &bundler)
			if err != nil {
				return err
			}
			if key != "" {
				if data, err = signed(data, key); err != nil {
					return err
				}
			}
			p, err := archive.Read(data)
			if err != nil {
				return err
			}
			if out == "" {
				out = p.FileName()
			}
			if err := os.WriteFile(out, data, 0o644); err != nil {
				return err
			}
			return o.println(out + "\n" + p.Digest())
		},
	}
	c.Flags().StringVar(&out, "out", "", "the archive's file (by default <id>-<version>"+archive.Extension+" here)")
	c.Flags().StringVar(&key, "key", "", "sign it with the key in this file")
	return c
}

// newKeygen makes a key to sign with.
func newKeygen(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "keygen FILE", Short: "Make a key to sign plugins with", Args: takes("FILE"),
		Long: "Make a key to sign plugins with: FILE has its private side, which only you may read; FILE.pub, and what is printed, is the public one, " +
			"for those who trust you: `carapace config set signers.NAME ed25519:…`.",
		Example: "  carapace plugins keygen ~/weather.key",
		RunE: func(_ *cobra.Command, args []string) error {
			text, public, err := archive.GenerateKey()
			if err != nil {
				return err
			}
			if err := writeNew(args[0], text, 0o600); err != nil {
				return err
			}
			if err := writeNew(args[0]+".pub", []byte(public+"\n"), 0o644); err != nil {
				return err
			}
			return o.println(string(public))
		},
	}
}

// writeNew writes a file that is not there yet.
func writeNew(path string, text []byte, mode os.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, os.ErrExist) {
		return wit.Errorf(wit.CodeConflict, "%s is there already: name a new file", path)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// newSign adds a signature to an archive.
func newSign(o *options) *cobra.Command {
	var key string
	c := &cobra.Command{
		Use: "sign ARCHIVE", Short: "Sign a packed plugin", Args: takes("ARCHIVE"),
		Long:    "Sign a packed plugin, beside those who have signed it before. What is signed is its manifest and its code together.",
		Example: "  carapace plugins sign weather-1.0.0.carapace --key ~/weather.key",
		RunE: func(_ *cobra.Command, args []string) error {
			if key == "" {
				return usageError{errors.New("which key? name its file with --key, or make one with `carapace plugins keygen`")}
			}
			data, err := readArchive(args[0])
			if err != nil {
				return err
			}
			if data, err = signed(data, key); err != nil {
				return err
			}
			if err := file.Replace(args[0], data, 0o644); err != nil {
				return err
			}
			return o.println("signed")
		},
	}
	c.Flags().StringVar(&key, "key", "", "the file of the key, which carapace plugins keygen makes")
	return c
}

// newVerify says who has signed an archive.
func newVerify(o *options) *cobra.Command {
	var by string
	c := &cobra.Command{
		Use: "verify ARCHIVE", Short: "Say what a packed plugin is, and who signed it", Args: takes("ARCHIVE"),
		Long:    "Check a packed plugin and its signatures, and say who they are by. Exits with 1 when nobody has signed it, or not whom --signer names.",
		Example: "  carapace plugins verify weather-1.0.0.carapace\n  carapace plugins verify weather-1.0.0.carapace --signer ed25519:…",
		RunE: func(_ *cobra.Command, args []string) error {
			data, err := readArchive(args[0])
			if err != nil {
				return err
			}
			p, err := archive.Read(data)
			if err != nil {
				return err
			}
			if err := printVerified(o, p); err != nil {
				return err
			}
			return vouched(p, by)
		},
	}
	c.Flags().StringVar(&by, "signer", "", "who has to have signed it")
	c.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return c
}

func printVerified(o *options, p *archive.Package) error {
	if o.json {
		return o.printJSON(map[string]any{"id": p.Manifest.ID, "version": p.Manifest.Version, "digest": p.Digest(), "signers": p.Signers()})
	}
	fmt.Fprintf(o.out, "%s %s\n%s\n", p.Manifest.ID, plain.Line(p.Manifest.Version), p.Digest())
	for _, s := range p.Signers() {
		fmt.Fprintf(o.out, "signed by %s\n", s)
	}
	return nil
}

// vouched fails unless somebody has signed, or the one who is named.
func vouched(p *archive.Package, by string) error {
	if by == "" {
		if len(p.Signers()) == 0 {
			return wit.NewError(wit.CodeForbidden, "nobody has signed it")
		}
		return nil
	}
	want, err := archive.ParseSigner(by)
	if err != nil {
		return usageError{err}
	}
	for _, s := range p.Signers() {
		if s == want {
			return nil
		}
	}
	return wit.Errorf(wit.CodeForbidden, "%s has not signed it", want)
}

// signed is an archive with a signature more, by the key in a file.
func signed(data []byte, keyFile string) ([]byte, error) {
	key, err := readKey(keyFile)
	if err != nil {
		return nil, err
	}
	p, err := archive.Read(data)
	if err != nil {
		return nil, err
	}
	return archive.Sign(p, key)
}

func readArchive(path string) ([]byte, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, wit.Errorf(wit.CodeInvalid, "%s is a folder: `carapace plugins pack %s` makes an archive of it", path, shellWord(path))
	}
	return file.Read(path, archive.MaxArchive)
}

// shellWord is a word as it is written in a shell.
func shellWord(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

var plainWord = regexp.MustCompile(`^[\pL\pN_@%+=:,./-]+$`)
