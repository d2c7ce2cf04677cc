package kernel_test

import (
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	if os.Getenv(victimVariable) != "" {
		os.Exit(runVictim())
	}
	os.Exit(m.Run())
}
