package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/service/inbox"
	"github.com/carapace-gateway/carapace/kernel/service/system"
)

// guide leads an owner through a first run at the terminal: a model, a word with it, a chat account, and who the owner is
// there. What a step has done stays, whatever becomes of the next, and each step says what there is already: the guide can be
// left and begun anew.
type guide struct {
	o     *options
	asker *asker
}

// run takes the steps in their order.
func (g guide) run(ctx context.Context) error {
	fmt.Fprintln(g.o.out, "Enter passes over what you do not want, Ctrl-C leaves; what is done by then stays.")
	for _, step := range []func(context.Context) error{g.gateway, g.model, g.talk, g.channel, g.owner} {
		err := step(ctx)
		if err != nil && (errors.Is(err, errLeft) || ctx.Err() != nil) {
			return errors.New("left; what was set up stays, and `carapace setup` goes on from there")
		}
		if err != nil {
			return err
		}
	}
	return g.o.println("\nThat is all. `carapace chat` talks to the assistant, `carapace status` shows how everything is,\n" +
		"`carapace setup` does this again, and `carapace setup PLUGIN` sets up one plugin.")
}

// line is an answer; the end of the input leaves.
func (g guide) line(ctx context.Context, prompt string) (string, error) {
	text, err := g.asker.line(ctx, prompt)
	if err == nil && text == "" && g.asker.ended {
		err = errLeft
	}
	return text, err
}

// gateway waits for the one that is to be set up.
func (g guide) gateway(ctx context.Context) error {
	for {
		var status system.Status
		err := g.o.call(ctx, "status", nil, &status)
		if err == nil {
			return g.o.println("The gateway runs at " + plain.Line(status.Gateway.URL) + ".")
		}
		if !errors.As(err, new(unreachableError)) {
			return err
		}
		fmt.Fprintln(g.o.out, plain.Line(err.Error()))
		if _, err := g.line(ctx, "Start it with `carapace` in another terminal, then press Enter here: "); err != nil {
			return err
		}
	}
}

// model connects one, unless the owner keeps what answers now.
func (g guide) model(ctx context.Context) error {
	var status system.Status
	if err := g.o.call(ctx, "status", nil, &status); err != nil {
		return err
	}
	fmt.Fprintf(g.o.out, "\n1. A model\n%s answers now.\n", orNobody(status.Model))
	return g.connectOne(ctx, func(p plugin.Details) bool {
		return p.Provides.Provider != "" && len(p.Config)+len(p.Secrets) > 0 // what needs nothing is there already
	})
}

func orNobody(model string) string {
	if model == "" {
		return "Nobody"
	}
	return plain.Line(model)
}

// talk lets the owner say something to the model and see what it answers.
func (g guide) talk(ctx context.Context) error {
	fmt.Fprintln(g.o.out, "\n2. A first message")
	for {
		text, err := g.line(ctx, "Say something to the assistant, or press Enter to go on: ")
		if err != nil || text == "" {
			return err
		}
		if err := ask(ctx, g.o, "main", text); err != nil {
			if ctx.Err() != nil {
				return errLeft
			}
			fmt.Fprintln(g.o.out, "it has not answered:", plain.Line(err.Error()))
		}
	}
}

// channel connects an account of a chat platform.
func (g guide) channel(ctx context.Context) error {
	var status system.Status
	if err := g.o.call(ctx, "status", nil, &status); err != nil {
		return err
	}
	fmt.Fprintln(g.o.out, "\n3. A chat account")
	for _, account := range status.Channels {
		fmt.Fprintf(g.o.out, "%s is there: %s\n", plain.Line(account.Channel+"/"+account.Account), plain.Line(account.State))
	}
	return g.connectOne(ctx, func(p plugin.Details) bool { return p.Provides.Channel != "" })
}

// connectOne lets the owner pick one of the plugins that are meant, and sets it up.
func (g guide) connectOne(ctx context.Context, meant func(plugin.Details) bool) error {
	all, err := settable(ctx, g.o)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(p plugin.Details) bool { return !meant(p) })
	if len(all) == 0 {
		return g.o.println("No plugin here does that; `carapace plugins search` finds more.")
	}
	for i, p := range all {
		fmt.Fprintf(g.o.out, "  %d  %s  %s\n", i+1, plain.Line(p.ID), plain.Line(p.Description))
	}
	for {
		text, err := g.line(ctx, "Which one, by its number or name? Enter leaves it as it is: ")
		if err != nil || text == "" {
			return err
		}
		number, _ := strconv.Atoi(text)
		for i, p := range all {
			if i+1 == number || p.ID == text {
				return g.connect(ctx, p)
			}
		}
		fmt.Fprintln(g.o.out, "There is no such one in the list.")
	}
}

// connect sets one plugin up, again and again until it works or the owner gives up.
func (g guide) connect(ctx context.Context, p plugin.Details) error {
	for {
		s, err := settingsOf(p, setupFlags{})
		if err != nil {
			return err
		}
		done, err := interview(ctx, g.o, g.asker, p, s)
		if err == nil {
			return printSetup(ctx, g.o, p.Name, s, done)
		}
		if errors.Is(err, errLeft) || ctx.Err() != nil {
			return errLeft
		}
		fmt.Fprintln(g.o.out, plain.Line(err.Error()))
		again, err := g.line(ctx, "Try it again? [y/N] ")
		if err != nil || again != "y" && again != "yes" {
			return err
		}
	}
}

// look is how often the guide looks whether somebody has written.
const look = time.Second

// owner waits for the first who writes to an account, and lets them in as the owner if they are. A gateway that knows its owner,
// or has no account that asks newcomers, needs nothing.
func (g guide) owner(ctx context.Context) error {
	var list inbox.PairingListResult
	if err := g.o.call(ctx, "channels.pairing.list", inbox.PairingListParams{}, &list); err != nil {
		return err
	}
	if list.CommandOwnerConfigured || len(list.Accounts) == 0 {
		return nil
	}
	fmt.Fprint(g.o.out, "\n4. You\nWrite to the account from your own app now, and you are asked here whether it was you. Ctrl-C leaves that for later.\n")
	seen := map[string]bool{}
	for {
		for _, r := range list.Requests {
			if seen[r.RequestID] {
				continue
			}
			seen[r.RequestID] = true
			if done, err := g.admit(ctx, r); done || err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return errLeft
		case <-time.After(look):
		}
		if err := g.o.call(ctx, "channels.pairing.list", inbox.PairingListParams{}, &list); err != nil {
			return err
		}
	}
}

// admit lets somebody in who is the owner; done says that they are.
func (g guide) admit(ctx context.Context, r inbox.PairingRequest) (done bool, err error) {
	who := strings.TrimSpace(plain.Line(r.SenderLabel) + " (" + plain.Line(r.SenderID) + ")")
	answer, err := g.line(ctx, fmt.Sprintf("%s wrote to %s. Is that you? [y/N] ", who, plain.Line(r.Channel+"/"+r.AccountID)))
	if err != nil || answer != "y" && answer != "yes" {
		return false, err
	}
	p := inbox.PairingDecisionParams{Channel: r.Channel, AccountID: r.AccountID, Code: r.RequestID, Notify: true, BootstrapCommandOwner: true}
	return true, approve(ctx, g.o, p)
}
