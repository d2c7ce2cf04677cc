package session

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// A conversation that goes on from an earlier message gets a new history, which begins with a copy of what is kept. The one that it
// was cut from stays as it is, under its own session id, and can be gone back to: the histories of a conversation are its branches.
// What sessions.reset has ended is none of them.

// maxBranches is how many histories of a conversation are listed.
const maxBranches = 100

// RewindParams name a message of a conversation. A run that is under way is aborted first.
type RewindParams struct {
	SessionKey string `json:"sessionKey" rpc:"required,min=1"`
	AgentID    string `json:"agentId,omitempty" rpc:"min=1"`
	// EntryID is the message's id: the history ends before it if a person has said it, and with it otherwise.
	EntryID string `json:"entryId" rpc:"required,min=1,max=512"`
}

// RewindResult is what is left to say.
type RewindResult struct {
	// EditorText is what was said in the message before which the history ends.
	EditorText string `json:"editorText,omitempty"`
}

// rewind cuts a history back. Of what is kept the new history has as much as sessions.fork copies; the old one has it all.
func (m methods) rewind(ctx context.Context, p RewindParams) (res RewindResult, err error) {
	key, err := m.sessions.Settings().ParseKey(p.SessionKey, p.AgentID)
	if err != nil {
		return res, err
	}
	err = m.turnTo(ctx, key, "rewind", func(tx store.Tx, now Entry) (Entry, error) {
		upto, text, err := m.sessions.forkPoint(tx, key, p.EntryID)
		if err != nil || upto == now.Last {
			return now, err
		}
		next, err := m.sessions.cut(tx, now, upto)
		res.EditorText = text
		return next, err
	})
	return res, err
}

// cut begins a new history of a session with the present one up to a message.
func (s *Service) cut(tx store.Tx, from Entry, upto uint64) (Entry, error) {
	now := time.Now().UnixMilli()
	next := Entry{Key: from.Key, Created: from.Created, Updated: now}
	var err error
	if next.SessionID, err = claim(tx, from.Key, ""); err != nil || upto == 0 {
		return next, err
	}
	next.Spoken = from.Spoken
	return next, s.copy(tx, from, &next, upto, 0)
}

// turnTo lets a session go on with the history that choose returns, and keeps the present one as a branch. Where choose returns the
// present one, nothing happens. Errors: choose's; CodeNotFound; CodeConflict for a session that is put away, or too busy.
func (m methods) turnTo(ctx context.Context, key Key, reason string, choose func(tx store.Tx, now Entry) (Entry, error)) error {
	var before, after Entry
	err := Quiet(ctx, m.ports.Runs, key, false, func() error {
		return m.sessions.store.Update(ctx, func(tx store.Tx) (err error) {
			if before, err = m.sessions.Lookup(tx, key); err != nil {
				return err
			}
			if before.Archived() {
				return wit.Errorf(wit.CodeInvalid, "session %s is put away: `carapace sessions restore` brings it back", key)
			}
			if err = before.idle(); err != nil {
				return err
			}
			if after, err = choose(tx, before); err != nil || after.SessionID == before.SessionID {
				return err
			}
			return branchOff(tx, before, after)
		})
	})
	if err != nil || after.SessionID == before.SessionID {
		return err
	}
	m.ports.Ended(ctx, before, wit.SessionEndingReset)
	m.sessions.Changed(key, reason)
	return nil
}

// branchOff puts another history in the place of the present one, which is kept as it is. What a person has set for the session, and
// where it is spoken to, belongs to all of them.
func branchOff(tx store.Tx, before, after Entry) error {
	kept := before
	kept.Choices, kept.Origin, kept.Route = Choices{}, message.Origin{}, nil
	if err := archives.Put(tx, archiveKey(before.Key, before.SessionID), Archive{
		SessionID: before.SessionID, Messages: before.Last, Ended: time.Now().UnixMilli(), Branch: &kept,
	}); err != nil {
		return err
	}
	if err := archives.Delete(tx, archiveKey(after.Key, after.SessionID)); err != nil {
		return err
	}
	after.Choices, after.Origin, after.Route, after.Parent = before.Choices, before.Origin, before.Route, before.Parent
	after.at, after.called = before.at, before.called
	return write(tx, &after)
}

