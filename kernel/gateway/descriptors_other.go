//go:build !unix

package gateway

import "math"

// descriptors is how many files and sockets the process may have open: no system of these has such a bound.
func descriptors() int { return math.MaxInt32 }
