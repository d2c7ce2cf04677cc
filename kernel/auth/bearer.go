package auth

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// HTTPScope decides about a request that needs a scope: as HTTP does, and by the token of a paired device, which gives what the
// device has been let in for and no more.
//
// Errors: CodeUnauthorized, also for a token that was revoked or has ended; CodeForbidden for a device that lacks the scope;
// the store's.
func (a *Auth) HTTPScope(r *http.Request, want wire.Scope) (*rpc.Caller, error) {
	caller, err := a.HTTP(r)
	given, bearer := bearerOf(r)
	if err == nil || !bearer {
		return caller, err
	}
	h, known, lost := a.holders.find(r.Context(), given)
	if lost != nil {
		return nil, lost
	}
	if !known || !h.token.alive(a.holders.now()) {
		return nil, err
	}
	peer := a.Peer(r)
	caller = &rpc.Caller{
		ConnID: "http:" + uuid.NewString(), Client: wire.Client{ID: h.client, Mode: "backend"}, Role: h.token.Role, Scopes: h.scopes,
		DeviceID: h.device, RemoteIP: peer.RemoteIP, Local: peer.Local, Protocol: wire.MaxProtocol,
	}
	if err := rpc.Require(rpc.WithCaller(r.Context(), caller), want, r.URL.Path); err != nil {
		a.log.Warn("request refused", "ip", peer.RemoteIP, "path", r.URL.Path, "device", h.device, "reason", err.Error())
		return nil, err
	}
	return caller, nil
}

// bearerOf is the token that a request has in its header.
func bearerOf(r *http.Request) (token string, ok bool) {
	token, ok = strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return strings.TrimSpace(token), ok
}

// holder is who has a device token, and what it is worth now.
type holder struct {
	device, client string
	token          token
	scopes         []wire.Scope
}

// holders finds devices by their tokens. It knows those of the last look, and looks again after each change of a device. It
// is safe for concurrent use.
type holders struct {
	store store.Store
	now   func() time.Time

	mu      sync.Mutex
	read    bool
	version uint64
	byHash  map[string]holder
}

func (h *holders) find(ctx context.Context, text string) (found holder, ok bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if v := devices.Version(h.store); !h.read || v != h.version {
		if h.byHash, err = h.all(ctx); err != nil {
			h.read = false
			return holder{}, false, err
		}
		h.read, h.version = true, v
	}
	found, ok = h.byHash[hashed(text)]
	return found, ok, nil
}

// all reads the tokens that are not revoked. A device that cannot be read has none.
func (h *holders) all(ctx context.Context) (map[string]holder, error) {
	all := map[string]holder{}
	err := h.store.View(ctx, func(tx store.Tx) error {
		for row, err := range devices.Scan(tx, store.Range{}) {
			if err != nil && !store.Damaged(err) {
				return err
			}
			p := row.Value
			for _, t := range p.Tokens {
				if err != nil || t.RevokedAtMs != 0 || !slices.Contains(p.Roles, t.Role) {
					continue
				}
				worth := slices.DeleteFunc(slices.Clone(t.Scopes), func(s wire.Scope) bool { return !covers(p.Scopes, []wire.Scope{s}) })
				all[t.Hash] = holder{device: row.Key, client: p.ClientID, token: t, scopes: worth}
			}
		}
		return nil
	})
	if err != nil {
		return nil, wit.Errorf(wit.CodeOf(err), "auth: the devices cannot be read: %w", err)
	}
	return all, nil
}
