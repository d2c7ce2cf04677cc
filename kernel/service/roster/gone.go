package roster

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// ChangedEvent says that the agents are others than before, or that something is said of one that was not.
type ChangedEvent struct {
	DefaultID string `json:"defaultId"`
	// Agents are the ids of all that there are.
	Agents  []string `json:"agents"`
	Added   []string `json:"added"`
	Removed []string `json:"removed"`
	// Ts is in Unix milliseconds.
	Ts int64 `json:"ts"`
}

// Changed is published when the new agents are in force.
var Changed = event.Kind[ChangedEvent]{Name: "agents.changed", Scope: wire.ScopeRead}

// seen is which agents there were when somebody looked last.
type seen struct {
	// Bound is how many bindings each has.
	Bound map[string]int `json:"bound"`
	// Said is the hash of all that the settings said of them.
	Said string `json:"said"`
}

const (
	seenTable = store.Table[seen]("agents.seen")
	seenRow   = "all"
)

// look is what the settings say now.
func look(c *config.Config) seen {
	now := seen{Bound: map[string]int{}}
	roster := c.Roster()
	for _, a := range roster {
		now.Bound[a.ID] = 0
	}
	for _, b := range c.Bindings {
		now.Bound[config.AgentID(b.AgentID)]++
	}
	text, _ := json.Marshal([]any{c.DefaultAgent(), roster, c.Bindings, c.Agent}) // it was read from JSON
	sum := sha256.Sum256(text)
	now.Said = hex.EncodeToString(sum[:])
	return now
}

// reconcile compares the agents with those that there were, and tells of what has changed: clients each time, and the owner of an
// agent that is gone and had conversations bound to it. What was told of is kept in the same transaction. Errors: the store's.
func (s *Service) reconcile(ctx context.Context) error {
	c := s.Settings.Config()
	now := look(c)
	var news *ChangedEvent
	err := s.Store.Update(ctx, func(tx store.Tx) error {
		news = nil
		before, err := seenTable.Get(tx, seenRow)
		first := wit.CodeOf(err) == wit.CodeNotFound || store.Damaged(err)
		switch {
		case err != nil && !first:
			return err
		case !first && before.Said == now.Said && maps.Equal(before.Bound, now.Bound):
			return nil
		case !first:
			news = &ChangedEvent{
				DefaultID: c.DefaultAgent(), Agents: slices.Sorted(maps.Keys(now.Bound)), Added: others(now, before), Removed: others(before, now), Ts: time.Now().UnixMilli(),
			}
			if err := s.tellOwner(tx, before, news); err != nil {
				return err
			}
		}
		return seenTable.Put(tx, seenRow, now)
	})
	if err != nil || news == nil {
		return err
	}
	if len(news.Added)+len(news.Removed) > 0 {
		s.log.Info("the agents are others now", "agents", news.Agents, "added", news.Added, "removed", news.Removed)
	}
	Changed.Publish(s.Bus, *news)
	s.Outbox.Wake()
	return nil
}

// others are the agents that a has and b has not.
func others(a, b seen) []string {
	list := []string{}
	for _, id := range slices.Sorted(maps.Keys(a.Bound)) {
		if _, there := b.Bound[id]; !there {
			list = append(list, id)
		}
	}
	return list
}

// tellOwner says which agents are gone that had conversations bound to them, and who answers there now.
func (s *Service) tellOwner(tx store.Tx, before seen, news *ChangedEvent) error {
	for _, id := range news.Removed {
		bound := before.Bound[id]
		if bound == 0 {
			continue
		}
		s.log.Warn("an agent is gone, and another one answers in its conversations", "agent", id, "bindings", bound, "now", news.DefaultID)
		at, to, ok, err := s.Owner(tx)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		err = s.Outbox.Enqueue(tx, message.Outbound{
			ID: fmt.Sprintf("agent-gone:%s:%d", id, news.Ts), Channel: at.Channel, Account: at.ID, To: to, Agent: news.DefaultID,
			Text: fmt.Sprintf("The agent %s is gone. It answered by %s; the agent %s answers there from now on, unless another binding says otherwise. What it said stays readable.",
				id, service.Count(bound, "binding"), news.DefaultID),
		})
		if store.Failed(err) {
			return err
		}
	}
	return nil
}
