package kernel_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/service/session/archive"
	"github.com/carapace-gateway/carapace/kernel/service/session/search"
	"github.com/carapace-gateway/carapace/kernel/service/session/transfer"
	"github.com/carapace-gateway/carapace/wit"
)

// lines are what a history has, in order.
func lines(l *kerneltest.Listener, key string) (texts []string) {
	var h chat.History
	l.MustCall("chat.history", object{"sessionKey": key}, &h)
	for i := range h.Messages {
		texts = append(texts, kerneltest.Text(&h.Messages[i]))
	}
	return texts
}

// echoAt starts a kernel that says what it is told, on a state directory that may have been used before.
func echoAt(t *testing.T, dir string) (*kerneltest.Kernel, *kerneltest.Listener) {
	t.Helper()
	k := kerneltest.Start(t, kerneltest.StateDir(dir), kerneltest.Plugin(kerneltest.Echo("echo")))
	return k, k.Listen()
}

// TestArchive puts a conversation away, takes it out of the store, and brings it back as it was, over a restart.
func TestArchive(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	k, l := echoAt(t, dir)
	speak := func(run, text string) {
		l.MustCall("chat.send", object{"sessionKey": "trip", "message": text, "idempotencyKey": run}, nil)
		l.End(run)
	}
	speak("r1", "to the harbour")
	l.MustCall("sessions.rename", object{"key": "trip", "label": "the trip"}, nil)
	before := lines(l, "trip")

	var put archive.ArchiveResult
	l.MustCall("sessions.archive", object{"key": "trip"}, &put)
	if !put.Archived || put.MessageCount != 2 || put.HistoryDeleted || put.ArchiveSize == 0 {
		t.Fatalf("%+v", put)
	}
	var list session.ListResult
	if l.MustCall("sessions.list", nil, &list); list.TotalCount != 0 {
		t.Errorf("it is in the list: %+v", list.Sessions)
	}
	if l.MustCall("sessions.archive", object{"key": "trip"}, &put); put.Archived || put.Reason != "already_archived" {
		t.Errorf("%+v", put)
	}
	if l.MustCall("sessions.archive", object{"key": "trip", "deleteHistory": true}, &put); !put.Archived || !put.HistoryDeleted {
		t.Errorf("%+v", put)
	}
	if got := lines(l, "trip"); len(got) != 0 {
		t.Errorf("it is in the store: %q", got)
	}
	k.Stop()
	_, l = echoAt(t, dir)
	var archives archive.ArchivesResult
	l.MustCall("sessions.archives", nil, &archives)
	found, _ := filepath.Glob(filepath.Join(dir, "archives", "*.jsonl.gz"))
	if archives.Total != 1 || archives.Archives[0].Label != "the trip" || len(found) != 1 || filepath.Base(found[0]) != archives.Archives[0].File {
		t.Fatalf("%+v, files %q", archives, found)
	}
	var back archive.RestoreResult
	if l.MustCall("sessions.restore", object{"key": "trip"}, &back); !back.Restored || back.MessageCount != 2 {
		t.Errorf("%+v", back)
	}
	if after := lines(l, "trip"); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("before %q, after %q", before, after)
	}
	if l.MustCall("sessions.list", nil, &list); list.TotalCount != 1 || list.Sessions[0].Label != "the trip" {
		t.Errorf("%+v", list.Sessions)
	}
	speak("r2", "and further")
	if got := lines(l, "trip"); len(got) != 4 {
		t.Errorf("%q", got)
	}
	var gone archive.ArchiveDeleteResult
	l.MustCall("sessions.archive.delete", object{"key": "trip"}, &gone)
	if _, err := os.Stat(found[0]); !gone.Deleted || !os.IsNotExist(err) {
		t.Errorf("%+v: %v", gone, err)
	}
	if l.MustCall("sessions.archive.delete", object{"key": "trip"}, &gone); gone.Reason != "not_archived" {
		t.Errorf("%+v", gone)
	}
	if l.MustCall("sessions.restore", object{"key": "trip"}, &back); back.Reason != "not_archived" {
		t.Errorf("%+v", back)
	}
	if l.MustCall("sessions.archive", object{"key": "nowhere"}, &put); put.Reason != "not_found" {
		t.Errorf("%+v", put)
	}
}

