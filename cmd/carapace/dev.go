package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/cmd/carapace/author"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/retry"
	"github.com/carapace-gateway/carapace/kernel/service/system"
	"github.com/carapace-gateway/carapace/wit"
)

// newDev is the author's loop: a save is a plugin that runs.
func newDev(o *options) *cobra.Command {
	c := &cobra.Command{
		Use: "dev FOLDER", Short: "Build a plugin with each save, and have the gateway run it",
		Long: "Build the plugin in a folder with each save, put it into the running gateway, and show what becomes of it, how its calls go, what it logs " +
			"and what goes wrong in it, until Ctrl-C. " +
			"The plugin stays there. Where no gateway runs on the state directory, one is started that is gone with this command.",
		Example: "  carapace plugins dev weather", Args: takes("FOLDER"),
		RunE: func(c *cobra.Command, args []string) error { return develop(c.Context(), o, args[0]) },
	}
	return o.client(c)
}

// develop runs until ctx ends, which is how it is meant to end.
func develop(ctx context.Context, o *options, folder string) error {
	project, err := author.Open(folder, version)
	if err != nil {
		return err
	}
	own := ""
	conn, err := o.dial(ctx)
	if nobody := (unreachableError{}); errors.As(err, &nobody) && o.url == "" {
		var stop func()
		if conn, stop, err = throwAway(ctx, o); err == nil {
			defer stop()
			own = " --state-dir " + string(o.state)
		}
	}
	if err != nil {
		return err
	}
	defer conn.Close()
	d := &developer{o: o, project: project, conn: conn, own: own, saves: make(chan time.Time, 1)}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watched := make(chan error, 1)
	go func() { watched <- project.Watch(ctx, d.saved) }()
	d.saved()
	err = d.run(ctx)
	cancel()
	return errors.Join(err, <-watched)
}

// developer is one run of the loop.
type developer struct {
	o       *options
	project author.Project
	conn    *client.Client
	own     string // what commands for the gateway have to say besides, where it is one of its own
	saves   chan time.Time
	since   time.Time // when the save came that is awaited, or zero
	shown   string    // what was said last
	waiting bool      // that it takes long was said
	built   author.Built
	put     *author.Project // as it was put into the gateway's folder last; nil before the first time
	cursor  int64           // of the log
	calls   *int64          // the cursor of the calls; nil before the first look
}

// saved notes a save. One that is not looked at yet stands for those that follow it.
func (d *developer) saved() {
	select {
	case d.saves <- time.Now():
	default:
	}
}

