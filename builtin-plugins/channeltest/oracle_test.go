package channeltest_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/channeltest"
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
