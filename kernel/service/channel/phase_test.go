package channel

import (
	"testing"
	"time"
)

func TestWhatFollowsAChange(t *testing.T) {
	on := change{enabled: true}
	for name, c := range map[string]struct {
		phase phase
		build string
		change
		want reaction
	}{
		"a new account":            {phaseIdle, "", on, reactBegin},
		"a new account, disabled":  {phaseIdle, "", change{rest: phaseDisabled}, reactRest},
		"disabled already":         {phaseDisabled, "", change{rest: phaseDisabled}, reactStay},
		"invalid already":          {phaseInvalid, "", change{rest: phaseInvalid}, reactStay},
		"invalid, otherwise":       {phaseInvalid, "", change{rest: phaseInvalid, why: true}, reactRest},
		"disabled, now invalid":    {phaseDisabled, "", change{rest: phaseInvalid}, reactRest},
		"invalid, now disabled":    {phaseInvalid, "", change{rest: phaseDisabled}, reactRest},
		"invalid, mended":          {phaseInvalid, "", change{enabled: true, config: true}, reactBegin},
		"enabled":                  {phaseDisabled, "", on, reactBegin},
		"running":                  {phaseRunning, "1", on, reactStay},
		"running, disabled":        {phaseRunning, "1", change{rest: phaseDisabled}, reactRest},
		"running, another section": {phaseRunning, "1", change{enabled: true, config: true}, reactBegin},
		"running, new code":        {phaseRunning, "1", change{enabled: true, code: true}, reactStay},
		"idle, new code":           {phaseRunning, "1", change{enabled: true, code: true, idle: true}, reactBegin},
		"starting, code":           {phaseRunning, "", change{enabled: true, code: true, idle: true}, reactStay},
		"stopped":                  {phaseStopped, "1", on, reactStay},
		"stopped, new code":        {phaseStopped, "1", change{enabled: true, code: true}, reactBegin},
		"failed, another section":  {phaseFailed, "1", change{enabled: true, config: true}, reactBegin},
		"off, whatever else":       {phaseOff, "1", change{enabled: true, code: true, config: true, idle: true}, reactStay},
		"waiting, whatever else":   {phaseWaiting, "1", change{enabled: true, code: true, config: true, idle: true}, reactStay},
		"waiting, disabled":        {phaseWaiting, "1", change{rest: phaseDisabled}, reactRest},
		"off, disabled":            {phaseOff, "1", change{rest: phaseDisabled}, reactRest},
	} {
		m := machine{phase: c.phase, build: c.build}
		if got := m.react(c.change); got != c.want {
			t.Errorf("%s: reaction %d, want %d", name, got, c.want)
		}
	}
}

func TestAStartEndsWhatBelongsToTheOneBefore(t *testing.T) {
	m := newMachine()
	m.begin(t.Context())
	first, gen := m.ctx, m.gen
	if !m.current(gen) || !m.current(0) || m.phase != phaseRunning {
		t.Errorf("%+v", m)
	}
	m.begin(t.Context())
	if first.Err() == nil || m.current(gen) {
		t.Error("the start before goes on")
	}
	second, gen := m.ctx, m.gen
	m.end(phaseOff)
	if second.Err() == nil || m.current(gen) || m.restarts() {
		t.Error("a stopped account goes on")
	}
}

func TestAFailedStartIsMadeLessAndLessOften(t *testing.T) {
	m, now := newMachine(), time.Now()
	var got []time.Duration
	for range 9 {
		m.begin(t.Context())
		m.fail(now)
		got = append(got, m.restartAt.Sub(now))
		if m.restartDue(now) || !m.restartDue(m.restartAt) {
			t.Error("due at the wrong time")
		}
	}
	if got[0] != 5*time.Second || got[1] != 10*time.Second || got[8] != 5*time.Minute {
		t.Errorf("delays %v", got)
	}
	m.begin(t.Context())
	m.handled("1")
	m.fail(now)
	if d := m.restartAt.Sub(now); d != 5*time.Second {
		t.Errorf("after a good start: %v", d)
	}
	m.end(phaseOff)
	if m.restartDue(now.Add(time.Hour)) {
		t.Error("the owner's stop does not end the restarts")
	}
}
