package kernel_test

import (
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	if os.Getenv(victimVariable) != "" {
		os.Exit(victim())
	}
	os.Exit(m.Run())
}
