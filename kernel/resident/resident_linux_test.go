package resident_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/carapace-gateway/carapace/kernel/resident"
)

// ofFiles is how much of files is resident, in KB.
func ofFiles(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if kb, ok := strings.CutPrefix(line, "RssFile:"); ok {
			n, err := strconv.Atoi(strings.Fields(kb)[0])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Skip("the system does not say what of files is resident")
	return 0
}

func TestWhatIsGivenBackIsThereAgain(t *testing.T) {
	before := ofFiles(t)
	resident.Trim()
	after := ofFiles(t)
	if after >= before {
		t.Errorf("%d KB of files are resident, and were %d KB", after, before)
	}
}

// TestWhatWasWrittenStays: a mapping of the program's file that is read only now and was not before, as where a loader puts addresses.
func TestWhatWasWrittenStays(t *testing.T) {
	program, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	b, err := unix.Mmap(int(program.Fd()), 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Munmap(b) }()
	b[0] = '!' // where the file has 0x7f
	if err := unix.Mprotect(b, unix.PROT_READ); err != nil {
		t.Fatal(err)
	}
	resident.Trim()
	if b[0] != '!' {
		t.Errorf("it is %q again", b[0])
	}
}
