package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/kernel/service/directory"
	"github.com/carapace-gateway/carapace/wit"
)

// newDirectory shows whom a channel knows: who has written, and what its platform tells.
func newDirectory(o *options) *cobra.Command {
	var account string
	params := func(args []string) any {
		p := directory.ListParams{Channel: args[0], AccountID: account, Limit: 100}
		if len(args) == 2 {
			p.Query = args[1]
		}
		return p
	}
	c := o.client(&cobra.Command{
		Use: "directory CHANNEL [NAME]", Short: "Look up people and groups by name",
		Example: "  carapace directory telegram\n  carapace directory telegram ada", Args: takes("CHANNEL", "[NAME]"),
		RunE: show(o, "channels.directory", params, printDirectory),
	})
	c.Flags().StringVar(&account, "account", "", "the account, the channel's first when left out")
	return c
}

func printDirectory(w io.Writer, list directory.ListResult) error {
	var rows [][]string
	for _, e := range list.Entries {
		username := ""
		if e.Username != "" {
			username = "@" + e.Username
		}
		rows = append(rows, []string{string(e.Kind), e.Name, username, e.ID})
	}
	err := listed(w, "KIND NAME USERNAME ID", rows, "nobody who has written there is called so")
	if err == nil && list.Incomplete != "" {
		_, err = fmt.Fprintln(w, "note: the channel's own directory cannot be asked:", plain.Line(list.Incomplete))
	}
	return err
}

// newSend sends a message to somebody by id, @username or name.
func newSend(o *options) *cobra.Command {
	p := delivery.SendParams{}
	params := func(args []string) any {
		p.Channel, p.To, p.Message, p.IdempotencyKey = args[0], args[1], args[2], uuid.NewString()
		return p
	}
	c := o.client(&cobra.Command{
		Use: "send CHANNEL TO TEXT", Short: "Send a message to somebody on a channel",
		Long: "Send a message to somebody, or to a group, on a channel: by the id, the @username or the name that `carapace directory`\n" +
			"shows. A name that several have is not guessed: they are listed.",
		Example: "  carapace send telegram @ada 'Lunch at one?'", Args: takes("CHANNEL", "TO", "TEXT"),
		RunE: show(o, "send", params, func(w io.Writer, sent delivery.SendResult) error {
			_, err := fmt.Fprintln(w, sent.Status)
			return err
		}),
	})
	c.Flags().StringVar(&p.AccountID, "account", "", "the account, the channel's first when left out")
	c.Flags().StringVar(&p.ThreadID, "thread", "", "the thread or topic")
	c.Flags().BoolVar(&p.Silent, "silent", false, "without a sound, where the platform can")
	return c
}

// sender is the id of somebody on a channel whom the owner calls by a name. What the gateway does not know, or cannot be
// asked about, is taken for an id. The error says that several have the name.
func (o *options) sender(ctx context.Context, channel, name string) (string, error) {
	var found directory.ResolveResult
	err := o.call(ctx, "channels.resolve", directory.ResolveParams{Channel: channel, Name: name}, &found)
	switch {
	case err == nil && found.Entry.SenderID != "":
		return found.Entry.SenderID, nil
	case wit.CodeOf(err) == wit.CodeConflict:
		return "", err
	case err == nil || strings.ContainsAny(name, " \t"):
		return "", errors.Join(fmt.Errorf("%.100q is nobody on %s", name, channel), err)
	}
	return name, nil
}