func (d *developer) run(ctx context.Context) error {
	log := time.NewTicker(pollLogs / 2)
	defer log.Stop()
	if err := d.begin(ctx); err != nil {
		return err
	}
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case at := <-d.saves:
			d.since, d.waiting = at, false
			d.build(ctx)
		case e, open := <-d.conn.Events():
			if !open {
				return d.conn.Err()
			}
			err = d.hear(ctx, e)
		case <-log.C:
			d.reassure()
			if err = d.log(ctx); err == nil {
				err = d.trace(ctx)
			}
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// build builds the project and puts it where the gateway looks. What is wrong with it is shown, and another save awaited.
func (d *developer) build(ctx context.Context) {
	project, err := author.Open(d.project.Dir, version)
	if err == nil {
		d.project = project
		err = project.Build(ctx, d.o.err)
	}
	if err == nil {
		err = d.rename(project)
	}
	if err == nil {
		d.built, err = project.Install(d.o.state.path("plugins"))
	}
	switch {
	case ctx.Err() != nil:
	case err != nil:
		d.say("not built", err.Error())
	case !d.built.Changed:
		_ = d.show(ctx) // the next event shows it otherwise
	}
}

// rename takes the plugin out of the gateway that the project was so far, where its manifest has another id now.
func (d *developer) rename(project author.Project) error {
	old := d.put
	d.put = &project
	if old == nil || old.ID == project.ID {
		return nil
	}
	d.calls = nil // they were the other one's
	if err := old.Uninstall(d.o.state.path("plugins")); err != nil {
		return err
	}
	return d.o.println(plain.Line(fmt.Sprintf("renamed: %s is %s now, and was taken out of the gateway", old.ID, project.ID)))
}

// hear shows what became of the plugin.
func (d *developer) hear(ctx context.Context, e client.Event) error {
	var changed plugin.Changed
	if e.Name != plugin.ChangedKind.Name || json.Unmarshal(e.Payload, &changed) != nil || changed.ID != d.project.ID {
		return nil
	}
	if changed.State != plugin.StateReady && changed.State != plugin.StateFailed {
		return nil
	}
	return d.show(ctx)
}

// show says how the plugin is.
func (d *developer) show(ctx context.Context) error {
	var info plugin.Details
	if err := d.conn.Call(ctx, "plugins.info", plugin.IDParams{ID: d.project.ID}, &info); err != nil {
		return err
	}
	switch {
	case info.Waiting != nil:
		d.say("waits", fmt.Sprintf("%s; `carapace plugins grant %s%s` shows what", d.asks(info), info.ID, d.own))
	case info.Update != nil:
		d.say("not live", fmt.Sprintf("%s (the last one that worked runs on)", info.Update.Reason))
	case info.State == plugin.StateFailed:
		d.say("not live", info.Reason)
	case info.Hash == d.built.Hash: // and not the one before
		return d.live(ctx, info)
	case d.since.IsZero() && d.built.Hash != "" && info.State == plugin.StateReady:
		d.say("replaced", fmt.Sprintf("something else has put its own plugin %s into %s, and that runs; a save brings this one back", info.ID, info.Path))
	}
	return nil
}

// asks says what a plugin that waits wants.
func (d *developer) asks(info plugin.Details) string {
	if info.Origin == plugin.OriginBuiltIn {
		return info.ID + " is the id of a plugin that comes with the gateway, in whose place this one would run: give it another, or grant it that"
	}
	return "it asks for more than was granted"
}

// live says that a plugin is, once its calls are being looked at.
func (d *developer) live(ctx context.Context, info plugin.Details) error {
	if d.calls == nil {
		if err := d.trace(ctx); err != nil {
			return err
		}
	}
	if !d.say("live", info.ID+" "+info.Version) {
		return nil
	}
	return d.shadows(ctx, info.Shadowed)
}

// shadows says which of the plugin's tools models do not get, and whose they get instead.
func (d *developer) shadows(ctx context.Context, tools []string) error {
	if len(tools) == 0 {
		return nil
	}
	var all plugin.StatusResult
	if err := d.conn.Call(ctx, "plugins.status", nil, &all); err != nil {
		return err
	}
	for _, tool := range tools {
		used := slices.IndexFunc(all.Plugins, func(p plugin.Status) bool {
			return p.ID != d.project.ID && p.State == plugin.StateReady && slices.Contains(p.Provides.Tools, tool) &&
				!slices.Contains(p.Shadowed, tool)
		})
		whose := "another plugin"
		if used >= 0 {
			whose = "plugin " + all.Plugins[used].ID
		}
		text := fmt.Sprintf("shadowed: models get the tool %s of %s: give this one another name; "+
			"`carapace plugins call %[3]s %[1]s …%[4]s` calls it all the same", tool, whose, d.project.ID, d.own)
		if err := d.o.println(plain.Text(text)); err != nil {
			return err
		}
	}
	return nil
}

// say prints what became of a save, and how long that took; false says that it had been said.
func (d *developer) say(state, what string) bool {
	text := state + ": " + plain.Text(what)
	if text == d.shown && d.since.IsZero() {
		return false
	}
	d.shown = text
	if !d.since.IsZero() {
		text += fmt.Sprintf(" (%d ms after the save)", time.Since(d.since).Milliseconds())
		d.since = time.Time{}
	}
	_ = d.o.println(text) // a terminal that is gone ends the command otherwise
	return true
}

// reassure says, once for a save, that the gateway is still at it.
func (d *developer) reassure() {
	if d.since.IsZero() || d.waiting || time.Since(d.since) < patience {
		return
	}
	d.waiting = true
	fmt.Fprintln(d.o.err, "… the gateway compiles it: that takes longest the first time, and is kept")
}

// patience is how long nothing is said of a save.
const patience = 3 * time.Second

// begin finds out where the log is.
func (d *developer) begin(ctx context.Context) error {
	var end system.TailResult
	err := d.conn.Call(ctx, "logs.tail", system.TailParams{Limit: 1}, &end)
	d.cursor = end.Cursor
	return err
}

// log prints what the plugin has logged since the last time.
func (d *developer) log(ctx context.Context) (err error) {
	t := &tail{o: d.o, conn: d.conn, from: pluginLog(d.project.ID)}
	d.cursor, err = t.print(ctx, system.TailParams{Limit: followLines, Cursor: &d.cursor})
	return err
}

// trace prints how the calls went that have ended since the last time.
func (d *developer) trace(ctx context.Context) error {
	var r plugin.TraceResult
	err := d.conn.Call(ctx, "plugins.trace", plugin.TraceParams{ID: d.project.ID, After: d.calls, Limit: 200}, &r)
	if wit.CodeOf(err) == wit.CodeNotFound {
		return nil // it is not built yet
	}
	if err != nil {
		return err
	}
	if d.calls != nil {
		printOutcomes(d.o.out, r)
	}
	d.calls = &r.Cursor
	return nil
}

// throwAway starts a gateway with an empty state directory, which goes with stop, and with this process where that is killed.
func throwAway(ctx context.Context, o *options) (conn *client.Client, stop func(), err error) {
	dir, err := os.MkdirTemp("", "carapace-dev-")
	if err != nil {
		return nil, nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	c := exec.Command(self, "serve", "--port", "0", "--state-dir", dir, "--"+throwAwayFlag)
	_, err = c.StdinPipe() // Wait closes it, or the end of this process
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	stop = func() {
		_ = c.Process.Signal(os.Interrupt) // it has ended, or ends now
		_ = c.Wait()
		_ = os.RemoveAll(dir)
	}
	o.state = stateFolder(dir)
	for until := time.Now().Add(dialTimeout); ; {
		if conn, err = o.dial(ctx); err == nil {
			break
		}
		if time.Now().After(until) || !retry.Sleep(ctx, 20*time.Millisecond) {
			stop()
			return nil, nil, err
		}
	}
	fmt.Fprintf(o.err, "no gateway runs: this one goes with the command, and is spoken to with --state-dir %s\n", dir)
	return conn, stop, nil
}
