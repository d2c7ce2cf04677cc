package approval

import (
	"context"
	"encoding/json"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service/approval/policy"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// The policy file is one record. When its patterns were used last stands beside it, so that a call which is allowed does not change
// the file under the hands of whoever edits it.

const (
	policyTable = store.Table[policy.File]("approval.policy")
	policyKey   = "file"
	usedTable   = store.Table[used]("approval.used") // by entry
)

// used is when an entry of an allowlist has last let something through, and how often it has.
type used struct {
	Count   int64  `json:"count,omitempty"`
	At      int64  `json:"at"`
	Command string `json:"command"`
	Path    string `json:"path,omitempty"`
}

// load returns the policy file, and whether there is one. One that is damaged refuses everything. Errors: the store's.
func load(tx store.Tx) (f policy.File, exists bool, err error) {
	f, err = policyTable.Get(tx, policyKey)
	switch {
	case err == nil:
		return f, true, nil
	case wit.CodeOf(err) == wit.CodeNotFound:
		return policy.File{Version: 1, Agents: map[string]policy.Agent{}}, false, nil
	case store.Damaged(err):
		return policy.File{Version: 1, Defaults: &policy.Rules{Security: string(policy.Deny), AskFallback: string(policy.Deny)}, Agents: map[string]policy.Agent{}}, true, nil
	}
	return f, false, err
}

// maxUsed bounds the command that is shown of an entry's last use, in bytes.
const maxUsed = 500

// use notes that an entry has let something through.
func (v judged) use(tx store.Tx, command string) error {
	u := used{At: time.Now().UnixMilli(), Command: command[:min(len(command), maxUsed)]}
	if len(v.subject.Executables) > 0 {
		u.Path = v.subject.Executables[0]
	}
	before, err := usedTable.Get(tx, v.entry.ID)
	if err != nil && !lost(err) {
		return err
	}
	u.Count = before.Count + 1
	return usedTable.Put(tx, v.entry.ID, u)
}

// lost reports whether something is not there, or cannot be read any more.
func lost(err error) bool { return wit.CodeOf(err) == wit.CodeNotFound || store.Damaged(err) }

// Snapshot is the policy file of this gateway.
type Snapshot struct {
	// Path is where it is kept, empty where all is kept in memory.
	Path   string `json:"path"`
	Exists bool   `json:"exists"`
	// Hash names what the file says, for baseHash. Uses of patterns do not change it.
	Hash string      `json:"hash"`
	File policy.File `json:"file"`
	// ResolvedDefaults is what holds where the file says nothing, for calls that write or send. What executes is on the allowlist or
	// asked about then, unless agent.approve is set.
	ResolvedDefaults policy.Resolved `json:"resolvedDefaults"`
}

// snapshot is the file for clients: with the last uses, without secrets.
func (s *Service) snapshot(tx store.Tx) (Snapshot, error) {
	f, exists, err := load(tx)
	if err != nil {
		return Snapshot{}, err
	}
	out := Snapshot{Path: s.d.Path, Exists: exists, Hash: f.Hash(), ResolvedDefaults: f.Resolve("", s.d.Settings(), nil)}
	for _, a := range f.Agents {
		for i := range a.Allowlist {
			e := &a.Allowlist[i]
			u, err := usedTable.Get(tx, e.ID)
			if lost(err) {
				continue
			} else if err != nil {
				return out, err
			}
			if float64(u.At) > e.LastUsedAt {
				e.LastUsedAt, e.LastUsedCommand, e.LastResolvedPath = float64(u.At), u.Command, u.Path
			}
		}
	}
	out.File = f.Shown()
	return out, nil
}

func (s *Service) getFile(ctx context.Context, _ rpc.None) (out Snapshot, err error) {
	err = s.d.Store.View(ctx, func(tx store.Tx) error {
		out, err = s.snapshot(tx)
		return err
	})
	return out, err
}

// SetParams replace the policy file.
type SetParams struct {
	File policy.File `json:"file" rpc:"required"`
	// BaseHash is the hash of the file that was changed. It is needed where there is a file.
	BaseHash string `json:"baseHash,omitempty" rpc:"min=1,max=128"`
}

func (s *Service) setFile(ctx context.Context, p SetParams) (out Snapshot, err error) {
	next, err := p.File.Normal()
	if err != nil {
		return out, err
	}
	err = s.d.Store.Update(ctx, func(tx store.Tx) error {
		now, exists, err := load(tx)
		switch {
		case err != nil:
			return err
		case exists && p.BaseHash == "":
			return wit.NewError(wit.CodeInvalid, "exec approvals base hash required; re-run exec.approvals.get and retry")
		case exists && p.BaseHash != now.Hash():
			return wit.NewError(wit.CodeConflict, "exec approvals changed since last load; re-run exec.approvals.get and retry")
		}
		if now.Socket != nil && (next.Socket == nil || next.Socket.Token == "") { // clients are not told the token, and do not send it
			next.Socket = now.Socket
		}
		if err := policyTable.Put(tx, policyKey, next); err != nil {
			return err
		}
		if err := forgetUses(tx, next); err != nil {
			return err
		}
		out, err = s.snapshot(tx)
		return err
	})
	return out, err
}

// forgetUses forgets the uses of entries that are gone, and where they came from.
func forgetUses(tx store.Tx, f policy.File) error {
	there := map[string]bool{}
	for _, a := range f.Agents {
		for _, e := range a.Allowlist {
			there[e.ID] = true
		}
	}
	var gone []string
	for rec, err := range tx.Scan(string(usedTable), store.Range{}) {
		if err != nil {
			return err
		}
		if !there[rec.Key] {
			gone = append(gone, rec.Key)
		}
	}
	for _, key := range gone {
		if err := usedTable.Delete(tx, key); err != nil {
			return err
		}
	}
	return forgetGrants(tx, there)
}

// NodeParams name a node.
type NodeParams struct {
	NodeID string `json:"nodeId" rpc:"required,min=1,max=256"`
}

// NodeSetParams replace a node's policy file.
type NodeSetParams struct {
	NodeParams
	File     policy.File `json:"file" rpc:"required"`
	BaseHash string      `json:"baseHash,omitempty" rpc:"min=1,max=128"`
}

// nodeTimeout is how long a node may take.
const nodeTimeout = 10 * time.Second

// nodeGet asks a node for its policy, which it keeps and obeys itself.
func (s *Service) nodeGet(ctx context.Context, p NodeParams) (json.RawMessage, error) {
	return s.invoke(ctx, p.NodeID, "system.execApprovals.get", struct{}{})
}

func (s *Service) nodeSet(ctx context.Context, p NodeSetParams) (json.RawMessage, error) {
	if _, err := p.File.Normal(); err != nil {
		return nil, err
	}
	return s.invoke(ctx, p.NodeID, "system.execApprovals.set", SetParams{p.File, p.BaseHash})
}

func (s *Service) invoke(ctx context.Context, node, command string, params any) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, nodeTimeout)
	defer cancel()
	b, err := json.Marshal(params)
	if err != nil {
		return nil, err
	}
	out, err := s.d.Nodes.Invoke(ctx, node, command, b)
	return json.RawMessage(out), err
}
