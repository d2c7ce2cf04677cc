package session

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// methods are the handlers of what clients may call.
type methods struct {
	sessions *Service
	ports    Ports
}

// rows returns the rows of the method table.
func (m methods) rows() []rpc.Method {
	return []rpc.Method{
		rpc.NewKept("sessions.list", wire.ScopeRead, m.list, m.listBasis).Doc("Lists the conversations, the last used first."),
		rpc.New("sessions.describe", wire.ScopeRead, m.describe).Doc("Returns one conversation, or null."),
		rpc.New("sessions.subscribe", wire.ScopeRead, m.subscribe).Doc("Confirms that the connection hears sessions.changed, as every one that may read does."),
		rpc.New("sessions.messages.subscribe", wire.ScopeRead, m.subscribeMessages).Doc("Confirms that the connection hears session.message, as every one that may read does."),
		rpc.New("sessions.messages.unsubscribe", wire.ScopeRead, m.unsubscribeMessages).Doc("Takes note that a client listens no more."),
		rpc.New("sessions.preview", wire.ScopeRead, m.sessions.preview).Doc("Returns the last lines of several conversations."),
		rpc.New("sessions.resolve", wire.ScopeAdmin, m.resolve).In4(wire.ScopeRead).Fails(wire.NotFound).
			Doc("Finds a conversation by its key, session id or label."),
		rpc.New("sessions.patch", wire.ScopeAdmin, m.patch).Audited().In4(wire.ScopeWrite).Fails(wire.Conflict).Emits("sessions.changed").
			Doc("Changes what a person has set for a conversation."),
		rpc.New("sessions.patchMany", wire.ScopeAdmin, m.patchMany).Audited().In4(wire.ScopeWrite).Emits("sessions.changed").
			Doc("Makes the same change of several conversations, each for itself."),
		rpc.New("sessions.load", wire.ScopeRead, m.load).Fails(wire.NotFound).
			Doc("Returns a conversation with the end of what was said in it."),
		rpc.New("sessions.fork", wire.ScopeAdmin, m.fork).Audited().In4(wire.ScopeWrite).Fails(wire.NotFound, wire.Conflict).Emits("sessions.changed").
			Doc("Begins a conversation with a copy of another one."),
		rpc.New("sessions.rename", wire.ScopeAdmin, m.rename).Audited().Fails(wire.NotFound, wire.Conflict).Emits("sessions.changed").
			Doc("Gives a conversation another label."),
		rpc.New("sessions.switch", wire.ScopeAdmin, m.switchTo).Fails(wire.NotFound).
			Doc("Lets later calls of agent on this connection mean a conversation where they name none."),
		rpc.New("sessions.branches.list", wire.ScopeRead, m.branches).Fails(wire.NotFound).
			Doc("Lists the histories of a conversation: the present one, and those from which it was cut back."),
		rpc.New("sessions.branches.switch", wire.ScopeAdmin, m.switchBranch).Audited().Fails(wire.NotFound, wire.Conflict).Emits("sessions.changed").
			Doc("Goes back to a history from which a conversation was cut back."),
		rpc.New("sessions.rewind", wire.ScopeAdmin, m.rewind).Audited().Fails(wire.NotFound, wire.Conflict).Emits("sessions.changed").
			Doc("Cuts a conversation back to a message. What is cut off stays a branch, which can be gone back to."),
		rpc.New("sessions.reset", wire.ScopeAdmin, m.reset).Audited().Fails(wire.Conflict).Emits("sessions.changed").
			Doc("Ends the history of a conversation and begins an empty one."),
		rpc.New("sessions.delete", wire.ScopeAdmin, m.remove).Audited().Fails(wire.Conflict).Emits("sessions.changed").
			Doc("Deletes a conversation, unless it is the main one."),
	}
}

func (m methods) list(ctx context.Context, p ListParams) (ListResult, error) {
	return m.sessions.List(ctx, p, m.ports.Models.Defaults(ctx))
}

// listBasis is what a list is made of. What was used in the last minutes changes with the time.
func (m methods) listBasis(ctx context.Context, p ListParams) (any, bool) {
	return m.sessions.Basis(m.ports.Models.Defaults(ctx)), p.ActiveMinutes == 0
}

// DescribeParams name a session.
type DescribeParams struct {
	// Key is main, a key of the agent's, or a full one such as agent:main:main.
	Key     string `json:"key" rpc:"required,min=1"`
	AgentID string `json:"agentId,omitempty" rpc:"min=1"`
	// IncludeDerivedTitles and IncludeLastMessage are accepted: both are always there.
	IncludeDerivedTitles bool `json:"includeDerivedTitles"`
	IncludeLastMessage   bool `json:"includeLastMessage"`
}

