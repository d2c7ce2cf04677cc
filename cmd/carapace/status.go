package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/system"
	"github.com/carapace-gateway/carapace/wit"
)

// newStatus shows in one screen whether the gateway does its work.
func newStatus(o *options) *cobra.Command {
	return o.client(&cobra.Command{
		Use:     "status",
		Short:   "Show how the gateway is",
		Example: "  carapace status\n  carapace status --json",
		Args:    takes(),
		RunE:    show(o, "status", fixed(nil), printStatus),
	})
}

// printStatus writes counts first, then the sessions that spoke last, every channel account and every service.
func printStatus(w io.Writer, s system.Status) error {
	fmt.Fprintf(w, "carapace %s at %s, up %s, %s of memory\n", s.Version, s.Gateway.URL, length(time.Duration(s.UptimeMs)*time.Millisecond), size(s.Memory.RSS))
	fmt.Fprintf(w, "model     %s\n", orDash(plain.Line(s.Model)))
	// Whatever state a plugin is in that neither failed nor is off, it is on its way to being ready.
	failed, off := s.Plugins["failed"], s.Plugins["disabled"]
	usable := -failed - off
	for _, n := range s.Plugins {
		usable += n
	}
	fmt.Fprintf(w, "plugins   %d can be used, %d failed%s, %d off\n", usable, failed, about(failed), off)
	if len(s.ByHand) > 0 {
		fmt.Fprintf(w, "by hand   %s: whoever could write to the plugins' folders granted what they ask for\n", plain.Line(strings.Join(s.ByHand, ", ")))
	}
	if len(s.ByHandFailed) > 0 {
		fmt.Fprintf(w, "by hand   %s: in the plugins' folders, and not running (`carapace doctor` says why)\n", plain.Line(strings.Join(s.ByHandFailed, ", ")))
	}
	fmt.Fprintf(w, "memory    plugins hold %s, of at most %s%s\n", size(s.Memory.Plugins.Held), size(s.Memory.Plugins.Budget), refusals(s.Memory.Plugins.Refused))
	fmt.Fprintf(w, "queues    %s, %s to deliver, %d held\n", service.Count(s.Queued.Runs, "run"), service.Count(s.Queued.Outbound, "message"), s.Queued.Held)
	fmt.Fprintf(w, "sessions  %d\n", s.Sessions.Count)
	if m := s.Media; m != nil && m.Files > 0 {
		fmt.Fprintf(w, "media     %s, %s of at most %s\n", service.Count(m.Files, "file"), size(m.Bytes), size(m.MaxBytes))
	}
	for _, wrong := range s.Wrong {
		fmt.Fprintf(w, "wrong     %s\n", plain.Line(wrong.Message))
	}
	for _, risk := range s.Risks {
		fmt.Fprintf(w, "risk      %s\n", plain.Line(risk))
	}
	for _, notice := range s.Notices {
		fmt.Fprintf(w, "note      %s\n", plain.Line(notice))
	}
	var rows [][]string
	for _, r := range s.Sessions.Recent {
		rows = append(rows, []string{"  " + string(r.Key), orDash(r.Status), ago(r.UpdatedAt), service.Count(int64(r.TotalTokens), "token")})
	}
	for _, c := range s.Channels {
		rows = append(rows, []string{mark(true, !restful(c.State)) + " " + c.Channel + "/" + c.Account, c.State, c.Message})
	}
	for _, b := range s.Services {
		rows = append(rows, []string{mark(true, b.Problem != "") + " " + b.Plugin, b.State, cmp.Or(b.Problem, b.Message)})
	}
	if len(rows) == 0 {
		return nil
	}
	return table(w, "", rows)
}

// about says where there is more of what has failed.
func about(failed int) string {
	if failed == 0 {
		return ""
	}
	return " (`carapace doctor` says why)"
}

// restful reports whether an account needs nobody to look at it: it is connected, or the owner wants it off.
func restful(state string) bool {
	return state == string(wit.ConnectionStateConnected) || state == "disabled" || state == "off"
}

// refusals says how often there was no memory for a plugin, if that was so.
func refusals(n int64) string {
	if n == 0 {
		return ""
	}
	return "; " + service.Count(n, "call") + " found no room (see `carapace doctor`)"
}
