package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/service/system"
)

// newEncrypt says and changes whether what the gateway keeps is encrypted.
func newEncrypt(o *options) *cobra.Command {
	c := &cobra.Command{
		Use: "encrypt", Short: "Encrypt what the gateway keeps, beside its credentials",
		Long: "Credentials are always encrypted. This is for all else that is in the gateway's database: conversations, what waits to\n" +
			"be sent, what plugins keep; and for the files of media and of the archive. Whoever has the disk without the key of the\n" +
			"credentials cannot read it then. That a record was changed there is noticed without it too. The gateway goes on while it\n" +
			"is turned on or off.",
		Example: "  carapace encrypt on\n  carapace encrypt status", Args: known, RunE: help,
	}
	for _, on := range []bool{true, false} {
		use, short := "on", "Encrypt all that is kept, from now on"
		if !on {
			use, short = "off", "Decrypt all that is kept"
		}
		c.AddCommand(o.client(&cobra.Command{
			Use: use, Short: short, Example: "  carapace encrypt " + use, Args: takes(),
			RunE: show(o, "encryption.set", fixed(system.SetEncryption{Enabled: on}), printEncryption),
		}))
	}
	c.AddCommand(o.client(&cobra.Command{
		Use: "status", Short: "Say whether it is", Example: "  carapace encrypt status", Args: takes(),
		RunE: show(o, "encryption.status", fixed(nil), printEncryption),
	}))
	return c
}

func printEncryption(w io.Writer, s system.EncryptionStatus) error {
	text := map[bool]string{true: "encrypted", false: "not encrypted"}[s.Enabled]
	if s.Changing {
		text = map[bool]string{true: "being encrypted", false: "being decrypted"}[s.Enabled]
	}
	_, err := fmt.Fprintln(w, text)
	return err
}
