package archive

import (
	"context"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// files has what is in the archive, by the session's key.
const files = store.Table[ArchiveInfo]("sessions.files")

// ArchiveInfo is a conversation in the archive. Times are in Unix milliseconds.
type ArchiveInfo struct {
	Key       session.Key `json:"key"`
	SessionID string      `json:"sessionId"`
	Label     string      `json:"label,omitempty"`
	// MessageCount is how many messages the file has, ArchiveSize how many bytes it has.
	MessageCount uint64 `json:"messageCount"`
	ArchiveSize  int64  `json:"archiveSize"`
	CreatedAt    int64  `json:"createdAt"`
	UpdatedAt    int64  `json:"updatedAt"`
	ArchivedAt   int64  `json:"archivedAt"`
	// File is a name in the folder of archives, and Sum the SHA-256 of what it holds.
	File string `json:"file"`
	Sum  string `json:"sum"`
	// HistoryDeleted says that the file alone has the history.
	HistoryDeleted bool `json:"historyDeleted"`
}

// ArchiveParams name a session. A run of it that is under way is aborted first.
type ArchiveParams struct {
	Key     string `json:"key" rpc:"required,min=1"`
	AgentID string `json:"agentId,omitempty" rpc:"min=1"`
	// DeleteHistory takes the conversation out of the store: the file alone has it then.
	DeleteHistory bool `json:"deleteHistory,omitempty"`
}

// ArchiveResult says what is in the archive now.
type ArchiveResult struct {
	OK       bool        `json:"ok"`
	Key      session.Key `json:"key"`
	Archived bool        `json:"archived"`
	// Reason is not_found or already_archived.
	Reason string `json:"reason,omitempty"`
	// ArchivePath is a name in the folder of archives.
	ArchivePath    string `json:"archivePath,omitempty"`
	MessageCount   uint64 `json:"messageCount"`
	ArchiveSize    int64  `json:"archiveSize"`
	ArchivedAt     int64  `json:"archivedAt,omitempty"`
	HistoryDeleted bool   `json:"historyDeleted"`
}

func (s *Service) archive(ctx context.Context, p ArchiveParams) (ArchiveResult, error) {
	res := ArchiveResult{OK: true}
	key, err := s.sessions.Settings().ParseKey(p.Key, p.AgentID)
	if err != nil {
		return ArchiveResult{}, err
	}
	res.Key = key
	info, gone, err := s.putAway(ctx, key, p.DeleteHistory)
	switch wit.CodeOf(err) {
	case "":
	case wit.CodeNotFound:
		res.Reason = "not_found"
		return res, nil
	case wit.CodeConflict:
		if info.File == "" {
			return ArchiveResult{}, err
		}
		res.Reason = "already_archived"
		return res, nil
	default:
		return ArchiveResult{}, err
	}
	if p.DeleteHistory {
		s.ports.Ended(ctx, gone, wit.SessionEndingDeleted)
	}
	res.Archived, res.ArchivePath, res.MessageCount, res.ArchiveSize = true, info.File, info.MessageCount, info.ArchiveSize
	res.ArchivedAt, res.HistoryDeleted = info.ArchivedAt, info.HistoryDeleted
	return res, nil
}

// putAway writes a session into the archive while none of its runs is running. The file is there before anything is
// deleted. Errors: CodeNotFound; CodeConflict, with what is in the archive already, or while it is too busy.
func (s *Service) putAway(ctx context.Context, key session.Key, whole bool) (info ArchiveInfo, e session.Entry, err error) {
	var before ArchiveInfo
	err = session.Quiet(ctx, s.ports.Runs, key, whole, func() error {
		if before, err = s.archivedAs(ctx, key, whole); err != nil {
			info = before
			return err
		}
		if e, info, err = s.writeArchive(ctx, key); err != nil {
			return err
		}
		var earlier []ArchiveInfo
		var known []string
		if info.HistoryDeleted = whole; whole {
			if earlier, known, err = s.writeEarlier(ctx, e); err != nil {
				s.discard([]ArchiveInfo{info})
				return err
			}
		}
		if err := s.store.Update(ctx, func(tx store.Tx) error {
			if err := s.shelve(tx, e, info); err != nil {
				return err
			}
			return release(tx, e.Key, earlier, known)
		}); err != nil {
			s.discard(append(earlier, info))
			info = ArchiveInfo{}
			return err
		}
		return nil
	})
	if err != nil {
		return info, e, err
	}
	s.sessions.Changed(key, "archive")
	if before.SessionID == info.SessionID && before.File != info.File {
		_ = s.folder.Remove(before.File) // the new one has all of it
	}
	if whole {
		err = s.sessions.Sweep(ctx)
	}
	return info, e, err
}

// archivedAs tells what the archive has under a session's key, the zero value for nothing. It fails with CodeConflict where
// there is nothing more to put away.
func (s *Service) archivedAs(ctx context.Context, key session.Key, whole bool) (info ArchiveInfo, err error) {
	err = s.store.View(ctx, func(tx store.Tx) error {
		if _, info, err = inArchive(tx, key, ""); err != nil {
			info = ArchiveInfo{}
			if store.Damaged(err) {
				return nil
			}
			return ignoreNotFound(err)
		}
		e, err := session.Get(tx, key)
		if err == nil && (whole || e.SessionID != info.SessionID || !e.Archived()) {
			return nil
		}
		if err = ignoreNotFound(err); err != nil {
			return err
		}
		return wit.Errorf(wit.CodeConflict, "session %s is in the archive already", key)
	})
	return info, err
}

// shelve notes what was written of an entry, and puts the session away.
func (s *Service) shelve(tx store.Tx, e session.Entry, info ArchiveInfo) error {
	now, err := session.Get(tx, e.Key)
	if err != nil {
		return err
	}
	if now.SessionID != e.SessionID || now.Last != e.Last {
		return wit.Errorf(wit.CodeConflict, "something was said in session %s meanwhile: try again", e.Key)
	}
	if err := keepEarlier(tx, info); err != nil {
		return err
	}
	if err := files.Put(tx, string(e.Key), info); err != nil {
		return err
	}
	if !info.HistoryDeleted {
		now.SetArchived(true)
		return session.Put(tx, now)
	}
	if err := s.sessions.Remove(tx, e.Key, false); err != nil {
		return err
	}
	return session.Release(tx, e.Key, e.SessionID)
}

// release notes the files of a session's earlier histories, and gives these up.
func release(tx store.Tx, key session.Key, infos []ArchiveInfo, known []string) error {
	for _, info := range infos {
		if err := files.Put(tx, archiveKey(key, info.SessionID), info); err != nil {
			return err
		}
		known = append(known, info.SessionID)
	}
	for _, id := range known {
		if err := session.Release(tx, key, id); err != nil {
			return err
		}
	}
	return nil
}

// keepEarlier lets what the archive has of another conversation with this key go on being listed, under its session id.
func keepEarlier(tx store.Tx, info ArchiveInfo) error {
	before, err := files.Get(tx, string(info.Key))
	switch {
	case wit.CodeOf(err) == wit.CodeNotFound || store.Damaged(err):
		return nil
	case err != nil || before.SessionID == info.SessionID:
		return err
	}
	return files.Put(tx, archiveKey(info.Key, before.SessionID), before)
}

// archiveKey is where the archive has an earlier conversation with a key.
func archiveKey(key session.Key, sessionID string) string { return string(key) + "\x00" + sessionID }

// inArchive finds what the archive has under a key: of the session id, if that is given, else the last. Errors:
// CodeNotFound.
func inArchive(tx store.Tx, key session.Key, sessionID string) (at string, info ArchiveInfo, err error) {
	at = string(key)
	info, err = files.Get(tx, at)
	if sessionID == "" || err == nil && info.SessionID == sessionID {
		return at, info, err
	}
	if !session.ValidID(sessionID) {
		return at, info, wit.Errorf(wit.CodeNotFound, "the archive has no session with the id %.40q", sessionID)
	}
	at = archiveKey(key, sessionID)
	info, err = files.Get(tx, at)
	return at, info, err
}

// RestoreResult says what came back.
type RestoreResult struct {
	OK       bool        `json:"ok"`
	Key      session.Key `json:"key"`
	Restored bool        `json:"restored"`
	// Reason is not_archived.
	Reason       string `json:"reason,omitempty"`
	MessageCount uint64 `json:"messageCount"`
	RestoredAt   int64  `json:"restoredAt,omitempty"`
}

// ArchivedParams name a conversation in the archive.
type ArchivedParams struct {
	Key     string `json:"key" rpc:"required,min=1"`
	AgentID string `json:"agentId,omitempty" rpc:"min=1"`
	// SessionID is meant where the archive has several with this key; the last when it is left out.
	SessionID string `json:"sessionId,omitempty" rpc:"min=1"`
}

// restore brings a session back. Its file stays until it is deleted. Errors: CodeConflict where another conversation has
// the key by now; as readArchive's.
func (s *Service) restore(ctx context.Context, p ArchivedParams) (RestoreResult, error) {
	res := RestoreResult{OK: true}
	key, err := s.sessions.Settings().ParseKey(p.Key, p.AgentID)
	if err != nil {
		return RestoreResult{}, err
	}
	res.Key = key
	var info ArchiveInfo
	var there *session.Entry
	var at string
	err = s.store.View(ctx, func(tx store.Tx) (err error) {
		there = nil
		if at, info, err = inArchive(tx, key, p.SessionID); err != nil {
			return err
		}
		e, err := session.Get(tx, key)
		if err == nil {
			there = &e
		}
		return ignoreNotFound(err)
	})
	if wit.CodeOf(err) == wit.CodeNotFound {
		res.Reason = "not_archived"
		return res, s.sessions.Settings().Answers(key, "")
	}
	if err != nil {
		return RestoreResult{}, err
	}
	if there == nil || there.SessionID == info.SessionID {
		err = s.bringBack(ctx, at, info, there)
	} else {
		err = wit.Errorf(wit.CodeConflict, "there is another conversation %s by now: archive or delete it, then restore", key)
	}
	if err != nil {
		return RestoreResult{}, err
	}
	s.sessions.Changed(key, "restore")
	res.Restored, res.MessageCount, res.RestoredAt = true, info.MessageCount, time.Now().UnixMilli()
	return res, nil
}

// bringBack takes the mark off a session that is there, or makes it from its file.
func (s *Service) bringBack(ctx context.Context, at string, info ArchiveInfo, there *session.Entry) error {
	if there != nil {
		return s.store.Update(ctx, func(tx store.Tx) error {
			e, err := session.Get(tx, info.Key)
			if err != nil {
				return err
			}
			e.SetArchived(false)
			return session.Put(tx, e)
		})
	}
	h, messages, err := s.readArchive(info)
	if err != nil {
		return err
	}
	var sum session.Summary
	if h.Summary != nil {
		sum = *h.Summary
	}
	return s.store.Update(ctx, func(tx store.Tx) error {
		if err := session.Remake(tx, h.Entry, sum, messages); err != nil {
			return err
		}
		info.HistoryDeleted = false
		return files.Put(tx, at, info)
	})
}

// ArchivesParams ask for a page of the archive.
type ArchivesParams struct {
	// Limit is 100 when left out, at most 1,000.
	Limit  int `json:"limit,omitempty" rpc:"min=1"`
	Offset int `json:"offset,omitempty" rpc:"min=0"`
}

// ArchivesResult is a page of the archive, in the order of the keys.
type ArchivesResult struct {
	// Ts is in Unix milliseconds.
	Ts    int64 `json:"ts"`
	Total int   `json:"total"`
	Count int   `json:"count"`
	// Archives are those of the page.
	Archives []ArchiveInfo `json:"archives"`
}

func (s *Service) listArchives(ctx context.Context, p ArchivesParams) (ArchivesResult, error) {
	res := ArchivesResult{Ts: time.Now().UnixMilli(), Archives: []ArchiveInfo{}}
	limit := 100
	if p.Limit > 0 {
		limit = min(p.Limit, 1000)
	}
	err := s.store.View(ctx, func(tx store.Tx) error {
		for row, err := range files.Scan(tx, store.Range{}) {
			if s.skips.Skip(err) {
				continue
			}
			if err != nil {
				return err
			}
			if res.Total++; res.Total > p.Offset && len(res.Archives) < limit {
				res.Archives = append(res.Archives, row.Value)
			}
		}
		return nil
	})
	res.Count = len(res.Archives)
	return res, err
}

// ArchiveDeleteResult says whether there was such an archive.
type ArchiveDeleteResult struct {
	OK      bool        `json:"ok"`
	Key     session.Key `json:"key"`
	Deleted bool        `json:"deleted"`
	// Reason is not_archived.
	Reason string `json:"reason,omitempty"`
}

// deleteArchive takes a session's file out of the archive, for good.
func (s *Service) deleteArchive(ctx context.Context, p ArchivedParams) (ArchiveDeleteResult, error) {
	res := ArchiveDeleteResult{OK: true}
	key, err := s.sessions.Settings().ParseKey(p.Key, p.AgentID)
	if err != nil {
		return ArchiveDeleteResult{}, err
	}
	res.Key = key
	var info ArchiveInfo
	err = s.store.Update(ctx, func(tx store.Tx) (err error) {
		var at string
		if at, info, err = inArchive(tx, key, p.SessionID); err != nil {
			return err
		}
		return files.Delete(tx, at)
	})
	if wit.CodeOf(err) == wit.CodeNotFound {
		res.Reason = "not_archived"
		return res, s.sessions.Settings().Answers(key, "")
	}
	if err != nil {
		return ArchiveDeleteResult{}, err
	}
	res.Deleted = true
	return res, s.folder.Remove(info.File)
}

func ignoreNotFound(err error) error {
	if wit.CodeOf(err) == wit.CodeNotFound {
		return nil
	}
	return err
}
