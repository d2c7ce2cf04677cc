package host

import (
	"context"
	"testing"

	"github.com/carapace-gateway/carapace/wit"
)

// TestAFunctionWithoutResultNeedsItsPermissionToo, though none in the contract has one today.
func TestAFunctionWithoutResultNeedsItsPermissionToo(t *testing.T) {
	call := funcWithoutResult(permission{name: "log"}, func(context.Context, *wit.LogLine) { t.Error("called") })
	if _, err := call(t.Context(), []byte(`{"message":"x"}`)); wit.CodeOf(err) != wit.CodeForbidden {
		t.Error(err)
	}
}
