package plain_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/plain"
)

// hostile are ids that somebody may have chosen for what a shell makes of them.
var hostile = []string{
	"", "12345", "ann@example.org", "-100123", "--url=http://evil", "a b", "$(touch pwned)", "`touch pwned`", "x; touch pwned", "x && touch pwned",
	"x | sh", "x > pwned", "'; touch pwned; '", `"; touch pwned; "`, `\'; touch pwned`, "$HOME", "${IFS}", "*", "~", "~root", "{a,b}", "!!", "#x", "a\\", "x\n touch pwned",
	"x\r\x1b[2Jy", "\u202eevil", "=ls", "a=b", "ü 😀", "\xff", "''", "'", "[a-z]", "&", "<(ls)", "%1",
}

func TestWordsAreWordsForAShell(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no shell here")
	}
	dir := t.TempDir()
	for _, id := range hostile {
		cmd := exec.CommandContext(t.Context(), sh, "-c", `set -- `+plain.Words("chat", id)+`; for a; do printf '%s|' "$a"; done`)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		want := "chat|" + plain.Line(id) + "|"
		if strings.HasPrefix(id, "-") { // the shell's own set takes the --
			if got := plain.Words("chat", id); !strings.HasPrefix(got, "-- chat ") {
				t.Errorf("%q would be an option: %s", id, got)
			}
			want = "--|" + want
			cmd = exec.CommandContext(t.Context(), sh, "-c", `for a in `+plain.Words("chat", id)+`; do printf '%s|' "$a"; done`)
			out, err = cmd.CombinedOutput()
		}
		if err != nil || string(out) != want {
			t.Errorf("%q becomes %q, want %q (%v)", id, out, want, err)
		}
	}
	if got := plain.Words("chat", "12345"); got != "chat 12345" {
		t.Errorf("a plain one is quoted: %s", got)
	}
}
