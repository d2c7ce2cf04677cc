package approval

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/approval/policy"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
)

// grantTable has where each entry that allow-always has put on an allowlist comes from, by the entry's id. That it holds says the
// policy file alone; one that was taken back stays here until it is pushed out by younger ones.
const grantTable = store.Table[granted]("approval.grants")

// Bounds of what is kept and shown of grants.
const (
	maxRevoked   = 200
	maxGrantText = 512 // bytes
	grantLimit   = 100
)

// granted is what was allowed always. Times are in Unix milliseconds.
type granted struct {
	ID       string `json:"id"`
	Approval string `json:"approval,omitempty"`
	Agent    string `json:"agent"`
	Command  string `json:"command"`
	CWD      string `json:"cwd,omitempty"`
	At       int64  `json:"at"`
	// Revoked is when it was taken back, By by whom, and Used and Uses what had become of it.
	Revoked int64  `json:"revoked,omitempty"`
	By      string `json:"by,omitempty"`
	Used    int64  `json:"used,omitempty"`
	Uses    int64  `json:"uses,omitempty"`
}

// grants notes where an entry comes from that was put on an allowlist.
func grants(tx store.Tx, e policy.Entry, r record) error {
	g := granted{ID: e.ID, Approval: r.ID, Agent: r.Agent, Command: message.Clip(r.command(), maxGrantText), At: time.Now().UnixMilli()}
	if r.Exec != nil && r.Exec.CWD != nil {
		g.CWD = message.Clip(*r.Exec.CWD, maxGrantText)
	}
	return grantTable.Put(tx, e.ID, g)
}

// GrantsParams bound the list.
type GrantsParams struct {
	// Limit is 100 when left out.
	Limit int `json:"limit,omitempty" rpc:"min=1,max=500"`
}

// GrantsResult is what was allowed always, the newest first: what holds, and what was taken back.
type GrantsResult struct {
	Grants []Grant `json:"grants"`
}

// Grant is a call that an agent may make without asking, since somebody has said so for ever. Times are in Unix milliseconds.
type Grant struct {
	GrantID string `json:"grantId"`
	// MintedByApprovalID is the approval that was answered so, empty where that is not known any more.
	MintedByApprovalID string `json:"mintedByApprovalId"`
	AgentID            string `json:"agentId"`
	// CronJobID is empty, and CronJobName says for whom it is: here a grant is an agent's, whatever it is doing.
	CronJobID   string  `json:"cronJobId"`
	CronJobName *string `json:"cronJobName"`
	Command     string  `json:"command"`
	CWD         *string `json:"cwd"`
	// CreatedAtMs is 0 where that is not known any more.
	CreatedAtMs int64 `json:"createdAtMs"`
	// ExpiresAtMs is null: it holds until it is taken back.
	ExpiresAtMs  *int64  `json:"expiresAtMs"`
	RevokedAtMs  *int64  `json:"revokedAtMs"`
	RevokedBy    *string `json:"revokedBy"`
	LastUsedAtMs *int64  `json:"lastUsedAtMs"`
	UseCount     int64   `json:"useCount"`
}

func (g granted) shown() Grant {
	who := "agent " + g.Agent
	out := Grant{
		GrantID: g.ID, MintedByApprovalID: g.Approval, AgentID: g.Agent, CronJobName: &who, Command: g.Command, CWD: some(g.CWD),
		CreatedAtMs: g.At, RevokedBy: some(g.By), UseCount: g.Uses,
	}
	if g.Revoked > 0 {
		out.RevokedAtMs = &g.Revoked
	}
	if g.Used > 0 {
		out.LastUsedAtMs = &g.Used
	}
	return out
}

func (s *Service) listGrants(ctx context.Context, p GrantsParams) (out GrantsResult, err error) {
	var list []granted
	err = s.d.Store.View(ctx, func(tx store.Tx) (err error) {
		if list, err = s.standing(tx); err != nil {
			return err
		}
		revoked, err := takenBack(tx)
		list = append(list, revoked...)
		return err
	})
	slices.SortStableFunc(list, func(a, b granted) int { return cmp.Compare(max(b.At, b.Revoked), max(a.At, a.Revoked)) })
	out.Grants = []Grant{}
	for _, g := range list[:min(len(list), cmp.Or(p.Limit, grantLimit))] {
		out.Grants = append(out.Grants, g.shown())
	}
	return out, err
}

