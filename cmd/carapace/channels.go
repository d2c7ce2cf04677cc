package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/qrcode"
	"github.com/carapace-gateway/carapace/kernel/service/channel"
	"github.com/carapace-gateway/carapace/wit"
)

// newChannels is the owner's side of chat accounts that are set up: how they are, and logging them in and out.
func newChannels(o *options) *cobra.Command {
	c := &cobra.Command{Use: "channels", Short: "See how the chat accounts are, log them in and out, stop and start them", Args: known, RunE: help}
	c.AddCommand(
		newAccounts(o),
		o.client(&cobra.Command{
			Use: "login CHANNEL [ACCOUNT]", Short: "Log an account in, with the code to scan where one is needed", Args: takes("CHANNEL", "[ACCOUNT]"),
			Long: "Log an account in. Where its platform wants a code scanned or an address opened, it is shown here, until\n" +
				"the account is connected or the code has expired. Whoever has the code may be given the account: show it to nobody.",
			Example: "  carapace channels login signal",
			RunE: func(c *cobra.Command, args []string) error {
				return login(c.Context(), o, anAccount(args))
			},
		}),
	)
	for _, does := range []struct{ name, short, done string }{
		{"logout", "Log an account out of its platform, and stop it", "logged out"},
		{"start", "Start an account that was stopped", "started"},
		{"stop", "Stop an account until it or the gateway is started again", "stopped"},
	} {
		c.AddCommand(o.client(&cobra.Command{
			Use: does.name + " CHANNEL [ACCOUNT]", Short: does.short, Args: takes("CHANNEL", "[ACCOUNT]"),
			Example: "  carapace channels " + does.name + " telegram",
			RunE:    act(o, "channels."+does.name, func(args []string) any { return anAccount(args) }, does.done),
		}))
	}
	return c
}

// newAccounts lists accounts.
func newAccounts(o *options) *cobra.Command {
	var probe bool
	c := &cobra.Command{
		Use: "list [CHANNEL]", Short: "List the chat accounts, and how each is", Args: takes("[CHANNEL]"),
		Example: "  carapace channels list\n  carapace channels list telegram --probe",
	}
	c.RunE = show(o, "channels.status", func(args []string) any {
		p := channel.StatusParams{Probe: probe}
		if len(args) == 1 {
			p.Channel = args[0]
		}
		return p
	}, printChannels)
	c.Flags().BoolVar(&probe, "probe", false, "have each ask its platform how it is")
	return o.client(c)
}

// anAccount is the one that the arguments name, the channel's first where they name a channel alone.
func anAccount(args []string) channel.AccountParams {
	p := channel.AccountParams{Channel: args[0]}
	if len(args) == 2 {
		p.AccountID = args[1]
	}
	return p
}

func printChannels(w io.Writer, s channel.StatusResult) error {
	var rows [][]string
	for _, id := range s.ChannelOrder {
		for _, a := range s.ChannelAccounts[id] {
			rows = append(rows, []string{id, a.AccountID, condition(a), orDash(self(a)), ago(a.LastInboundAt), orDash(problem(a))})
		}
	}
	return listed(w, "CHANNEL ACCOUNT STATE SELF HEARD REASON", rows, "no chat account is set up there: `carapace setup` lists the channels that there are")
}

// condition is how an account is, in a word.
func condition(a channel.AccountStatus) string {
	switch {
	case a.Connected:
		return "connected"
	case a.Phase == "running" && !a.Linked:
		return "needs login"
	case a.Phase == "running":
		return cmp.Or(map[string]string{"starting": "connecting"}[a.HealthState], "disconnected")
	}
	return a.Phase
}

// self is who the account is on its platform.
func self(a channel.AccountStatus) string {
	if a.Self == nil {
		return ""
	}
	if a.Self.Name != nil {
		return *a.Self.Name
	}
	return a.Self.ID
}

