package crowd_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/crowd"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/fault"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/web"
)

func TestNothingGoesWrongWithoutTrouble(t *testing.T) {
	d := crowd.NewDice(1)
	for range 1000 {
		if d.Roll(10) != 10 || crowd.Send(d, fault.HTTP[int]{}, fault.HTTP[int]{}, true) != nil {
			t.Fatal("something goes wrong")
		}
	}
	if len(d.Aim()) != 0 {
		t.Error("there is an aim")
	}
}

func TestWhatGoesWrongWithSends(t *testing.T) {
	for _, known := range []bool{true, false} {
		d, seen := crowd.NewDice(2), map[fault.HTTP[int]]int{}
		d.Endless = true
		d.Trouble(true)
		d.Trouble(false)
		for range 1000 {
			if f := crowd.Send(d, fault.HTTP[int]{Status: 429}, fault.HTTP[int]{Status: 500}, known); f != nil {
				f.Delay = min(f.Delay, 1)
				seen[*f]++
			}
		}
		for _, f := range []fault.HTTP[int]{{Status: 429}, {Status: 500}, {Cut: true}, {Delay: 1}} {
			if seen[f] == 0 {
				t.Errorf("never %+v", f)
			}
		}
		if cut := seen[fault.HTTP[int]{CutAfter: true}] > 0; cut != known {
			t.Errorf("cut off after it took effect: %v, want %v", cut, known)
		}
		if len(d.Aim()) != 1 {
			t.Error("there is no aim")
		}
	}
}

func TestRegistrationIsTriedUntilItIsAnswered(t *testing.T) {
	host := web.New(http.NotFoundHandler())
	defer host.Close()
	var r crowd.Registration
	r.Begin(host, func(context.Context) error { return errors.New("nobody is there") })
	tries := 0
	r.Begin(host, func(context.Context) error {
		if tries++; tries < 3 {
			return errors.New("not yet")
		}
		return nil
	})
	if err := host.Wait(t.Context(), r.Done); err != nil || tries != 3 {
		t.Errorf("%v after %d", err, tries)
	}
}
