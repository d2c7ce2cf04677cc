package file

import (
	"context"
	"errors"
	"os"
	"time"
)

// lockPoll is how often a lock is tried that somebody else holds. The system's own waiting could not be given up.
const lockPoll = 20 * time.Millisecond

// Lock makes a file this process's own among all that ask for it, and waits until nobody else's it is, or ctx ends. It ends by
// Close, or with the process. The file is made where there is none, for its owner only, and stays: removing it would let two
// processes hold two files of one name. Errors are the system's, and ctx's.
func Lock(ctx context.Context, path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	poll := time.NewTicker(lockPoll)
	defer poll.Stop()
	for {
		held, err := TryLock(f)
		if held {
			return f, nil
		}
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), f.Close())
		}
	}
}
