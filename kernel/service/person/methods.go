package person

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of a page of an export: in lines, and in bytes, about.
const (
	pageLines = 500
	pageBytes = 512 << 10
)

// ExportParams name a person.
type ExportParams struct {
	// UserID is channel:id with the platform's id, such as chat:4711.
	UserID string `json:"userId" rpc:"required,min=3,max=512"`
	// Cursor comes from the page before; empty starts.
	Cursor string `json:"cursor,omitempty"`
	// Limit is the most lines of a page; 500 when left out, at most 1,000.
	Limit int `json:"limit,omitempty" rpc:"min=1,max=1000"`
}

// ExportResult is a page of what is known of a person: JSON objects with a type. What changes between two pages may come
// twice or not at all.
type ExportResult struct {
	OK     bool              `json:"ok"`
	UserID string            `json:"userId"`
	Data   []json.RawMessage `json:"data"`
	// Cursor asks for the next page and is empty on the last.
	Cursor string `json:"cursor,omitempty"`
	// Warnings say what may be known of a person and is not here.
	Warnings []string `json:"warnings"`
}

// PurgeParams name a person.
type PurgeParams struct {
	UserID string `json:"userId" rpc:"required,min=3,max=512"`
}

// PurgeResult says what was removed.
type PurgeResult struct {
	OK     bool   `json:"ok"`
	UserID string `json:"userId"`
	// SessionsDeleted counts the person's own conversations, SessionsTotal those and the messages that were blanked in others.
	SessionsDeleted int `json:"sessionsDeleted"`
	SessionsTotal   int `json:"sessionsTotal"`
	// Removed counts records, by who had them.
	Removed  map[string]int `json:"removed"`
	Warnings []string       `json:"warnings"`
}

// warnings are what nobody can tell to be a person's.
func warnings() []string {
	return []string{
		"what others, or the assistant, have said about the person stays where it was said",
		"what plugins keep of the person, and what the logs and backups have, is not touched",
	}
}

// party reads who is meant. Errors: CodeInvalid.
func party(userID string) (message.Party, error) {
	channel, id, ok := strings.Cut(userID, ":")
	if !ok || channel == "" || strings.TrimSpace(id) == "" {
		return message.Party{}, wit.Errorf(wit.CodeInvalid, "%.80q names nobody: write channel:id with the platform's id, such as chat:4711", userID)
	}
	return message.Party{Channel: channel, ID: id}, nil
}

// errFull says that a page has all that fits.
var errFull = errors.New("the page is full")

func (s *Service) export(ctx context.Context, p ExportParams) (ExportResult, error) {
	res := ExportResult{OK: true, UserID: p.UserID, Data: []json.RawMessage{}, Warnings: warnings()}
	who, err := party(p.UserID)
	if err != nil {
		return ExportResult{}, err
	}
	from := 0
	if p.Cursor != "" {
		if from, err = strconv.Atoi(p.Cursor); err != nil || from < 0 {
			return ExportResult{}, wit.Errorf(wit.CodeInvalid, "invalid sessions.export_user params: %.40q is not a cursor", p.Cursor)
		}
	}
	if err := s.Meet(ctx, &who); err != nil {
		return ExportResult{}, err
	}
	at, size, limit := 0, 0, cmp.Or(p.Limit, pageLines)
	yield := func(line any) error {
		if at++; at <= from {
			return nil
		}
		if len(res.Data) == limit || size > pageBytes {
			return errFull
		}
		b, err := json.Marshal(line)
		if err != nil {
			return wit.Errorf(wit.CodeInternal, "sessions.export_user: %w", err)
		}
		size += len(b)
		res.Data = append(res.Data, b)
		return nil
	}
	for _, h := range s.Holders {
		err := h.Lines(ctx, who, yield)
		if errors.Is(err, errFull) {
			res.Cursor = strconv.Itoa(from + len(res.Data))
			return res, nil
		}
		if err != nil {
			return ExportResult{}, err
		}
	}
	return res, nil
}

func (s *Service) purge(ctx context.Context, p PurgeParams) (PurgeResult, error) {
	who, err := party(p.UserID)
	if err != nil {
		return PurgeResult{}, err
	}
	one := removal{Party: who, Begun: time.Now().UnixMilli()}
	if err := s.Meet(ctx, &one.Party); err != nil {
		return PurgeResult{}, err
	}
	keys := len(one.Party.Keys)
	if err := s.Store.Update(ctx, func(tx store.Tx) error {
		before, err := removals.Get(tx, hash(who))
		if err == nil { // a crash has cut it: what was known then is gone from the sessions
			one.Party.Rooms = append(one.Party.Rooms, before.Party.Rooms...)
			one.Party.Keys = append(one.Party.Keys, before.Party.Keys...)
			one.Party.Media = append(one.Party.Media, before.Party.Media...)
		} else if wit.CodeOf(err) != wit.CodeNotFound && !store.Damaged(err) {
			return err
		}
		return removals.Put(tx, hash(who), one)
	}); err != nil {
		return PurgeResult{}, err
	}
	a, err := s.remove(ctx, one)
	if err != nil {
		return PurgeResult{}, err
	}
	return PurgeResult{OK: true, UserID: p.UserID, SessionsDeleted: keys, SessionsTotal: a.Removed["sessions"], Removed: a.Removed, Warnings: warnings()}, nil
}