// DescribeResult is one session.
type DescribeResult struct {
	// Session is null when there is none.
	Session *Row `json:"session"`
}

func (m methods) describe(ctx context.Context, p DescribeParams) (DescribeResult, error) {
	key, err := m.sessions.Settings().ParseKey(p.Key, p.AgentID)
	if err != nil {
		return DescribeResult{}, err
	}
	r, err := m.sessions.Describe(ctx, key, m.ports.Models.Defaults(ctx))
	if wit.CodeOf(err) == wit.CodeNotFound {
		return DescribeResult{}, nil
	}
	return DescribeResult{&r}, err
}

// Describe returns one session's row. Errors: as Lookup's.
func (s *Service) Describe(ctx context.Context, key Key, d Defaults) (Row, error) {
	var r Row
	err := s.store.View(ctx, func(tx store.Tx) error {
		e, err := s.Lookup(tx, key)
		if err != nil {
			return err
		}
		pending, err := s.queue.Pending(tx, key)
		if err != nil {
			return err
		}
		r = s.row(e, d, pending.Runs)
		r.DerivedTitle, r.LastMessagePreview = e.Title, e.Preview
		return nil
	})
	return r, err
}

// PatchResult is the session after the change.
type PatchResult struct {
	OK    bool   `json:"ok"`
	Path  string `json:"path"`
	Key   Key    `json:"key"`
	Entry Row    `json:"entry"`
}

func (m methods) patch(ctx context.Context, p PatchParams) (PatchResult, error) {
	key, err := m.sessions.Settings().ParseKey(p.Key, p.AgentID)
	if err != nil {
		return PatchResult{}, err
	}
	// In protocol 4 who may write may put a conversation away, and no more.
	if !p.archivesOnly() {
		if err := rpc.Require(ctx, wire.ScopeAdmin, "sessions.patch"); err != nil {
			return PatchResult{}, err
		}
	}
	if p.Model, err = m.model(ctx, p.Model); err != nil {
		return PatchResult{}, err
	}
	if err := m.change(ctx, key, p, m.ensure); err != nil {
		return PatchResult{}, err
	}
	row, err := m.sessions.Describe(ctx, key, m.ports.Models.Defaults(ctx))
	return PatchResult{OK: true, Path: "(multiple)", Key: key, Entry: row}, err
}

// model is a choice of a model with its full name.
func (m methods) model(ctx context.Context, choice json.RawMessage) (json.RawMessage, error) {
	var name *string
	if len(choice) == 0 || json.Unmarshal(choice, &name) != nil || name == nil {
		return choice, nil
	}
	full, err := m.ports.Models.Check(ctx, *name)
	if err != nil {
		return nil, err
	}
	choice, err = json.Marshal(full)
	return choice, err
}

// change makes a change of the session that find returns, and tells of it.
func (m methods) change(ctx context.Context, key Key, p PatchParams, find func(store.Tx, Key) (Entry, error)) error {
	err := m.sessions.store.Update(ctx, func(tx store.Tx) error {
		e, err := find(tx, key)
		if err != nil {
			return err
		}
		if err := expect(e, p.ExpectedSessionID); err != nil {
			return err
		}
		if err := p.apply(&e.Choices); err != nil {
			return err
		}
		if err := unique(tx, key, e.Label, len(p.Label) > 0); err != nil {
			return err
		}
		return Put(tx, e)
	})
	if err == nil {
		m.sessions.Changed(key, "patch")
	}
	return err
}

// unique fails with CodeConflict if another session has the label, since labels name sessions.
func unique(tx store.Tx, key Key, label string, given bool) error {
	if !given || label == "" {
		return nil
	}
	switch other, err := labelled(tx, label); {
	case wit.CodeOf(err) == wit.CodeNotFound || err == nil && other == key:
		return nil
	case err != nil:
		return err
	default:
		return wit.Errorf(wit.CodeConflict, "session %s has the label %.40q already: choose another one", other, label)
	}
}

func expect(e Entry, sessionID string) error {
	if sessionID != "" && sessionID != e.SessionID {
		return wit.Errorf(wit.CodeConflict, "session %s is not %.40q any more but %s: read it again", e.Key, sessionID, e.SessionID)
	}
	return nil
}