// problem is what is wrong with an account, or what its owner is to do.
func problem(a channel.AccountStatus) string {
	if a.Probe != nil && a.Probe.Error != "" {
		return a.Probe.Error
	}
	if a.Connected {
		return a.Message
	}
	return cmp.Or(a.Message, a.LastError)
}

// How an account that logs in is watched.
const (
	lookAgain = 2 * time.Second // without an event that says that it has changed
	settles   = 3 * time.Second // what was wrong before may be shown for so long
)

// login has an account log in and shows what its owner is to scan, until it is connected or has failed. Ctrl-C leaves the
// account waiting.
func login(ctx context.Context, o *options, p channel.AccountParams) error {
	conn, err := o.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	var begun channel.AccountResult
	if err := conn.Call(ctx, "channels.login", p, &begun); err != nil {
		return err
	}
	p.AccountID = begun.AccountID
	f := follow{o: o, conn: conn, account: p, began: time.Now()}
	for over := false; !over && err == nil; {
		if over, err = f.step(ctx); !over && err == nil {
			err = f.wait(ctx)
		}
	}
	return err
}

// follow watches an account that logs in.
type follow struct {
	o       *options
	conn    *client.Client
	account channel.AccountParams
	began   time.Time
	shown   string // the code that its owner sees
}

// step looks at the account and says what is new; over is that it is connected. The error says why it will not be.
func (f *follow) step(ctx context.Context) (over bool, err error) {
	a, err := f.look(ctx)
	if err != nil {
		return false, err
	}
	switch {
	case a.Connected:
		return true, f.connected(a)
	case a.Login != "" && a.Login != f.shown:
		f.shown = a.Login
		return false, f.show(a)
	case a.Login != "" || condition(a) == "connecting" || time.Since(f.began) < settles:
		return false, nil
	}
	return false, wit.Errorf(wit.CodeUnavailable, "%s is not connected: %s", f.account.Channel, cmp.Or(problem(a), condition(a)+"; see `carapace logs`"))
}

// look returns how the account is.
func (f *follow) look(ctx context.Context) (channel.AccountStatus, error) {
	var s channel.StatusResult
	if err := f.conn.Call(ctx, "channels.status", channel.StatusParams{Channel: f.account.Channel}, &s); err != nil {
		return channel.AccountStatus{}, err
	}
	for _, a := range s.ChannelAccounts[f.account.Channel] {
		if a.AccountID == f.account.AccountID {
			return a, nil
		}
	}
	return channel.AccountStatus{}, wit.Errorf(wit.CodeNotFound, "there is no account %s of %s any more", f.account.AccountID, f.account.Channel)
}

// wait returns when something may have changed.
func (f *follow) wait(ctx context.Context) error {
	again := time.NewTimer(lookAgain)
	defer again.Stop()
	for {
		select {
		case e, ok := <-f.conn.Events():
			if !ok {
				return f.conn.Err()
			}
			if e.Name == channel.ChangedKind.Name {
				return nil
			}
		case <-again.C:
			return nil
		case <-ctx.Done():
			return errors.New("left; the account goes on waiting for its login")
		}
	}
}

// show has the owner see what to do. On a terminal the code is drawn; the text of it goes to what else reads.
func (f *follow) show(a channel.AccountStatus) error {
	if f.o.json {
		return f.o.printJSON(map[string]string{"channel": f.account.Channel, "accountId": a.AccountID, "login": a.Login, "message": a.Message})
	}
	if message := plain.Line(a.Message); message != "" {
		fmt.Fprintln(f.o.out, message)
	}
	if screen, ok := terminal(f.o.out); ok && !strings.HasPrefix(a.Login, "http") {
		if err := qrcode.Draw(screen, a.Login); err != nil {
			return err
		}
	}
	return f.o.println(plain.Line(a.Login))
}

// connected says that it is over.
func (f *follow) connected(a channel.AccountStatus) error {
	if f.o.json {
		return f.o.printJSON(a)
	}
	as := ""
	if who := plain.Line(self(a)); who != "" {
		as = " as " + who
	}
	return f.o.println(f.account.Channel + " is connected" + as)
}
