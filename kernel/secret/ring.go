package secret

import (
	"context"
	"encoding/hex"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/zalando/go-keyring"

	"github.com/carapace-gateway/carapace/wit"
)

// ringTimeout bounds a keyring that waits for somebody to unlock it on a screen that nobody sees.
const ringTimeout = 5 * time.Second

// ringService is the name under which the system's keyring shows our entries.
const ringService = "carapace"

// Ring is a keyring. It may block; the vault does not wait for it longer than a few seconds.
type Ring interface {
	Get(item string) (string, error)
	Set(item, value string) error
	// Delete forgets an item; one that is not there is an error, or none.
	Delete(item string) error
}

// ringKey returns the key in the keyring's item, after storing fresh there if it is given.
// What was stored is read back, since some keyrings accept entries and forget them.
func ringKey(ctx context.Context, ring Ring, item string, fresh []byte) ([]byte, error) {
	text, err := patiently(ctx, func() (string, error) {
		if fresh != nil {
			if err := ring.Set(item, hex.EncodeToString(fresh)); err != nil {
				return "", err
			}
		}
		return ring.Get(item)
	})
	if err != nil {
		return nil, err
	}
	key, err := hex.DecodeString(text)
	if err != nil || len(key) != keySize {
		return nil, wit.Errorf(wit.CodeInvalid, "secret: the keyring's %q is not a key", item)
	}
	return key, nil
}

// forget deletes an item of the keyring.
func forget(ctx context.Context, ring Ring, item string) error {
	_, err := patiently(ctx, func() (string, error) { return "", ring.Delete(item) })
	return err
}

// patiently asks the keyring, and does not wait for it longer than ringTimeout.
func patiently(ctx context.Context, ask func() (string, error)) (string, error) {
	type answer struct {
		text string
		err  error
	}
	done := make(chan answer, 1)
	go func() { // it outlives this call if the keyring hangs, there is no way to stop it
		text, err := ask()
		done <- answer{text, err}
	}()
	ctx, stop := context.WithTimeout(ctx, ringTimeout)
	defer stop()
	select {
	case a := <-done:
		return a.text, a.err
	case <-ctx.Done():
		return "", wit.Errorf(wit.CodeTimeout, "secret: the keyring does not answer: %w", ctx.Err())
	}
}

// systemRing is the keyring of the system that the gateway runs on.
type systemRing struct{}

func (systemRing) Get(item string) (string, error) {
	if err := reachable(); err != nil {
		return "", err
	}
	return keyring.Get(ringService, item)
}

func (systemRing) Set(item, value string) error {
	if err := reachable(); err != nil {
		return err
	}
	return keyring.Set(ringService, item, value)
}

func (systemRing) Delete(item string) error {
	if err := reachable(); err != nil {
		return err
	}
	return keyring.Delete(ringService, item)
}

// reachable keeps the library from starting a message bus where there is none, as on a server.
func reachable() error {
	if runtime.GOOS != "linux" || os.Getenv("DBUS_SESSION_BUS_ADDRESS") != "" {
		return nil
	}
	if _, err := os.Stat(filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "bus")); os.Getenv("XDG_RUNTIME_DIR") != "" && err == nil {
		return nil
	}
	return wit.NewError(wit.CodeUnavailable, "there is no session bus")
}
