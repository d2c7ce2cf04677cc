package store

import (
	"database/sql/driver"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/store/words"
)

const (
	sqlDoc      = `INSERT INTO documents (space, key, time) VALUES (?, ?, ?) RETURNING id`
	sqlDocWords = `INSERT INTO document_words (rowid, tags, text) VALUES (?, ?, ?)`
	sqlFindDoc  = `SELECT id FROM documents WHERE space = ? AND key = ?`
	sqlGone     = `DELETE FROM documents WHERE id = ?`
	sqlGoneText = `DELETE FROM document_words WHERE rowid = ?`
	sqlNoDocs   = `DELETE FROM documents`
	sqlNoTexts  = `INSERT INTO document_words (document_words) VALUES ('delete-all')`

	// What is found is numbered by its age, so that the depth leaves out what is oldest.
	sqlMatch = `WITH matched AS MATERIALIZED (
	SELECT rowid AS id, bm25(document_words, 0.0, 1.0) AS score FROM document_words WHERE document_words MATCH ?1 ORDER BY rowid DESC LIMIT ?2+0)
SELECT d.key, d.time, -m.score FROM matched m JOIN documents d ON d.id = m.id
WHERE d.space = ?3 AND d.time >= ?4 AND d.time < ?5 `
	sqlBest   = sqlMatch + `ORDER BY m.score, d.time DESC, d.id DESC LIMIT ?6+0 OFFSET ?7+0`
	sqlNewest = sqlMatch + `ORDER BY d.time DESC, d.id DESC LIMIT ?6+0 OFFSET ?7+0`
)

func (t *sqlTx) Index(index string, d Doc) error {
	if err := checkDoc(index, d); err != nil {
		return err
	}
	if err := t.Unindex(index, d.Key); err != nil {
		return err
	}
	text := joined(d.Text)
	if text == "" {
		return nil
	}
	var tags []string
	for _, one := range d.Tags {
		tags = append(tags, tag(index, one))
	}
	var id int64
	if err := t.conn.rows(func(row []driver.Value) bool { id, _ = row[0].(int64); return true }, sqlDoc, index, d.Key, d.Time); err != nil {
		return t.fail(err)
	}
	_, err := t.conn.exec(sqlDocWords, id, strings.Join(tags, " "), text)
	return t.fail(err)
}

func (t *sqlTx) Unindex(index, key string) error {
	if err := checkKey(index, key); err != nil {
		return err
	}
	if err := t.write(index, ""); err != nil {
		return err
	}
	id := int64(-1)
	err := t.conn.rows(func(row []driver.Value) bool { id, _ = row[0].(int64); return false }, sqlFindDoc, index, key)
	if err != nil || id < 0 {
		return t.fail(err)
	}
	for _, query := range []string{sqlGoneText, sqlGone} {
		if _, err := t.conn.exec(query, id); err != nil {
			return t.fail(err)
		}
	}
	return nil
}

// forget empties all indexes.
func (t *sqlTx) forget() error {
	if err := t.write(sealing, ""); err != nil {
		return err
	}
	for _, query := range []string{sqlNoDocs, sqlNoTexts} {
		if _, err := t.conn.exec(query); err != nil {
			return t.fail(err)
		}
	}
	return nil
}

func (t *sqlTx) Find(index string, s Search) (found []Found, more bool, err error) {
	if err := t.usable(); err != nil {
		return nil, false, err
	}
	if err := checkSearch(index, s); err != nil {
		return nil, false, err
	}
	query, to := sqlBest, s.To
	if s.Newest {
		query = sqlNewest
	}
	if to == 0 {
		to = 1<<63 - 1
	}
	err = t.conn.rows(func(row []driver.Value) bool {
		f := Found{}
		f.Key, _ = row[0].(string)
		f.Time, _ = row[1].(int64)
		f.Score, _ = row[2].(float64)
		found = append(found, f)
		return true
	}, query, match(index, s), int64(SearchDepth), index, s.From, to, int64(s.Limit+1), int64(s.Offset))
	if more = len(found) > s.Limit; more {
		found = found[:s.Limit]
	}
	return found, more, t.fail(err)
}

// match is a search in the language of SQLite's index. Every word is quoted, and a word has letters and digits alone.
func match(index string, s Search) string {
	var with, without []string
	for _, term := range s.Words {
		if phrase := phrase(term); term.Not {
			without = append(without, phrase)
		} else {
			with = append(with, phrase)
		}
	}
	text := "text : (" + strings.Join(with, " AND ") + ")"
	if len(without) > 0 {
		text = "(" + text + " NOT text : (" + strings.Join(without, " OR ") + "))"
	}
	for _, list := range s.Tags {
		var any []string
		for _, one := range list {
			any = append(any, `"`+tag(index, one)+`"`)
		}
		text += " AND tags : (" + strings.Join(any, " OR ") + ")"
	}
	return text
}

func phrase(t words.Term) string {
	text := `"` + strings.Join(t.Words, " ") + `"`
	if t.Prefix {
		text += " *"
	}
	return text
}
