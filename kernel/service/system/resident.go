package system

import (
	"bytes"
	"errors"
	"os"
	"strconv"
)

// residentPages reads the process's resident pages where the system has /proc.
func residentPages() (int64, error) {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	fields := bytes.Fields(b)
	if len(fields) < 2 {
		return 0, errors.New("statm has too few fields")
	}
	return strconv.ParseInt(string(fields[1]), 10, 64)
}