// ResetParams name a session. A run that is under way is aborted first.
type ResetParams struct {
	Key     string `json:"key" rpc:"required,min=1"`
	AgentID string `json:"agentId,omitempty" rpc:"min=1"`
	// Reason is accepted and not kept.
	Reason string `json:"reason,omitempty" rpc:"enum=new|reset"`
}

// ResetResult is the session with its new, empty history.
type ResetResult struct {
	OK    bool `json:"ok"`
	Key   Key  `json:"key"`
	Entry Row  `json:"entry"`
}

func (m methods) reset(ctx context.Context, p ResetParams) (ResetResult, error) {
	key, err := m.sessions.Settings().ParseKey(p.Key, p.AgentID)
	if err != nil {
		return ResetResult{}, err
	}
	var before Entry
	err = Quiet(ctx, m.ports.Runs, key, false, func() error {
		return m.sessions.store.Update(ctx, func(tx store.Tx) (err error) {
			before, _, err = Reset(tx, key)
			return err
		})
	})
	if err == nil {
		m.ports.Ended(ctx, before, wit.SessionEndingReset)
	}
	if wit.CodeOf(err) == wit.CodeNotFound {
		// What was never spoken in is as good as reset.
		err = m.sessions.store.Update(ctx, func(tx store.Tx) error {
			_, err := m.ensure(tx, key)
			return err
		})
	}
	if err != nil {
		return ResetResult{}, err
	}
	m.sessions.Changed(key, "reset")
	row, err := m.sessions.Describe(ctx, key, m.ports.Models.Defaults(ctx))
	return ResetResult{OK: true, Key: key, Entry: row}, err
}

// ensure returns a session's entry and makes it if there is none, but of no agent that there is not.
func (m methods) ensure(tx store.Tx, key Key) (Entry, error) {
	e, err := m.sessions.Lookup(tx, key)
	if wit.CodeOf(err) != wit.CodeNotFound {
		return e, err
	}
	return create(tx, key, message.Origin{}, "")
}

// Quiet calls fn while no run of the session is running and, with all, none waits; and again when one
// came in between. Errors: fn's; CodeConflict where one always comes.
func Quiet(ctx context.Context, runs Runs, key Key, all bool, fn func() error) (err error) {
	for range 5 {
		release, err := runs.Hold(ctx, key, all)
		if err == nil {
			err = fn()
		}
		release()
		if wit.CodeOf(err) != wit.CodeConflict {
			return err
		}
	}
	return wit.Errorf(wit.CodeConflict, "session %s is too busy: try again", key)
}

// DeleteParams name a session. Its runs are aborted first.
type DeleteParams struct {
	Key     string `json:"key" rpc:"required,min=1"`
	AgentID string `json:"agentId,omitempty" rpc:"min=1"`
	// DeleteTranscript of false keeps the history, for sessions.export by its session id; true when left out.
	DeleteTranscript *bool `json:"deleteTranscript"`
	// ExpectedSessionID refuses when the session has another history by now.
	ExpectedSessionID string `json:"expectedSessionId,omitempty" rpc:"min=1"`
	// ExpectedSessionUpdatedAt refuses when the session was used since, ArchivedOnly when it is not put away.
	ExpectedSessionUpdatedAt *int64 `json:"expectedSessionUpdatedAt" rpc:"min=0"`
	ArchivedOnly             bool   `json:"archivedOnly"`
	// This and those below are accepted and change nothing.
	ExpectedLifecycleRevision string `json:"expectedLifecycleRevision"`
	EmitLifecycleHooks        *bool  `json:"emitLifecycleHooks"`
}

// DeleteResult says whether there was such a session.
type DeleteResult struct {
	OK      bool `json:"ok"`
	Key     Key  `json:"key"`
	Deleted bool `json:"deleted"`
	// Archived are the session ids of histories that were kept.
	Archived []string `json:"archived"`
}

func (m methods) remove(ctx context.Context, p DeleteParams) (DeleteResult, error) {
	res := DeleteResult{OK: true, Archived: []string{}}
	key, err := m.sessions.Settings().ParseKey(p.Key, p.AgentID)
	if err != nil {
		return res, err
	}
	res.Key = key
	if m.sessions.Settings().IsMain(key) {
		return res, wit.Errorf(wit.CodeInvalid, "Cannot delete the main session (%s).", key)
	}
	histories := p.DeleteTranscript == nil || *p.DeleteTranscript
	var gone Entry
	err = Quiet(ctx, m.ports.Runs, key, true, func() error {
		return m.sessions.store.Update(ctx, func(tx store.Tx) (err error) {
			if gone, err = m.sessions.Lookup(tx, key); err != nil {
				return err
			}
			if err := p.expect(gone); err != nil {
				return wit.Errorf(wit.CodeInvalid, "%w", err)
			}
			return m.sessions.Remove(tx, key, histories)
		})
	})
	switch wit.CodeOf(err) {
	case wit.CodeNotFound:
		return res, nil
	case "":
	default:
		return res, err
	}
	res.Deleted = true
	if !histories {
		res.Archived = append(res.Archived, gone.SessionID)
	}
	m.ports.Ended(ctx, gone, wit.SessionEndingDeleted)
	m.sessions.Changed(key, "delete")
	return res, m.sessions.Sweep(ctx)
}