// TestEarlierHistoriesGoIntoTheArchive with the conversation, each into a file of its own, and nothing of them is left where it was.
func TestEarlierHistoriesGoIntoTheArchive(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, l := echoAt(t, dir)
	speak := func(run, text string) {
		l.MustCall("chat.send", object{"sessionKey": "trip", "message": text, "idempotencyKey": run}, nil)
		l.End(run)
	}
	found := func() (n int) {
		t.Helper()
		var res search.Result
		l.MustCall("sessions.search", object{"query": "harbour"}, &res)
		return len(res.Results)
	}
	speak("r1", "to the harbour")
	l.MustCall("sessions.reset", object{"key": "trip"}, nil)
	l.MustCall("sessions.reset", object{"key": "trip"}, nil) // an empty one is not kept
	speak("r2", "from the harbour")
	l.MustCall("sessions.reset", object{"key": "trip"}, nil)
	speak("r3", "home")
	if n := found(); n != 4 {
		t.Fatalf("%d are found", n)
	}
	l.MustCall("sessions.archive", object{"key": "trip", "deleteHistory": true}, nil)
	var archives archive.ArchivesResult
	if l.MustCall("sessions.archives", nil, &archives); archives.Total != 3 {
		t.Fatalf("%+v", archives)
	}
	if n := found(); n != 0 {
		t.Errorf("%d are found of what only the archive has", n)
	}
	var back archive.RestoreResult
	i := slices.IndexFunc(archives.Archives, func(a archive.ArchiveInfo) bool { return a.MessageCount == 2 && a.Key != "" })
	if l.MustCall("sessions.restore", object{"key": "trip", "sessionId": archives.Archives[i].SessionID}, &back); !back.Restored || len(lines(l, "trip")) != 2 {
		t.Errorf("%+v", back)
	}
	l.MustCall("sessions.archive", object{"key": "trip", "deleteHistory": true}, nil)
	for _, a := range archives.Archives {
		var gone archive.ArchiveDeleteResult
		if l.MustCall("sessions.archive.delete", object{"key": "trip", "sessionId": a.SessionID}, &gone); !gone.Deleted {
			t.Errorf("%+v: %+v", a, gone)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "archives", "*.jsonl.gz")); len(left) != 0 || found() != 0 {
		t.Errorf("left: %q, %d are found", left, found())
	}
}

// TestAnArchiveThatWasChanged is refused, and so is one in the place of which another conversation goes on.
func TestAnArchiveThatWasChanged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	k := kerneltest.Start(t, kerneltest.StateDir(dir), kerneltest.Plugin(kerneltest.Echo("echo")))
	l := k.Listen()
	for i, key := range []string{"a", "b", "c"} {
		run := fmt.Sprint("r", i)
		l.MustCall("chat.send", object{"sessionKey": key, "message": "hello", "idempotencyKey": run}, nil)
		l.End(run)
		l.MustCall("sessions.archive", object{"key": key, "deleteHistory": true}, nil)
	}
	var archives archive.ArchivesResult
	l.MustCall("sessions.archives", nil, &archives)
	path := func(i int) string { return filepath.Join(dir, "archives", archives.Archives[i].File) }
	data, err := os.ReadFile(path(0))
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(path(0), data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path(1)); err != nil {
		t.Fatal(err)
	}
	l.MustCall("chat.send", object{"sessionKey": "c", "message": "anew", "idempotencyKey": "c2"}, nil)
	l.End("c2")
	for key, want := range map[string]wit.Code{"a": wit.CodeInvalid, "b": wit.CodeNotFound, "c": wit.CodeConflict} {
		if err := l.Call(t.Context(), "sessions.restore", object{"key": key}, nil); wit.CodeOf(err) != want {
			t.Errorf("%s: %v", key, err)
		}
	}
	l.MustCall("sessions.archive", object{"key": "c", "deleteHistory": true}, nil)
	if l.MustCall("sessions.archives", nil, &archives); archives.Total != 4 {
		t.Errorf("%+v", archives)
	}
	l.MustCall("sessions.restore", object{"key": "c", "sessionId": archives.Archives[3].SessionID}, nil)
	if got := lines(l, "c"); len(got) != 2 || got[0] != "hello" {
		t.Errorf("the earlier of two with a key: %q", got)
	}
}

