package host

import (
	"context"
	"strings"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/wit"
)

func (g *Guest) logWrite(_ context.Context, line *wit.LogLine) {
	g.Log(hclog.LevelFromString(string(line.Level)), line.Message)
}

// Log writes a line of the plugin's to the gateway's log: cut at the contract's bound, and dropped when
// the plugin writes more than its rate for long.
func (g *Guest) Log(level hclog.Level, message string) {
	if level == hclog.NoLevel {
		level = hclog.Info
	}
	if g.used.log.take() > 0 {
		g.used.dropped.Add(1)
		return
	}
	if n := g.used.dropped.Swap(0); n > 0 {
		g.log.Warn("log lines dropped: the plugin writes too many", "lines", n)
	}
	// Secrets go first: what is left of one that was cut is not recognized by the log.
	if message = g.host.deps.Redact(message); len(message) > wit.LogLineMessageCut {
		message = message[:wit.LogLineMessageCut] + "…"
	}
	g.log.Log(level, strings.ToValidUTF8(message, "�"))
}
