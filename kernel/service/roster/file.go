package roster

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Names are those of the texts that an agent may have, in the order in which they stand in its prompt.
func Names() []string {
	return []string{"AGENTS.md", "SOUL.md", "IDENTITY.md", "TOOLS.md", "USER.md", "MEMORY.md"}
}

// Private reports whether a text is for conversations with the owner alone: what is about them.
func Private(name string) bool { return name == "USER.md" || name == "MEMORY.md" }

// Bounds of the texts of an agent, in bytes. They go to the model with each request.
const (
	maxFile  = 32 << 10
	maxFiles = 64 << 10
)

// file is one text.
type file struct {
	Content   string `json:"content"`
	UpdatedAt int64  `json:"updatedAt"`
}

// shelf has the texts of an agent, by their names.
type shelf struct {
	Files map[string]file `json:"files"`
	// Doomed says that they go with their agent, which is about to leave the config file.
	Doomed bool `json:"doomed,omitempty"`
}

const shelves = store.Table[shelf]("agents.files")

// read returns the shelf of an agent, also where there is none.
func read(tx store.Tx, agent string) (shelf, error) {
	sh, err := shelves.Get(tx, agent)
	if wit.CodeOf(err) == wit.CodeNotFound || store.Damaged(err) {
		return shelf{Files: map[string]file{}}, nil
	}
	return sh, err
}

// Text is one text of an agent.
type Text struct{ Name, Content string }

// Texts are those of an agent, in the order in which they stand in its prompt, without the private ones unless these are
// wanted. Errors: the store's.
func (s *Service) Texts(ctx context.Context, agent string, private bool) (list []Text, err error) {
	sh, err := s.shelf(ctx, agent)
	for _, name := range Names() {
		if f, ok := sh.Files[name]; ok && (private || !Private(name)) {
			list = append(list, Text{name, f.Content})
		}
	}
	return list, err
}

// shelf is read, without being changed, unless it is the one that was read last: each run asks for its agent's. Errors: the store's.
func (s *Service) shelf(ctx context.Context, agent string) (shelf, error) {
	version := shelves.Version(s.Store) // before it is read
	if last := s.last.Load(); last != nil && last.version == version && last.agent == agent {
		return last.shelf, nil
	}
	var sh shelf
	err := s.Store.View(ctx, func(tx store.Tx) (err error) {
		sh, err = read(tx, agent)
		return err
	})
	if err == nil {
		s.last.Store(&kept{version, agent, sh})
	}
	return sh, err
}

// kept is an agent's shelf at a version of the table.
type kept struct {
	version uint64
	agent   string
	shelf   shelf
}