// standing are those that hold: what the policy file has, with what is known of it. What somebody has written into it under an id
// of its own choice is no less a grant.
func (s *Service) standing(tx store.Tx) (list []granted, err error) {
	f, _, err := load(tx)
	if err != nil {
		return nil, err
	}
	for agent, a := range f.Agents {
		for _, e := range a.Allowlist {
			if e.Source != string(AllowAlways) {
				continue
			}
			g, err := knownOf(tx, agent, e)
			if err != nil {
				return nil, err
			}
			if g.Command == "" {
				g.Command = message.Clip(s.d.Redact(cmp.Or(e.LastUsedCommand, e.Pattern)), maxGrantText)
			}
			list = append(list, g)
		}
	}
	return list, nil
}

// knownOf is what is known of an entry of an allowlist.
func knownOf(tx store.Tx, agent string, e policy.Entry) (granted, error) {
	g, err := grantTable.Get(tx, e.ID)
	if err != nil && !lost(err) {
		return g, err
	}
	if err != nil || g.Agent != agent {
		g = granted{}
	}
	g.ID, g.Agent, g.Revoked, g.By = e.ID, agent, 0, ""
	u, err := usedTable.Get(tx, e.ID)
	if err != nil && !lost(err) {
		return g, err
	}
	g.Used, g.Uses = max(u.At, int64(e.LastUsedAt)), u.Count
	return g, nil
}

// takenBack are those that hold no more.
func takenBack(tx store.Tx) (list []granted, err error) {
	for row, err := range grantTable.Scan(tx, store.Range{}) {
		if store.Damaged(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if row.Value.Revoked > 0 {
			list = append(list, row.Value)
		}
	}
	return list, nil
}

// GrantRef names a grant.
type GrantRef struct {
	GrantID string `json:"grantId" rpc:"required,min=1,max=128"`
}

// RevokeResult is what became of it.
type RevokeResult struct {
	Outcome string `json:"outcome" rpc:"enum=revoked|already-revoked|not-found"`
}

// revokeGrant takes a pattern off the allowlist, so that the next call that it allowed is asked about.
func (s *Service) revokeGrant(ctx context.Context, p GrantRef) (out RevokeResult, err error) {
	by := resolver(ctx, nil)
	err = s.d.Store.Update(ctx, func(tx store.Tx) error {
		out.Outcome = "not-found"
		f, _, err := load(tx)
		if err != nil {
			return err
		}
		next, agent, e, there := f.Without(p.GrantID, string(AllowAlways))
		if !there {
			if g, err := grantTable.Get(tx, p.GrantID); err == nil && g.Revoked > 0 {
				out.Outcome = "already-revoked"
			} else if err != nil && !lost(err) {
				return err
			}
			return nil
		}
		g, err := knownOf(tx, agent, e)
		if err != nil {
			return err
		}
		g.Command = message.Clip(cmp.Or(g.Command, s.d.Redact(cmp.Or(e.LastUsedCommand, e.Pattern))), maxGrantText)
		g.Revoked, g.By, out.Outcome = time.Now().UnixMilli(), cmp.Or(by.Name, by.ID, by.Kind), "revoked"
		if err := policyTable.Put(tx, policyKey, next); err != nil {
			return err
		}
		if err := grantTable.Put(tx, g.ID, g); err != nil {
			return err
		}
		return forgetUses(tx, next)
	})
	return out, err
}

// forgetGrants forgets what was known of entries that are gone, but for the last ones that were taken back by their id.
func forgetGrants(tx store.Tx, there map[string]bool) error {
	var gone []string
	var revoked []granted
	for row, err := range grantTable.Scan(tx, store.Range{}) {
		switch {
		case err != nil && !store.Damaged(err):
			return err
		case there[row.Key]:
		case err == nil && row.Value.Revoked > 0:
			revoked = append(revoked, row.Value)
		default:
			gone = append(gone, row.Key)
		}
	}
	slices.SortFunc(revoked, func(a, b granted) int {
		return cmp.Or(cmp.Compare(b.Revoked, a.Revoked), strings.Compare(a.ID, b.ID))
	})
	for _, g := range revoked[min(len(revoked), maxRevoked):] {
		gone = append(gone, g.ID)
	}
	for _, key := range gone {
		if err := grantTable.Delete(tx, key); err != nil {
			return err
		}
	}
	return nil
}
