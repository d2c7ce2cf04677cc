package draft

import (
	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// reporter lets a writer know what a run does.
type reporter struct {
	agent.Reporter
	writer *writer
}

// Message implements agent.Reporter. What stands there stays until there is something to replace it.
func (r *reporter) Message() {
	r.writer.next()
	r.Reporter.Message()
}

// Delta implements agent.Reporter.
func (r *reporter) Delta(d wit.Delta) {
	if d.Kind == wit.DeltaKindText {
		r.writer.add(d.Text)
	}
	r.Reporter.Delta(d)
}

// Calling implements agent.Reporter.
func (r *reporter) Calling(c wit.ToolCall) {
	r.writer.call(c.Name)
	r.Reporter.Calling(c)
}

// Called implements agent.Reporter.
func (r *reporter) Called(m session.Message) {
	r.writer.call("")
	r.Reporter.Called(m)
}

// Ended implements agent.Reporter. Where nothing is delivered in the draft's place, it is left as far as it came.
func (r *reporter) Ended(e agent.End) {
	if e.Run.State == run.Aborted && e.Run.Stop != run.TimedOut {
		r.writer.abandon()
	}
	r.Reporter.Ended(e)
}

// Close implements agent.Reporter.
func (r *reporter) Close() {
	r.writer.stop()
	r.Reporter.Close()
}