// expect refuses a session that is not as the client believes.
func (p DeleteParams) expect(e Entry) error {
	switch {
	case p.ExpectedSessionUpdatedAt != nil && *p.ExpectedSessionUpdatedAt != e.Updated:
		return wit.Errorf(wit.CodeConflict, "session %s was used meanwhile: read it again", e.Key)
	case p.ArchivedOnly && !e.Archived():
		return wit.Errorf(wit.CodeConflict, "session %s is not archived", e.Key)
	}
	return expect(e, p.ExpectedSessionID)
}

// ResolveParams look for a session: by one of key, sessionId, label and shortId.
type ResolveParams struct {
	Key       string `json:"key,omitempty" rpc:"min=1"`
	SessionID string `json:"sessionId,omitempty" rpc:"min=1"`
	Label     string `json:"label,omitempty" rpc:"min=1,max=512"`
	AgentID   string `json:"agentId,omitempty" rpc:"min=1"`
	// AllowMissing answers ok false, instead of an error, when there is none.
	AllowMissing bool `json:"allowMissing"`
	// Reference is Key, as newer clients write it.
	Reference *Reference `json:"reference"`
	// ShortID is the id in a key that sessions.create has made, without dashes, or 8 or more characters of its beginning.
	ShortID string `json:"shortId"`
	// This and those below are accepted and change nothing.
	SlugHint       string `json:"slugHint"`
	SpawnedBy      string `json:"spawnedBy"`
	IncludeGlobal  bool   `json:"includeGlobal"`
	IncludeUnknown bool   `json:"includeUnknown"`
}

// Reference names a session by its key.
type Reference struct {
	Key string `json:"key" rpc:"required,min=1"`
	// Slug is accepted and changes nothing.
	Slug string `json:"slug,omitempty" rpc:"min=1"`
}

// ResolveResult is the session's full key.
type ResolveResult struct {
	OK      bool   `json:"ok"`
	Key     Key    `json:"key,omitempty"`
	AgentID string `json:"agentId,omitempty"`
}

func (m methods) resolve(ctx context.Context, p ResolveParams) (ResolveResult, error) {
	key, err := m.find(ctx, p)
	if p.AllowMissing && wit.CodeOf(err) == wit.CodeNotFound {
		return ResolveResult{}, nil
	}
	if err != nil {
		return ResolveResult{}, err
	}
	return ResolveResult{OK: true, Key: key, AgentID: key.Agent()}, nil
}

func (m methods) find(ctx context.Context, p ResolveParams) (key Key, err error) {
	reference := ""
	if p.Reference != nil {
		reference = p.Reference.Key
	}
	given := slices.DeleteFunc([]string{p.Key, p.SessionID, p.Label, p.ShortID, reference}, func(name string) bool { return name == "" })
	if len(given) != 1 {
		return "", wit.NewError(wit.CodeInvalid, "invalid sessions.resolve params: give one of key, sessionId, label, shortId")
	}
	settings := m.sessions.Settings()
	if _, err := settings.Agent(p.AgentID); err != nil {
		return "", err
	}
	if p.ShortID != "" {
		return m.sessions.Short(ctx, p.ShortID, p.AgentID)
	}
	err = m.sessions.store.View(ctx, func(tx store.Tx) (err error) {
		switch {
		case p.Label != "":
			if key, err = labelled(tx, p.Label); err == nil && p.AgentID != "" && p.AgentID != key.Agent() {
				err = errNotLabelled(p.Label)
			}
			return err
		case p.SessionID != "":
			if key, err = KeyOf(tx, p.SessionID); err == nil {
				err = settings.Meant(key, p.AgentID)
			}
		default:
			key, err = settings.ParseKey(cmp.Or(p.Key, reference), p.AgentID)
		}
		if err == nil {
			_, err = m.sessions.Lookup(tx, key)
		}
		return err
	})
	return key, err
}
