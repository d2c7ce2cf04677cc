package crash

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

func TestVerdict(t *testing.T) {
	began := time.Now()
	at := func(ms int) time.Time { return began.Add(time.Duration(ms) * time.Millisecond) }
	answer := func(ms int, person int, text string) channeltest.Heard {
		return channeltest.Heard{Person: person, Text: text, At: at(ms)}
	}
	lives := []life{{start: at(0), end: at(1000)}, {start: at(1010), ready: at(1200), end: at(2000)}, {start: at(2010)}}
	for name, test := range map[string]struct {
		sent                                []channeltest.Heard
		once, lost, window, doubled, wrongs int
	}{
		"all once":               {sent: []channeltest.Heard{answer(10, 1, "3*10001 is 30003."), answer(20, 2, "3*10002 is 30006.")}, once: 2},
		"one lost":               {sent: []channeltest.Heard{answer(10, 1, "3*10001 is 30003.")}, once: 1, lost: 1},
		"none":                   {lost: 2},
		"again after a kill":     {sent: []channeltest.Heard{answer(990, 1, "3*10001 is 30003."), answer(1500, 1, "3*10001 is 30003."), answer(20, 2, "3*10002 is 30006.")}, once: 1, window: 1},
		"again after two kills":  {sent: []channeltest.Heard{answer(990, 1, "3*10001 is 30003."), answer(1990, 1, "3*10001 is 30003."), answer(2500, 1, "3*10001 is 30003."), answer(20, 2, "3*10002 is 30006.")}, once: 1, window: 1},
		"again in one life":      {sent: []channeltest.Heard{answer(990, 1, "3*10001 is 30003."), answer(995, 1, "3*10001 is 30003."), answer(20, 2, "3*10002 is 30006.")}, once: 1, doubled: 1},
		"again long before":      {sent: []channeltest.Heard{answer(500, 1, "3*10001 is 30003."), answer(1500, 1, "3*10001 is 30003."), answer(20, 2, "3*10002 is 30006.")}, once: 1, doubled: 1},
		"again in the last life": {sent: []channeltest.Heard{answer(2100, 1, "3*10001 is 30003."), answer(2200, 1, "3*10001 is 30003."), answer(20, 2, "3*10002 is 30006.")}, once: 1, doubled: 1},
		"wrong sum":              {sent: []channeltest.Heard{answer(10, 1, "3*10001 is 30004."), answer(20, 2, "3*10002 is 30006.")}, once: 1, lost: 1, wrongs: 1},
		"wrong chat":             {sent: []channeltest.Heard{answer(10, 2, "3*10001 is 30003."), answer(20, 2, "3*10002 is 30006.")}, once: 1, lost: 1, wrongs: 1},
		"an error message":       {sent: []channeltest.Heard{answer(10, 1, "Something went wrong."), answer(20, 2, "3*10002 is 30006.")}, once: 1, lost: 1, wrongs: 1},
	} {
		var oracle channeltest.Oracle
		oracle.Ask(1)
		oracle.Ask(2)
		e := evidence{Tally: oracle.Count(test.sent), lives: lives, window: 100 * time.Millisecond}
		r := e.verdict()
		if r.Once != test.once || r.Lost != test.lost || r.Window != test.window || r.Doubled != test.doubled || len(r.Wrong) != test.wrongs {
			t.Errorf("%s: %+v", name, r)
		}
		if good := test.lost+test.doubled+test.wrongs == 0; r.OK() != good {
			t.Errorf("%s: OK is %t", name, r.OK())
		}
	}
}

// TestGone: what a platform tells once may be lost where it told it shortly before a kill or while nobody was there, and nowhere else.
func TestGone(t *testing.T) {
	began := time.Now()
	at := func(ms int) time.Time { return began.Add(time.Duration(ms) * time.Millisecond) }
	lives := []life{{start: at(0), end: at(1000)}, {start: at(1010), ready: at(1200), end: at(2000)}, {start: at(2010), ready: at(2300)}}
	for name, test := range map[string]struct {
		told     []int
		keeps    bool
		lost, ok bool
	}{
		"before a kill":             {told: []int{990}, ok: true},
		"while nobody is there":     {told: []int{1100}, ok: true},
		"by the last, too":          {told: []int{2250}, ok: true},
		"long before a kill":        {told: []int{500}, lost: true},
		"after the start":           {told: []int{1300}, lost: true},
		"in the last life":          {told: []int{2400}, lost: true},
		"once more after the start": {told: []int{990, 1300}, lost: true},
		"never":                     {lost: true},
		"by one that tells again":   {told: []int{990}, keeps: true, lost: true},
	} {
		var oracle channeltest.Oracle
		text := oracle.Ask(1)
		var told []channeltest.Told
		for _, ms := range test.told {
			told = append(told, channeltest.Told{Text: text, At: at(ms), Taken: at(ms)})
		}
		r := evidence{Tally: oracle.Count(nil, told...), lives: lives, window: 100 * time.Millisecond, tellsOnce: !test.keeps}.verdict()
		if (r.Lost == 1) != test.lost || (r.Gone == 1) == test.lost || r.OK() != test.ok {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// TestBegun: the beginning of an answer may stay where a kill came shortly after it was sent, to a platform that knows no repeated send.
func TestBegun(t *testing.T) {
	began := time.Now()
	at := func(ms int) time.Time { return began.Add(time.Duration(ms) * time.Millisecond) }
	lives := []life{{start: at(0), end: at(1000)}, {start: at(1010), ready: at(1200)}}
	for name, test := range map[string]struct {
		text  string
		at    int
		knows bool
		begun int
	}{
		"before a kill":     {text: "Using calc …", at: 990, begun: 1},
		"long before":       {text: "Using calc …", at: 500},
		"in the last life":  {text: "Using calc …", at: 1500},
		"where it is known": {text: "Using calc …", at: 990, knows: true},
		"a wrong answer":    {text: "3*10001 is 7", at: 990},
	} {
		var oracle channeltest.Oracle
		oracle.Ask(1)
		heard := []channeltest.Heard{{Person: 1, Text: test.text, At: at(test.at)}, {Person: 1, Text: "3*10001 is 30003", At: at(1600)}}
		r := evidence{Tally: oracle.Count(heard), lives: lives, window: 100 * time.Millisecond, knows: test.knows}.verdict()
		if r.Begun != test.begun || len(r.Wrong) != 1-test.begun || r.OK() != (test.begun == 1) {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestNothingAskedIsNotOK(t *testing.T) {
	if (evidence{Tally: new(channeltest.Tally)}).verdict().OK() {
		t.Error("a demo without messages proves nothing")
	}
}

func TestMarkdown(t *testing.T) {
	var b strings.Builder
	r := &Report{Channel: "telegram", Messages: 3, People: 2, Kills: 1, Once: 1, Lost: 1, Window: 1, Gap: 7 * time.Millisecond, Wrong: []string{"to 1: x"},
		Restarts: []time.Duration{time.Second}, Seed: 9, Log: "demo.log"}
	r.Markdown(&b)
	for _, want := range []string{"| messages | 3 from 2 people, telegram |\n|---|---|\n", "| **lost** | 1 |", "7 ms after the send", "| seed | 9 |", "wrong: to 1: x", "demo.log"} {
		if !strings.Contains(b.String(), want) {
			t.Error(fmt.Sprintf("%q is missing in\n", want), b.String())
		}
	}
}
