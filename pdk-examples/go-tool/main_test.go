package main

import (
	"strconv"
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestRoll(t *testing.T) {
	host := (&sdktest.Host{}).SDK()
	for args, sides := range map[string]int{`{}`: 6, `{"sides":2}`: 2, `{"sides":20}`: 20} {
		seen := map[int]bool{}
		for range 1000 {
			out, err := dice{}.Invoke(host, &wit.ToolInvocation{Name: "roll", Args: wit.JSON(args)})
			if err != nil {
				t.Fatal(err)
			}
			shown, err := strconv.Atoi(*out.Content[0].Text)
			if err != nil || shown < 1 || shown > sides {
				t.Fatalf("%s rolled %d, %v", args, shown, err)
			}
			seen[shown] = true
		}
		if len(seen) != sides {
			t.Errorf("%s: a thousand rolls show %d of %d sides", args, len(seen), sides)
		}
	}
	if _, err := (dice{}).Invoke(host, &wit.ToolInvocation{Args: wit.JSON(`{"sides":`)}); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("broken arguments: %v", err)
	}
}
