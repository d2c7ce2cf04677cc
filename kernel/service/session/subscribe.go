package session

import (
	"context"
	"reflect"
)

// SubscribeResult confirms a subscription.
type SubscribeResult struct {
	Subscribed bool `json:"subscribed"`
	// List is there when the parameters select anything.
	List *ListResult `json:"list,omitempty"`
}

// subscribe answers clients that ask to hear sessions.changed. Every connection that may read hears it
// anyway, so there is nothing to remember and nothing to take back.
func (m methods) subscribe(ctx context.Context, p ListParams) (SubscribeResult, error) {
	if reflect.ValueOf(p).IsZero() {
		return SubscribeResult{Subscribed: true}, nil
	}
	list, err := m.list(ctx, p)
	return SubscribeResult{true, &list}, err
}