// settle finishes what a crash, or a store that failed, has left half done: texts that go with their agent are gone if it is,
// and stay if it does. The caller holds mu.
func (s *Service) settle(ctx context.Context) error {
	c := s.Settings.Config()
	return s.Store.Update(ctx, func(tx store.Tx) error {
		doomed := map[string]shelf{}
		for row, err := range shelves.Scan(tx, store.Range{}) {
			if err != nil && !store.Damaged(err) {
				return err
			}
			if err == nil && row.Value.Doomed {
				doomed[row.Key] = row.Value
			}
		}
		for agent, sh := range doomed {
			err := shelves.Delete(tx, agent)
			if c.UnknownAgent(agent) == nil {
				sh.Doomed = false
				err = shelves.Put(tx, agent, sh)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// doom marks the texts of an agent that is about to go, or takes the mark away.
func (s *Service) doom(ctx context.Context, agent string, doomed bool) error {
	return s.Store.Update(ctx, func(tx store.Tx) error {
		sh, err := read(tx, agent)
		if err != nil || len(sh.Files) == 0 || sh.Doomed == doomed {
			return err
		}
		sh.Doomed = doomed
		return shelves.Put(tx, agent, sh)
	})
}

// known is an agent's id as keys have it. Errors: CodeNotFound for one that there is not.
func (s *Service) known(agent string) (string, error) {
	if err := s.Settings.Config().UnknownAgent(agent); err != nil {
		return "", wit.NewError(wit.CodeNotFound, wit.AsError(err).Message)
	}
	return config.AgentID(agent), nil
}

// FileParams name a text of an agent.
type FileParams struct {
	AgentID string `json:"agentId" rpc:"required,min=1,max=64"`
	Name    string `json:"name" rpc:"required,min=1,max=64"`
}

// FilesParams name an agent.
type FilesParams struct {
	AgentID string `json:"agentId" rpc:"required,min=1,max=64"`
}

// File is one text of an agent.
type File struct {
	Name string `json:"name"`
	// Path names it among all; it is in the store, and in no folder.
	Path string `json:"path"`
	// Missing says that the agent does not have it.
	Missing bool `json:"missing"`
	// Size is in bytes, UpdatedAtMs in Unix milliseconds.
	Size        int   `json:"size,omitempty"`
	UpdatedAtMs int64 `json:"updatedAtMs,omitempty"`
	// Content is there where one text was asked for.
	Content *string `json:"content,omitempty"`
}

// FilesResult lists the texts of an agent, and those that it may have.
type FilesResult struct {
	AgentID   string `json:"agentId"`
	Workspace string `json:"workspace"`
	Files     []File `json:"files"`
}

// FileResult is one text of an agent.
type FileResult struct {
	AgentID   string `json:"agentId"`
	Workspace string `json:"workspace"`
	File      File   `json:"file"`
}

// SetFileResult is a text as it was written.
type SetFileResult struct {
	OK bool `json:"ok"`
	FileResult
}

// workspace names the texts of an agent where clients expect a folder.
func workspace(agent string) string { return "agents/" + agent }

func shown(agent, name string, sh shelf) File {
	f, ok := sh.Files[name]
	return File{Name: name, Path: workspace(agent) + "/" + name, Missing: !ok, Size: len(f.Content), UpdatedAtMs: f.UpdatedAt}
}

func (s *Service) listFiles(ctx context.Context, p FilesParams) (FilesResult, error) {
	agent, err := s.known(p.AgentID)
	r := FilesResult{AgentID: agent, Workspace: workspace(agent)}
	if err != nil {
		return r, err
	}
	err = s.Store.View(ctx, func(tx store.Tx) error {
		sh, err := read(tx, agent)
		r.Files = []File{}
		for _, name := range Names() {
			r.Files = append(r.Files, shown(agent, name, sh))
		}
		return err
	})
	return r, err
}

func (s *Service) getFile(ctx context.Context, p FileParams) (FileResult, error) {
	agent, err := s.known(p.AgentID)
	r := FileResult{AgentID: agent, Workspace: workspace(agent)}
	if err == nil {
		err = supported(p.Name)
	}
	if err != nil {
		return r, err
	}
	err = s.Store.View(ctx, func(tx store.Tx) error {
		sh, err := read(tx, agent)
		r.File = shown(agent, p.Name, sh)
		if f, ok := sh.Files[p.Name]; ok {
			r.File.Content = &f.Content
		}
		return err
	})
	return r, err
}

// SetFileParams are a text of an agent as it is to be; an empty one is taken away. It has at most 32 KiB, and all of an agent
// together 64 KiB.
type SetFileParams struct {
	FileParams
	Content string `json:"content"`
}

func (s *Service) setFile(ctx context.Context, p SetFileParams) (SetFileResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	agent, err := s.known(p.AgentID)
	r := SetFileResult{OK: true, FileResult: FileResult{AgentID: agent, Workspace: workspace(agent)}}
	if err == nil {
		err = supported(p.Name)
	}
	switch {
	case err != nil:
		return r, err
	case len(p.Content) > maxFile:
		return r, wit.Errorf(wit.CodeTooLarge, "%s has %d bytes, and the model reads it with each request: at most %d fit", p.Name, len(p.Content), maxFile)
	case !utf8.ValidString(p.Content) || strings.ContainsRune(p.Content, 0):
		return r, wit.Errorf(wit.CodeInvalid, "%s is no text in UTF-8", p.Name)
	}
	err = s.Store.Update(ctx, func(tx store.Tx) error {
		sh, err := read(tx, agent)
		if err != nil {
			return err
		}
		if p.Content == "" {
			delete(sh.Files, p.Name)
		} else {
			sh.Files[p.Name] = file{p.Content, time.Now().UnixMilli()}
		}
		total := 0
		for _, f := range sh.Files {
			total += len(f.Content)
		}
		if total > maxFiles {
			return wit.Errorf(wit.CodeTooLarge, "the texts of agent %s would have %d bytes together, and the model reads them with each request: at most %d fit", agent, total, maxFiles)
		}
		r.File = shown(agent, p.Name, sh)
		r.File.Content = &p.Content
		return shelves.Put(tx, agent, sh)
	})
	return r, err
}

// supported refuses a name that no text of an agent has. Errors: CodeInvalid.
func supported(name string) error {
	if slices.Contains(Names(), name) {
		return nil
	}
	return wit.Errorf(wit.CodeInvalid, "unsupported file %.64q: an agent may have %s", name, strings.Join(Names(), ", "))
}
