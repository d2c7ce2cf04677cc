package channeltest_test

import (
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

func TestOracle(t *testing.T) {
	for name, tt := range map[string]struct {
		heard                                     []channeltest.Heard
		lost, doubled, wrong, disordered, answers int
	}{
		"all":          {heard: heard(0, "3*10001 is 30,003.", 1, `3\*10002 is 30006`, 0, "3*10003 is 30009"), answers: 3},
		"none":         {lost: 3},
		"twice":        {heard: heard(0, "3*10001 is 30003", 0, "3*10001 is 30003", 1, "3*10002 is 30006", 0, "3*10003 is 30009"), doubled: 1, answers: 3},
		"not in order": {heard: heard(0, "3*10003 is 30009", 0, "3*10001 is 30003", 1, "3*10002 is 30006"), disordered: 1, answers: 3},
		"to another":   {heard: heard(1, "3*10001 is 30003", 1, "3*10002 is 30006", 0, "3*10003 is 30009"), lost: 1, wrong: 1, answers: 2},
		"wrong":        {heard: heard(0, "3*10001 is 30004", 1, "3*10002 is 30006", 0, "hello"), lost: 2, wrong: 2, answers: 1},
	} {
		var o channeltest.Oracle
		for _, person := range []int{0, 1, 0} {
			o.Ask(person)
		}
		got := o.Count(tt.heard)
		if len(got.Lost) != tt.lost || len(got.Doubled()) != tt.doubled || len(got.Wrong) != tt.wrong || got.Disordered != tt.disordered || len(got.Answers) != tt.answers || got.Asked != 3 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestOrderIsThatOfWhatWasTold: where the platform tells in another order, answers come in that one. A message that was told and not
// taken may have been taken or not.
func TestOrderIsThatOfWhatWasTold(t *testing.T) {
	for name, tt := range map[string]struct {
		told       []int // when the first and the second question were told, and taken
		heard      []channeltest.Heard
		disordered int
	}{
		"in order":                  {[]int{1, 2, 3, 4}, heard(0, "3*10001 is 30003", 0, "3*10002 is 30006"), 0},
		"in order, answered not so": {[]int{1, 2, 3, 4}, heard(0, "3*10002 is 30006", 0, "3*10001 is 30003"), 1},
		"late":                      {[]int{3, 4, 1, 2}, heard(0, "3*10002 is 30006", 0, "3*10001 is 30003"), 0},
		"late, answered not so":     {[]int{3, 4, 1, 2}, heard(0, "3*10001 is 30003", 0, "3*10002 is 30006"), 1},
		"taken at one of two calls": {[]int{1, 4, 2, 3}, heard(0, "3*10001 is 30003", 0, "3*10002 is 30006"), 0},
		"at the other of them":      {[]int{1, 4, 2, 3}, heard(0, "3*10002 is 30006", 0, "3*10001 is 30003"), 0},
	} {
		var o channeltest.Oracle
		at := func(n int) time.Time { return time.UnixMilli(int64(n)) }
		first, second := "{"+o.Ask(0)+"}", o.Ask(0)
		got := o.Count(tt.heard, channeltest.Told{Text: first, At: at(tt.told[0]), Taken: at(tt.told[1])}, channeltest.Told{Text: second, At: at(tt.told[2]), Taken: at(tt.told[3])})
		if got.Disordered != tt.disordered || len(got.Lost) != 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// heard are texts behind the people that they reached.
func heard(said ...any) (list []channeltest.Heard) {
	for i := 0; i < len(said); i += 2 {
		list = append(list, channeltest.Heard{Person: said[i].(int), Text: said[i+1].(string)})
	}
	return list
}

func TestFeaturesAreNamedOnce(t *testing.T) {
	seen := map[channeltest.Feature]bool{}
	for _, f := range channeltest.Features() {
		if seen[f] || f == "" {
			t.Errorf("%q is there twice", f)
		}
		seen[f] = true
	}
	channeltest.Proves(t, channeltest.Features()...)
}
