package kernel_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/wit"
)

// TestAnExportIsCalledByItsAuthor: whatever a plugin exports can be called with a payload of the contract, and says what it answers.
func TestAnExportIsCalledByItsAuthor(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Echo("echo"), kerneltest.Channel("chat")))
	l := k.Listen()
	call := func(id, export, args string) (plugin.CallResult, error) {
		t.Helper()
		var out plugin.CallResult
		err := l.Call(t.Context(), "plugins.call", plugin.CallParams{ID: id, Tool: export, Args: wit.JSON(args)}, &out)
		return out, err
	}
	out, err := call("echo", "provider_request", `{"model":"m","turns":[{"role":"user","content":[{"kind":"text","text":"hi"}]}]}`)
	var plan wit.ProviderPlan
	if err == nil {
		err = json.Unmarshal(out.Answer, &plan)
	}
	if err != nil || plan.Answer == nil || len(plan.Answer.Deltas) == 0 || plan.Answer.Deltas[0].Text != "you said: hi" {
		t.Errorf("%s, %v", out.Answer, err)
	}
	for _, wrong := range []struct {
		id, export, args string
		code             wit.Code
		says             string
	}{
		{"echo", "channel_event", `{}`, wit.CodeNotFound, "it exports provider_request"},
		{"nobody", "channel_event", `{}`, wit.CodeNotFound, "nobody"},
		{"echo", "provider_request", `7`, wit.CodeInvalid, ""},
	} {
		if _, err := call(wrong.id, wrong.export, wrong.args); wit.CodeOf(err) != wrong.code || !strings.Contains(err.Error(), wrong.says) {
			t.Errorf("%+v: %s, %v", wrong, wit.CodeOf(err), err)
		}
	}
	if err := k.Dial("operator.write").Call(t.Context(), "plugins.call", plugin.CallParams{ID: "echo", Tool: "provider_request"}, nil); wit.CodeOf(err) != wit.CodeForbidden {
		t.Errorf("without the scope: %v", err)
	}
}
