package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"

	"github.com/carapace-gateway/carapace/kernel/service/session/transfer"
	"github.com/carapace-gateway/carapace/kernel/store/foreign"
)

// maxEvent bounds an event of OpenClaw's that is unpacked, in bytes: its own bound.
const maxEvent = 4 << 20

// conversationsOf lists what an agent's database of OpenClaw has: for each key the present history, and then the earlier ones.
func conversationsOf(ctx context.Context, db *foreign.DB) (found []abroad, err error) {
	err = db.Rows(ctx, func(scan func(...any) error) error {
		var a abroad
		if err := scan(&a.key, &a.id, &a.label, &a.updated); err != nil {
			return err
		}
		a.read = func(ctx context.Context) ([]transfer.ImportedMessage, int, error) { return readEvents(ctx, db, a.id) }
		found = append(found, a)
		return nil
	}, `SELECT n.session_key, w.session_id, CASE WHEN w.session_id = n.current_session_id THEN coalesce(n.label, n.display_name, '') ELSE '' END,
		CASE WHEN w.session_id = n.current_session_id THEN n.updated_at ELSE coalesce(w.ended_at, w.updated_at) END
		FROM session_nodes n JOIN session_windows w ON w.session_key = n.session_key
		ORDER BY n.session_key, w.session_id <> n.current_session_id, w.created_at`)
	return found, err
}

// readEvents reads the messages of a history: those of the branch that its program shows, or all where it has not noted that.
func readEvents(ctx context.Context, db *foreign.DB, id string) (messages []transfer.ImportedMessage, skipped int, err error) {
	unpack, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxEvent), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, 0, fmt.Errorf("events cannot be unpacked: %w", err)
	}
	defer unpack.Close()
	err = db.Rows(ctx, func(scan func(...any) error) error {
		var text *string
		var packed []byte
		if err := scan(&text, &packed); err != nil {
			return err
		}
		line := []byte(nil)
		switch {
		case text != nil:
			line = []byte(*text)
		default:
			if line, err = unpack.DecodeAll(packed, nil); err != nil {
				skipped++
				return nil
			}
		}
		if m, ok := readLine(line); !ok {
			skipped++
		} else if m.Role != "" {
			messages = append(messages, m)
		}
		return nil
	}, `SELECT e.event_json, e.event_zstd FROM transcript_events e
		LEFT JOIN session_transcript_active_events a ON a.session_id = e.session_id AND a.event_seq = e.seq
		LEFT JOIN session_transcript_index_state s ON s.session_id = e.session_id
		WHERE e.session_id = ?1 AND (a.event_seq IS NOT NULL OR e.seq > coalesce(s.indexed_seq, -1) OR coalesce(s.needs_rebuild, 1) <> 0)
		ORDER BY e.seq`, id)
	if err == nil && len(messages) == 0 && skipped > 0 {
		err = errors.New("none of its messages can be read")
	}
	return messages, skipped, err
}
