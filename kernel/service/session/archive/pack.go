package archive

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/service/session/transfer"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// head is the first line of a file in the archive; each other one is a message as in an export.
type head struct {
	transfer.Head
	Entry   session.Entry    `json:"entry"`
	Summary *session.Summary `json:"summary,omitempty"`
}

// writeArchive writes a session's present history into a file of its own.
func (s *Service) writeArchive(ctx context.Context, key session.Key) (e session.Entry, info ArchiveInfo, err error) {
	if err = s.store.View(ctx, func(tx store.Tx) error {
		e, err = s.sessions.Lookup(tx, key)
		return err
	}); err != nil {
		return e, info, err
	}
	info, err = s.writeHistory(ctx, e)
	return e, info, err
}

// writeEarlier writes each earlier history of a session that the archive does not have into a file of its own. known are those that
// it has, or of which nothing is to be kept. On an error there are no files.
func (s *Service) writeEarlier(ctx context.Context, e session.Entry) (infos []ArchiveInfo, known []string, err error) {
	var list []session.Entry
	if err := s.store.View(ctx, func(tx store.Tx) error {
		list, known = nil, nil
		all, err := session.Earlier(tx, e)
		if err != nil {
			return err
		}
		for _, one := range all {
			_, _, err := inArchive(tx, e.Key, one.SessionID)
			switch {
			case err == nil || one.Last == 0:
				known = append(known, one.SessionID)
			case store.Damaged(err) || wit.CodeOf(err) == wit.CodeNotFound:
				list = append(list, one)
			default:
				return err
			}
		}
		return nil
	}); err != nil {
		return nil, nil, err
	}
	for _, one := range list {
		info, err := s.writeHistory(ctx, one)
		if err != nil {
			s.discard(infos)
			return nil, nil, err
		}
		info.HistoryDeleted = true
		infos = append(infos, info)
	}
	return infos, known, nil
}

// discard removes files of which nobody knows.
func (s *Service) discard(infos []ArchiveInfo) {
	for _, info := range infos {
		_ = s.folder.Remove(info.File)
	}
}

// writeHistory writes one history into a file of its own.
func (s *Service) writeHistory(ctx context.Context, e session.Entry) (info ArchiveInfo, err error) {
	var packed bytes.Buffer
	if err := s.store.View(ctx, func(tx store.Tx) error {
		packed.Reset()
		return s.pack(tx, e, &packed)
	}); err != nil {
		return info, err
	}
	sum := sha256.Sum256(packed.Bytes())
	now := time.Now()
	info = ArchiveInfo{
		Key: e.Key, SessionID: e.SessionID, Label: e.Label, MessageCount: e.Last, ArchiveSize: int64(packed.Len()), CreatedAt: e.Created,
		UpdatedAt: e.Updated, ArchivedAt: now.UnixMilli(), Sum: hex.EncodeToString(sum[:]),
		File: e.SessionID + "-" + now.UTC().Format("20060102T150405.000") + ".jsonl.gz",
	}
	return info, s.folder.Write(info.File, packed.Bytes())
}

// pack writes the lines of a session, compressed.
func (s *Service) pack(tx store.Tx, e session.Entry, to *bytes.Buffer) error {
	z := gzip.NewWriter(to)
	lines := json.NewEncoder(z)
	h := head{
		Head: transfer.Head{Type: "session", Version: 1, Key: e.Key, SessionID: e.SessionID, Label: e.Label, Messages: e.Last, Updated: e.Updated}, Entry: e,
	}
	sum, err := session.SummaryOf(tx, e.SessionID)
	if err != nil {
		return err
	}
	if sum.Through > 0 {
		h.Summary = &sum
	}
	if err := lines.Encode(h); err != nil {
		return wit.Errorf(wit.CodeInternal, "archive: %w", err)
	}
	for m, err := range s.sessions.History(tx, e.SessionID, 0) {
		if err != nil {
			return err
		}
		if err := lines.Encode(transfer.Line{Type: "message", Message: m}); err != nil {
			return wit.Errorf(wit.CodeInternal, "archive: %w", err)
		}
		if to.Len() > maxArchive {
			return wit.Errorf(wit.CodeTooLarge, "session %s is too long for the archive: at most %d bytes fit, compressed", e.Key, maxArchive)
		}
	}
	if err := z.Close(); err != nil {
		return wit.Errorf(wit.CodeInternal, "archive: %w", err)
	}
	return nil
}

// readArchive reads a file of the archive. Errors: CodeNotFound where it is gone; CodeInvalid for one that somebody has
// changed or that is damaged; CodeTooLarge.
func (s *Service) readArchive(info ArchiveInfo) (h head, messages []session.Message, err error) {
	data, err := s.folder.Read(info.File)
	if err != nil {
		return h, nil, err
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != info.Sum {
		return h, nil, wit.Errorf(wit.CodeInvalid, "the file %s is not what was put into the archive: put back the one that was, or delete it there", info.File)
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return h, nil, errArchive(info, err)
	}
	lines := bufio.NewScanner(io.LimitReader(z, maxUnpacked))
	lines.Buffer(nil, maxLine)
	if !lines.Scan() {
		return h, nil, errArchive(info, orShort(lines.Err()))
	}
	if err := json.Unmarshal(lines.Bytes(), &h); err != nil {
		return h, nil, errArchive(info, err)
	}
	for lines.Scan() {
		var line transfer.Line
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return h, nil, errArchive(info, err)
		}
		messages = append(messages, line.Message)
	}
	if err := lines.Err(); err != nil {
		return h, nil, errArchive(info, err)
	}
	return h, messages, nil
}

func errArchive(info ArchiveInfo, err error) error {
	return wit.Errorf(wit.CodeInvalid, "the file %s of the archive cannot be read: %w", info.File, err)
}

// orShort is err, or that a file ended too early.
func orShort(err error) error {
	if err == nil {
		return io.ErrUnexpectedEOF
	}
	return err
}
