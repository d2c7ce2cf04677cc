package session

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/kernel/file"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of a file in the archive, in bytes: as it is on disk, and unpacked.
const (
	maxArchive  = 256 << 20
	maxUnpacked = 512 << 20
	maxLine     = 8 << 20
)

// Folder keeps the files of the archive. It is safe for concurrent use.
type Folder interface {
	// Write keeps data under a name, all of it or nothing.
	Write(name string, data []byte) error
	// Read returns what Write kept, or CodeNotFound.
	Read(name string) ([]byte, error)
	// Remove forgets it. A name that there is not is no error.
	Remove(name string) error
}

// Dir is a Folder on disk, which is made with its first file.
type Dir string

// Write implements Folder.
func (d Dir) Write(name string, data []byte) error {
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return wit.Errorf(wit.CodeUnavailable, "the folder of archives cannot be made: %w", err)
	}
	if err := file.Replace(filepath.Join(string(d), name), data, 0o600); err != nil {
		return wit.Errorf(wit.CodeUnavailable, "the archive cannot be written: %w", err)
	}
	return nil
}

// Read implements Folder.
func (d Dir) Read(name string) ([]byte, error) {
	data, err := file.Read(filepath.Join(string(d), name), maxArchive)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, wit.Errorf(wit.CodeNotFound, "the archive has lost the file %s: put it back into the folder", name)
	}
	return data, err
}

// Remove implements Folder.
func (d Dir) Remove(name string) error {
	if err := os.Remove(filepath.Join(string(d), name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return wit.Errorf(wit.CodeUnavailable, "the archive cannot be deleted: %w", err)
	}
	return nil
}

// Memory is a Folder that is gone with the process. The zero value is ready.
type Memory struct {
	mu    sync.Mutex
	files map[string][]byte
}

// Write implements Folder.
func (m *Memory) Write(name string, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.files == nil {
		m.files = map[string][]byte{}
	}
	m.files[name] = bytes.Clone(data)
	return nil
}

// Read implements Folder.
func (m *Memory) Read(name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.files[name]
	if !ok {
		return nil, wit.Errorf(wit.CodeNotFound, "the archive has lost the file %s", name)
	}
	return data, nil
}

// Remove implements Folder.
func (m *Memory) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.files, name)
	return nil
}

// archiveHead is the first line of a file in the archive; each other one is an exportLine.
type archiveHead struct {
	exportHead
	Entry   Entry    `json:"entry"`
	Summary *Summary `json:"summary,omitempty"`
}

// writeArchive writes a session's present history into a file of its own.
func (s *Service) writeArchive(ctx context.Context, key Key) (e Entry, info ArchiveInfo, err error) {
	var packed bytes.Buffer
	err = s.store.View(ctx, func(tx store.Tx) error {
		packed.Reset()
		if e, err = s.Lookup(tx, key); err != nil {
			return err
		}
		return s.pack(tx, e, &packed)
	})
	if err != nil {
		return e, info, err
	}
	sum := sha256.Sum256(packed.Bytes())
	now := time.Now()
	info = ArchiveInfo{
		Key: key, SessionID: e.SessionID, Label: e.Label, MessageCount: e.Last, ArchiveSize: int64(packed.Len()), CreatedAt: e.Created,
		UpdatedAt: e.Updated, ArchivedAt: now.UnixMilli(), Sum: hex.EncodeToString(sum[:]),
		File: e.SessionID + "-" + now.UTC().Format("20060102T150405.000") + ".jsonl.gz",
	}
	return e, info, s.folder.Write(info.File, packed.Bytes())
}

// pack writes the lines of a session, compressed.
func (s *Service) pack(tx store.Tx, e Entry, to *bytes.Buffer) error {
	z := gzip.NewWriter(to)
	lines := json.NewEncoder(z)
	head := archiveHead{
		exportHead: exportHead{Type: "session", Version: 1, Key: e.Key, SessionID: e.SessionID, Label: e.Label, Messages: e.Last, Updated: e.Updated}, Entry: e,
	}
	sum, err := SummaryOf(tx, e.SessionID)
	if err != nil {
		return err
	}
	if sum.Through > 0 {
		head.Summary = &sum
	}
	if err := lines.Encode(head); err != nil {
		return wit.Errorf(wit.CodeInternal, "archive: %w", err)
	}
	for m, err := range s.scan(tx, store.Range{Prefix: e.SessionID + "/"}) {
		if err != nil {
			return err
		}
		if err := lines.Encode(exportLine{"message", m}); err != nil {
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
func (s *Service) readArchive(info ArchiveInfo) (head archiveHead, messages []Message, err error) {
	data, err := s.folder.Read(info.File)
	if err != nil {
		return head, nil, err
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != info.Sum {
		return head, nil, wit.Errorf(wit.CodeInvalid, "the file %s is not what was put into the archive: put back the one that was, or delete it there", info.File)
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return head, nil, errArchive(info, err)
	}
	lines := bufio.NewScanner(io.LimitReader(z, maxUnpacked))
	lines.Buffer(nil, maxLine)
	if !lines.Scan() {
		return head, nil, errArchive(info, orShort(lines.Err()))
	}
	if err := json.Unmarshal(lines.Bytes(), &head); err != nil {
		return head, nil, errArchive(info, err)
	}
	for lines.Scan() {
		var line exportLine
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return head, nil, errArchive(info, err)
		}
		messages = append(messages, line.Message)
	}
	if err := lines.Err(); err != nil {
		return head, nil, errArchive(info, err)
	}
	return head, messages, nil
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

// remake makes a session of what was read from the archive, with the numbers and times that it had.
func (s *Service) remake(tx store.Tx, head archiveHead, messages []Message) error {
	e := head.Entry
	id, err := claim(tx, e.Key, e.SessionID)
	if err != nil {
		return err
	}
	e.SessionID, e.at, e.called = id, "", ""
	if e.LastRunState == RunRunning {
		e.LastRunState = RunAborted
	}
	delete(e.More, "archived")
	if err := unique(tx, e.Key, e.Label, true); wit.CodeOf(err) == wit.CodeConflict {
		e.Label = ""
	} else if err != nil {
		return err
	}
	for _, m := range messages {
		if err := history.Put(tx, messageKey(id, m.Number), m); err != nil {
			return err
		}
		e.Last = max(e.Last, m.Number)
	}
	if head.Summary != nil {
		if err := summaries.Put(tx, id, *head.Summary); err != nil {
			return err
		}
	}
	return write(tx, &e)
}
