package roster

import (
	"cmp"
	"context"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// CreateParams describe a new agent. Its id is made of its name: Research Helper is research-helper.
type CreateParams struct {
	Name string `json:"name" rpc:"required,min=1,max=128"`
	// Workspace is accepted: what an agent knows is in the store.
	Workspace string `json:"workspace,omitempty" rpc:"max=4096"`
	// Model is provider/model; empty is that of all agents.
	Model  string `json:"model,omitempty" rpc:"max=200"`
	Emoji  string `json:"emoji,omitempty" rpc:"max=64"`
	Avatar string `json:"avatar,omitempty" rpc:"max=2048"`
	// BaseHash is the hash of the config file that the change is meant for; any when left out.
	BaseHash string `json:"baseHash,omitempty" rpc:"max=64"`
}

// CreateResult is the agent that was added.
type CreateResult struct {
	OK        bool   `json:"ok"`
	AgentID   string `json:"agentId"`
	Name      string `json:"name"`
	Workspace string `json:"workspace"`
	Model     string `json:"model,omitempty"`
}

var noID = regexp.MustCompile(`[^a-z0-9_-]+`)

// idOf makes an agent's id of its name. Errors: CodeInvalid for a name without a letter or digit of the Latin alphabet.
func idOf(name string) (string, error) {
	id := strings.Trim(noID.ReplaceAllString(strings.ToLower(name), "-"), "-_")
	id = strings.TrimRight(id[:min(len(id), 64)], "-_")
	if id == "" {
		return "", wit.Errorf(wit.CodeInvalid, "%.64q makes no id: a name needs a letter from a to z, or a digit", name)
	}
	return id, nil
}

// create adds an agent. Texts that stayed of a deleted agent of this id become its own.
func (s *Service) create(ctx context.Context, p CreateParams) (CreateResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := strings.TrimSpace(p.Name)
	id, err := idOf(name)
	r := CreateResult{OK: true, AgentID: id, Name: name, Workspace: workspace(id)}
	if err == nil && p.Model != "" {
		r.Model, err = s.Model(ctx, p.Model)
	}
	if err == nil {
		err = s.settle(ctx)
	}
	if err != nil {
		return r, err
	}
	_, err = s.Settings.Edit(ctx, p.BaseHash, func(d *config.Document) error {
		return d.AddAgent(config.AgentEntry{
			ID: id, Name: name, Model: config.ModelChain{Primary: r.Model}, Identity: config.Identity{Emoji: p.Emoji, Avatar: p.Avatar},
		})
	})
	return r, err
}

// UpdateParams change what is said of an agent; what is left out stays.
type UpdateParams struct {
	AgentID string  `json:"agentId" rpc:"required,min=1,max=64"`
	Name    *string `json:"name,omitempty" rpc:"min=1,max=128"`
	// Workspace is accepted: what an agent knows is in the store.
	Workspace string `json:"workspace,omitempty" rpc:"max=4096"`
	// Model is provider/model or an alias, or an object whose primary is one and whose fallbacks are others; null is that of all
	// agents.
	Model  json.RawMessage `json:"model,omitempty"`
	Emoji  *string         `json:"emoji,omitempty" rpc:"max=64"`
	Avatar *string         `json:"avatar,omitempty" rpc:"max=2048"`
	Theme  *string         `json:"theme,omitempty" rpc:"max=2048"`
	// SystemPrompt, ThinkingDefault and Tools are as in the config file; null is what holds for all agents.
	SystemPrompt    json.RawMessage `json:"systemPrompt,omitempty"`
	ThinkingDefault json.RawMessage `json:"thinkingDefault,omitempty"`
	Tools           json.RawMessage `json:"tools,omitempty"`
	// Default makes it the one that answers where nothing else is said.
	Default bool `json:"default,omitempty"`
	// BaseHash is the hash of the config file that the change is meant for; any when left out.
	BaseHash string `json:"baseHash,omitempty" rpc:"max=64"`
}

// UpdateResult is the agent that was changed.
type UpdateResult struct {
	OK      bool   `json:"ok"`
	AgentID string `json:"agentId"`
}

func (s *Service) update(ctx context.Context, p UpdateParams) (UpdateResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := UpdateResult{OK: true, AgentID: config.AgentID(p.AgentID)}
	patch, err := s.patch(ctx, p)
	if err != nil {
		return r, err
	}
	_, err = s.Settings.Edit(ctx, p.BaseHash, func(d *config.Document) error {
		if err := d.PatchAgent(p.AgentID, patch); err != nil || !p.Default {
			return err
		}
		return d.DefaultTo(p.AgentID)
	})
	return r, err
}

// patch is a change as it is laid over the config file's entry. Errors: CodeInvalid.
func (s *Service) patch(ctx context.Context, p UpdateParams) (wit.JSON, error) {
	entry, identity := map[string]any{}, map[string]any{}
	for field, text := range map[string]*string{"emoji": p.Emoji, "avatar": p.Avatar, "theme": p.Theme} {
		if text != nil {
			identity[field] = *text
		}
	}
	if len(identity) > 0 {
		entry["identity"] = identity
	}
	if p.Name != nil {
		entry["name"] = strings.TrimSpace(*p.Name)
	}
	for field, value := range map[string]json.RawMessage{"model": p.Model, "systemPrompt": p.SystemPrompt, "thinkingDefault": p.ThinkingDefault, "tools": p.Tools} {
		if len(value) > 0 {
			entry[field] = value
		}
	}
	if len(p.Model) > 0 && string(p.Model) != "null" {
		whole, err := s.chain(ctx, p.Model)
		if err != nil {
			return nil, err
		}
		entry["model"] = whole
	}
	text, err := json.Marshal(entry)
	if err != nil {
		return nil, wit.Errorf(wit.CodeInvalid, "the change of an agent is no JSON: %w", err)
	}
	return text, nil
}

// chain completes the names of models. Errors: CodeInvalid.
func (s *Service) chain(ctx context.Context, raw json.RawMessage) (m config.ModelChain, err error) {
	if json.Unmarshal(raw, &m) != nil {
		return m, wit.NewError(wit.CodeInvalid, "invalid agents.update params: at /model: must be string,object,null")
	}
	if m.Primary != "" || m.Fallbacks == nil {
		if m.Primary, err = s.Model(ctx, m.Primary); err != nil {
			return m, err
		}
	}
	for i, name := range m.Fallbacks {
		if m.Fallbacks[i], err = s.Model(ctx, name); err != nil {
			return m, err
		}
	}
	return m, nil
}

// DeleteParams name an agent.
type DeleteParams struct {
	AgentID string `json:"agentId" rpc:"required,min=1,max=64"`
	// DeleteFiles of false keeps its texts for an agent of the same id; true when left out.
	DeleteFiles *bool `json:"deleteFiles,omitempty"`
	// BaseHash is the hash of the config file that the change is meant for; any when left out.
	BaseHash string `json:"baseHash,omitempty" rpc:"max=64"`
}

// DeleteResult says what went with an agent.
type DeleteResult struct {
	OK      bool   `json:"ok"`
	AgentID string `json:"agentId"`
	// RemovedBindings is how many bindings it had.
	RemovedBindings int `json:"removedBindings"`
}

// remove deletes an agent. It is gone when the config file is written; its texts are marked before, so that whoever starts
// after a crash knows that they go, too, and deleted after.
func (s *Service) remove(ctx context.Context, p DeleteParams) (DeleteResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := config.AgentID(p.AgentID)
	r := DeleteResult{OK: true, AgentID: id}
	whole := p.DeleteFiles == nil || *p.DeleteFiles
	if whole {
		if err := s.doom(ctx, id, true); err != nil {
			return r, err
		}
	}
	_, err := s.Settings.Edit(ctx, p.BaseHash, func(d *config.Document) (err error) {
		r.RemovedBindings, err = d.DropAgent(id)
		return err
	})
	if !whole {
		return r, err
	}
	if s.Settings.Config().UnknownAgent(id) == nil {
		return r, cmp.Or(err, s.doom(context.WithoutCancel(ctx), id, false))
	}
	return r, cmp.Or(err, s.Store.Update(context.WithoutCancel(ctx), func(tx store.Tx) error { return shelves.Delete(tx, id) }))
}
