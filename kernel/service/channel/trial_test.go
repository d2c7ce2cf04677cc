package channel

import (
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

func TestWhatFollowsAFailure(t *testing.T) {
	type made struct {
		blame  blame
		wanted bool
		step   step
		pause  time.Duration
	}
	const s = time.Second
	plugin := func(p step, d time.Duration) made { return made{blamePlugin, true, p, d} }
	for name, c := range map[string]struct {
		in   *input
		want []made
	}{
		"four attempts": {&input{event: wit.ChannelEvent{Kind: wit.EventKindResponse}}, []made{
			plugin(stepAgain, s), plugin(stepAgain, 2*s), plugin(stepAgain, 4*s), plugin(stepSkip, 0)}},
		"a start": {&input{event: wit.ChannelEvent{Kind: wit.EventKindStart}}, []made{
			plugin(stepAgain, s), plugin(stepAgain, 2*s), plugin(stepAgain, 4*s), plugin(stepFail, 0)}},
		"a command, once": {&input{event: wit.ChannelEvent{Kind: wit.EventKindCommand}}, []made{plugin(stepRefuse, 0)}},
		"a replay, once":  {&input{letter: "x", event: wit.ChannelEvent{Kind: wit.EventKindTimer}}, []made{plugin(stepRefuse, 0)}},
		"the store counts for nothing": {&input{event: wit.ChannelEvent{Kind: wit.EventKindTimer}}, []made{
			plugin(stepAgain, s), {blameStore, true, stepAgain, s}, {blameStore, true, stepAgain, s}, plugin(stepAgain, 2*s)}},
		"a webhook does not wait for the store": {&input{event: wit.ChannelEvent{Kind: wit.EventKindWebhook}}, []made{{blameStore, true, stepRefuse, 0}}},
		"other code starts anew": {&input{event: wit.ChannelEvent{Kind: wit.EventKindTimer}}, []made{
			plugin(stepAgain, s), plugin(stepAgain, 2*s), {blameReplaced, true, stepAgain, 0}, plugin(stepAgain, s)}},
		"nobody is there":              {&input{}, []made{{blameAbsence, true, stepPutBack, 0}}},
		"nobody is there nor wants it": {&input{}, []made{{blameAbsence, false, stepRefuse, 0}}},
		"the start is over":            {&input{}, []made{plugin(stepAgain, s), {blamePlugin, false, stepRefuse, 0}}},
		"the gateway stops":            {&input{}, []made{{blameStop, true, stepRefuse, 0}}},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Now()
			trial := &trial{in: c.in}
			for i, m := range c.want {
				step, pause := trial.failed(m.blame, m.wanted, now), time.Duration(0)
				if !trial.resumeAt.IsZero() {
					pause = trial.resumeAt.Sub(now)
				}
				if step != m.step || pause != m.pause || trial.paused(now) != (m.pause > 0) {
					t.Errorf("failure %d: step %d after %v, want %d after %v", i, step, pause, m.step, m.pause)
				}
			}
		})
	}
}
