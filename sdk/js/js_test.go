package js

import (
	"regexp"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/wit"
)

// TestPrelude: it is one script that holds every piece, and knows every function of the contract.
func TestPrelude(t *testing.T) {
	prelude := Prelude()
	for _, want := range []string{`"use strict"`, "class URL ", "class Headers ", "__begin: begin", "__step: step"} {
		if strings.Count(prelude, want) != 1 {
			t.Errorf("it has %q %d times", want, strings.Count(prelude, want))
		}
	}
	for _, f := range wit.Exports() {
		if !strings.Contains(prelude, "  "+f.Name+": { name:") {
			t.Errorf("it does not know %s", f.Name)
		}
	}
	if found := regexp.MustCompile(`(?m)^(import|export) `).FindString(prelude); found != "" {
		t.Errorf("a script does not %s", found)
	}
}

// TestModule: it exports what it is made of, and calls every import of the contract but the log, which has a way of its own.
func TestModule(t *testing.T) {
	for _, f := range wit.Imports() {
		if f.Name != "log_write" && !strings.Contains(Module(), `call("`+f.Name+`"`) {
			t.Errorf("nothing in it calls %s", f.Name)
		}
	}
}