// TestSearch finds words, also in what a reset has ended, and in conversations that were put away.
func TestSearch(t *testing.T) {
	t.Parallel()
	_, l := remembering(t)
	l.Ask("r1", "the Harbour in the evening")
	l.MustCall("sessions.reset", object{"key": "main"}, nil)
	l.Ask("r2", "nothing of it")
	l.MustCall("chat.send", object{"sessionKey": "trip", "message": strings.Repeat("x ", 500) + "a HARBOUR in the morning", "idempotencyKey": "r3"}, nil)
	l.End("r3")
	l.MustCall("sessions.archive", object{"key": "trip"}, nil)
	find := func(params object) (res search.Result) {
		l.MustCall("sessions.search", params, &res)
		return res
	}
	if got := find(object{"query": "harbour", "order": "newest"}); len(got.Results) != 2 || got.Truncated || !strings.Contains(got.Results[0].Snippet, "HARBOUR") || got.Results[0].SessionKey != "agent:main:trip" {
		t.Errorf("%+v", got)
	}
	if got := find(object{"query": "evening harbour"}); len(got.Results) != 1 || got.Results[0].Role != "user" {
		t.Errorf("%+v", got)
	}
	if got := find(object{"query": "harbour", "sessionKeys": []string{"main"}}); len(got.Results) != 1 {
		t.Errorf("%+v", got)
	}
	if got := find(object{"query": "harbour", "limit": 1}); len(got.Results) != 1 || !got.Truncated {
		t.Errorf("%+v", got)
	}
	if got := find(object{"query": "nowhere"}); len(got.Results) != 0 {
		t.Errorf("%+v", got)
	}
	for _, query := range []string{"  ", "-harbour", "?! \"\" *"} {
		if err := l.Call(t.Context(), "sessions.search", object{"query": query}, nil); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("%q: %v", query, err)
		}
	}
}

// TestAnImportIsWholeOrNot: of a conversation that comes in pieces nobody sees anything before the last one, over a kill, and it
// goes on where it was.
func TestAnImportIsWholeOrNot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	send := func(l *kerneltest.Listener, after int, more bool, texts ...string) (res transfer.ImportResult) {
		t.Helper()
		messages := []any{}
		for _, text := range texts {
			messages = append(messages, object{"role": "user", "text": text, "timestamp": 1767323046000})
		}
		l.MustCall("sessions.import", object{"key": "trip", "sessionId": "abroad", "after": after, "more": more, "messages": messages, "updatedAt": 1767323046000}, &res)
		return res
	}
	seen := func(l *kerneltest.Listener) (list session.ListResult) {
		l.MustCall("sessions.list", object{"includeDerivedTitles": true}, &list)
		return list
	}
	k := kerneltest.Start(t, kerneltest.StateDir(dir))
	l := k.Listen()
	if got := send(l, 0, true, "the harbour", "the lighthouse"); got.Taken != 2 || seen(l).TotalCount != 0 {
		t.Errorf("%+v, seen %d", got, seen(l).TotalCount)
	}
	k.Stop()
	l = kerneltest.Start(t, kerneltest.StateDir(dir)).Listen()
	if got := send(l, 0, true, "the harbour", "the lighthouse"); got.Taken != 0 || got.Messages != 2 || seen(l).TotalCount != 0 {
		t.Errorf("again: %+v", got)
	}
	if got := send(l, 2, false, "the evening"); got.Taken != 1 || got.Messages != 3 || got.Earlier {
		t.Errorf("the last: %+v", got)
	}
	if list := seen(l); list.TotalCount != 1 || list.Sessions[0].DerivedTitle != "the harbour" || list.Sessions[0].UpdatedAt != 1767323046000 {
		t.Errorf("%+v", list.Sessions)
	}
	if got := lines(l, "trip"); len(got) != 3 {
		t.Errorf("%q", got)
	}
}