// BranchesParams name a session.
type BranchesParams struct {
	SessionKey string `json:"sessionKey" rpc:"required,min=1"`
	AgentID    string `json:"agentId,omitempty" rpc:"min=1"`
}

// BranchesResult has the branches of a conversation: its history, and those from which it was cut back, the last used first.
type BranchesResult struct {
	Branches []Branch `json:"branches"`
}

// Branch is a history of a conversation.
type Branch struct {
	// LeafEntryID is the id of its last message.
	LeafEntryID  string `json:"leafEntryId"`
	Headline     string `json:"headline"`
	MessageCount uint64 `json:"messageCount"`
	UpdatedAt    string `json:"updatedAt,omitempty"`
	Active       bool   `json:"active"`
}

// branch is the branch that an entry's history is.
func (e Entry) branch(active bool) Branch {
	return Branch{
		LeafEntryID: MessageID(e.SessionID, e.Last), Headline: cmp.Or(e.Preview, e.Title), MessageCount: e.Last, Active: active,
		UpdatedAt: time.UnixMilli(e.Updated).UTC().Format(time.RFC3339),
	}
}

func (m methods) branches(ctx context.Context, p BranchesParams) (BranchesResult, error) {
	res := BranchesResult{Branches: []Branch{}}
	key, err := m.sessions.Settings().ParseKey(p.SessionKey, p.AgentID)
	if err != nil {
		return res, err
	}
	err = m.sessions.store.View(ctx, func(tx store.Tx) error {
		e, err := m.sessions.Lookup(tx, key)
		if wit.CodeOf(err) == wit.CodeNotFound { // nothing was said in it yet
			return m.sessions.Settings().Answers(key, "")
		}
		if err != nil {
			return err
		}
		others, err := m.sessions.branchesOf(tx, key)
		if e.Last > 0 || len(others) > 0 {
			res.Branches = append(res.Branches, e.branch(true))
		}
		for _, o := range others {
			res.Branches = append(res.Branches, o.branch(false))
		}
		return err
	})
	return res, err
}

// branchesOf are the histories from which the present one of a session was cut, the last used first.
func (s *Service) branchesOf(tx store.Tx, key Key) (list []Entry, err error) {
	for row, err := range archives.Scan(tx, store.Range{Prefix: string(key) + "\x00"}) {
		if s.skips.Skip(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if b := row.Value.Branch; b != nil {
			list = append(list, *b)
		}
	}
	slices.SortStableFunc(list, func(a, b Entry) int { return cmp.Compare(b.Updated, a.Updated) })
	return list[:min(len(list), maxBranches)], nil
}

// BranchSwitchParams name a branch by its last message. A run that is under way is aborted first.
type BranchSwitchParams struct {
	SessionKey  string `json:"sessionKey" rpc:"required,min=1"`
	AgentID     string `json:"agentId,omitempty" rpc:"min=1"`
	LeafEntryID string `json:"leafEntryId" rpc:"required,min=1,max=512"`
}

// BranchSwitchResult is empty.
type BranchSwitchResult struct{}

// switchBranch goes back to a history from which the present one was cut. Errors: CodeNotFound for one that there is not.
func (m methods) switchBranch(ctx context.Context, p BranchSwitchParams) (res BranchSwitchResult, err error) {
	key, err := m.sessions.Settings().ParseKey(p.SessionKey, p.AgentID)
	if err != nil {
		return res, err
	}
	return res, m.turnTo(ctx, key, "branch", func(tx store.Tx, now Entry) (Entry, error) {
		id, number, ok := ParseMessageID(p.LeafEntryID)
		if ok && id == now.SessionID && number == now.Last {
			return now, nil
		}
		if ok {
			a, err := archives.Get(tx, archiveKey(key, id))
			switch {
			case err == nil && a.Branch != nil && a.Branch.Last == number:
				next := *a.Branch
				next.Updated = time.Now().UnixMilli()
				return next, nil
			case err != nil && wit.CodeOf(err) != wit.CodeNotFound:
				return now, err
			}
		}
		return now, wit.Errorf(wit.CodeNotFound, "session %s has no branch that ends with %.80q: list them again", key, p.LeafEntryID)
	})
}
