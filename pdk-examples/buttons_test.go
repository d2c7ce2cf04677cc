package examples_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/pdk-examples/go-buttons/toyboard"
)

// TestButtonsKilled: the owner is asked, and presses the button when the gateway was killed meanwhile, twice. It counts once, the
// buttons go, and who was let in is answered once.
func TestButtonsKilled(t *testing.T) {
	t.Parallel()
	board := toyboard.New(toyboard.Person{ID: "u1", Name: "Ann Li"})
	config := kerneltest.Config(t, fmt.Sprintf(
		`{"owners":["go-buttons:u1"],"channels":{"go-buttons":{"accounts":{"home":{"config":{"url":%q}}}}}}`, serve(t, board)))
	disk, ring, state := &mortal{Store: store.OpenMemory()}, kerneltest.Keyring{}, t.TempDir()
	drop(t, filepath.Join(state, "plugins", "go-buttons"), "go-buttons")
	boot := func() *kerneltest.Kernel {
		disk.kill(nil)
		k := kerneltest.Start(t, config, kerneltest.StateDir(state), kerneltest.Store(disk, ring), kerneltest.Compiled(t), kerneltest.Plugin(kerneltest.Echo("echo")))
		board.Client = k.HTTP()
		return k
	}
	k := boot()
	configure(k.Listen(), "go-buttons", "home", "token", toyboard.Token)
	const hook = "http://gateway/plugins/go-buttons/home/"
	ctx, cancel := context.WithTimeout(t.Context(), kerneltest.Patience)
	defer cancel()
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	do(board.Say(ctx, hook, "u1", "it is me"))
	do(board.Say(ctx, hook, "u2", "let me in"))
	asked, number := board.Wait(ctx, func(m toyboard.Message) bool { return m.To == "u1" && len(m.Buttons) == 2 })
	if number == 0 {
		t.Fatal("the owner is not asked")
	}
	disk.kill(func(string, bool) bool { return true })
	k.Stop()

	boot()
	do(board.Press(ctx, hook, "u1", asked.Buttons[0].Value, number))
	do(board.Press(ctx, hook, "u1", asked.Buttons[0].Value, number))
	if m, n := board.Wait(ctx, func(m toyboard.Message) bool { return strings.HasSuffix(m.Text, "✓ Approved") }); n != number || len(m.Buttons) != 0 {
		t.Errorf("the question is %+v", m)
	}
	do(board.Say(ctx, hook, "u2", "thank you"))
	answers := func(m toyboard.Message) bool { return m.To == "u2" && strings.Contains(m.Text, "thank you") }
	if _, n := board.Wait(ctx, answers); n == 0 {
		t.Error("who was let in is not answered")
	}
}
