package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/secret"
	"github.com/carapace-gateway/carapace/kernel/service/system"
)

// newBackup writes the state into a file: through the gateway, which goes on meanwhile, or by itself where none runs.
func newBackup(o *options) *cobra.Command {
	var from string
	var ask bool
	c := &cobra.Command{
		Use: "backup FILE", Short: "Write all of the gateway's state into one sealed file",
		Long: "Write all of the gateway's state into one file: conversations, credentials, settings, plugins, media, pairings. The\n" +
			"gateway goes on meanwhile. The file can be neither read nor changed without its key: with --ask or --passphrase that\n" +
			"is a passphrase, which opens it on any machine; without, it is the key of this gateway's credentials, see\n" +
			"`carapace credentials status`.",
		Example: "  carapace backup /mnt/disk/carapace.backup --ask\n  carapace backup /mnt/disk/carapace.backup --passphrase file:/etc/carapace.pass",
		Args:    takes("FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			path, err := filepath.Abs(args[0])
			if err != nil {
				return err
			}
			p := system.BackupParams{Path: path}
			if ask || from != "" {
				if p.Passphrase, err = o.secret(c.Context(), "passphrase", from, "passphrase of the backup", true); err != nil {
					return err
				}
			}
			return o.backUp(c, p)
		},
	}
	c.Flags().StringVar(&from, "passphrase", "", "where the backup's passphrase is: env:VARIABLE, file:PATH, or - for standard input")
	c.Flags().BoolVar(&ask, "ask", false, "ask for a passphrase of the backup")
	c.AddCommand(newBackupVerify(o))
	return o.client(c)
}

func (o *options) backUp(c *cobra.Command, p system.BackupParams) error {
	var done system.BackedUp
	err := o.call(c.Context(), "backup.create", p, &done)
	var unreachable unreachableError
	if errors.As(err, &unreachable) && o.url == "" {
		if _, lost := (gateway{state: o.state}).endpoint(); lost == nil {
			return err // one runs, and does not answer
		}
		vault, failed := o.vault("")
		if failed != nil {
			return failed
		}
		done, err = kernel.Backup(c.Context(), kernel.BackupOptions{
			StateDir: string(o.state), ConfigPath: o.state.configPath(), Version: version, Vault: vault,
		}, p.Path, p.Passphrase)
	}
	if err != nil {
		return err
	}
	if o.json {
		return o.printJSON(done)
	}
	return printBackup(o.out, done)
}

func printBackup(w io.Writer, b system.BackedUp) error {
	_, err := fmt.Fprintf(w, "written: %s, %d files, %s\n%s\n", plain.Line(b.Path), b.Files, size(b.Size), opensBy(b.OpensWith))
	if len(b.Skipped) > 0 && err == nil {
		_, err = fmt.Fprintln(w, "left out, since these are no plain files:", plain.Line(strings.Join(b.Skipped, ", ")))
	}
	return err
}

// opensBy says for people what opens a backup.
func opensBy(with string) string {
	switch with {
	case "passphrase":
		return "its passphrase opens it, on any machine"
	case "vault-passphrase":
		return "the passphrase of the gateway's credentials opens it, on any machine"
	case "vault-keyring":
		return "the keyring of this machine's user opens it, and nothing else: take --ask for one that opens anywhere"
	}
	return "the file secret.key of the state directory opens it, and nothing else: take --ask for one that opens without it"
}

// newBackupVerify reads a backup.
func newBackupVerify(o *options) *cobra.Command {
	var from string
	c := &cobra.Command{
		Use: "verify FILE", Short: "Read all of a backup and say whether it is whole", Example: "  carapace backup verify /mnt/disk/carapace.backup", Args: takes("FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			vault, err := o.vault(from)
			if err != nil {
				return err
			}
			r, err := kernel.VerifyBackup(c.Context(), args[0], vault)
			if err != nil {
				return err
			}
			if o.json {
				return o.printJSON(r)
			}
			return o.println(fmt.Sprintf("whole: made %s by carapace %s, %d files, %s", moment(r.MadeAt), plain.Line(r.Version), r.Files, size(r.Bytes)))
		},
	}
	c.Flags().StringVar(&from, "passphrase", "", "where its passphrase is: env:VARIABLE, file:PATH, or - for standard input")
	c.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return c
}

// newRestore brings a state back. No gateway can do that to itself.
func newRestore(o *options) *cobra.Command {
	var from string
	var replace bool
	c := &cobra.Command{
		Use: "restore FILE", Short: "Bring the state of a backup back",
		Long: "Bring the state of a backup back, while no gateway runs on the state directory. All of the backup is read and checked\n" +
			"before anything is touched; a state that is there is refused or, with --replace, put aside. Messages that waited to be\n" +
			"sent are held, and requests that waited for an answer are ended, since both may have happened meanwhile.",
		Example: "  carapace restore /mnt/disk/carapace.backup\n  carapace restore /mnt/disk/carapace.backup --replace", Args: takes("FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			vault, err := o.vault(from)
			if err != nil {
				return err
			}
			r, err := kernel.Restore(c.Context(), kernel.RestoreOptions{Path: args[0], StateDir: string(o.state), Replace: replace, Vault: vault})
			if err != nil {
				return err
			}
			if o.json {
				return o.printJSON(r)
			}
			return printRestored(o.out, r)
		},
	}
	c.Flags().StringVar(&from, "passphrase", "", "where its passphrase is: env:VARIABLE, file:PATH, or - for standard input")
	c.Flags().BoolVar(&replace, "replace", false, "put a state aside that is there")
	c.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return c
}

func printRestored(w io.Writer, r kernel.Restored) error {
	lines := []string{fmt.Sprintf("restored: the state of %s, %d files", moment(r.MadeAt), r.Files)}
	if r.Key == "file" && r.OpensWith == "passphrase" {
		lines = append(lines, "the key of the credentials is in secret.key now: `carapace credentials key` moves it")
	}
	if r.Held > 0 {
		lines = append(lines, fmt.Sprintf("%d messages are held, since they may have been sent meanwhile: `carapace delivery list`", r.Held))
	}
	if r.Ended > 0 {
		lines = append(lines, fmt.Sprintf("%d requests were ended, since they may have been answered meanwhile", r.Ended))
	}
	if r.Before != "" {
		lines = append(lines, "what was there is in "+plain.Line(r.Before)+" until you remove it")
	}
	_, err := fmt.Fprintln(w, strings.Join(append(lines, "start the gateway with `carapace`"), "\n"))
	return err
}

// vault is how a backup, or the credentials of a state that no gateway runs on, are opened.
func (o *options) vault(from string) (secret.Config, error) {
	c := secret.Config{StateDir: string(o.state), Passphrase: os.Getenv("CARAPACE_PASSPHRASE")}
	if from != "" {
		text, err := o.secret(context.Background(), "passphrase", from, "passphrase", false)
		c.Passphrase = text
		return c, err
	}
	if _, ok := terminal(o.in); ok {
		c.Ask = func(ctx context.Context) (string, error) { return o.secret(ctx, "passphrase", "", "passphrase", false) }
	}
	return c, nil
}

// moment is a time for people.
func moment(ms int64) string { return time.UnixMilli(ms).Format(time.DateTime) }
