package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/service/system"
)

func newStatus(o *options) *cobra.Command {
	return o.client(&cobra.Command{
		Use:     "status",
		Short:   "Show how the gateway is",
		Example: "  carapace status\n  carapace status --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			conn, err := o.dial(c.Context())
			if err != nil {
				return err
			}
			defer conn.Close()
			var raw json.RawMessage
			if err := conn.Call(c.Context(), "status", nil, &raw); err != nil || o.json {
				return firstError(err, func() error { return o.printJSON(raw) })
			}
			return o.showStatus(raw)
		},
	})
}

func (o *options) showStatus(raw json.RawMessage) error {
	var s system.Status
	if err := json.Unmarshal(raw, &s); err != nil {
		return fmt.Errorf("read the gateway's status: %w", err)
	}
	fmt.Fprintf(o.out, "carapace %s at %s, up %s, %s of memory\n", s.Version, s.Gateway.URL, length(time.Duration(s.UptimeMs)*time.Millisecond), size(s.Memory.RSS))
	fmt.Fprintf(o.out, "model     %s\n", orDash(s.Model))
	failed, off := s.Plugins["failed"], s.Plugins["disabled"]
	usable := -failed - off
	for _, n := range s.Plugins {
		usable += n
	}
	fmt.Fprintf(o.out, "plugins   %d can be used, %d failed, %d off\n", usable, failed, off)
	fmt.Fprintf(o.out, "queues    %d runs, %d messages to deliver, %d held\n", s.Queued.Runs, s.Queued.Outbound, s.Queued.Held)
	fmt.Fprintf(o.out, "sessions  %d\n", s.Sessions.Count)
	var rows [][]string
	for _, r := range s.Sessions.Recent {
		rows = append(rows, []string{"  " + string(r.Key), orDash(r.Status), ago(r.UpdatedAt), fmt.Sprint(r.TotalTokens, " tokens")})
	}
	for _, c := range s.Channels {
		rows = append(rows, []string{"  " + c.Channel + "/" + c.Account, c.State, c.Message})
	}
	if len(rows) == 0 {
		return nil
	}
	return table(o.out, "", rows)
}

// firstError is err, or what next returns where there is none.
func firstError(err error, next func() error) error {
	if err != nil {
		return err
	}
	return next()
}
