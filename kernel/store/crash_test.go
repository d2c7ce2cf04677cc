package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// crashFile names the file that a child process of TestKill appends to, and convertFile that which one of TestKillConversion
// converts.
const (
	crashFile   = "STORE_TEST_CRASH_FILE"
	convertFile = "STORE_TEST_CONVERT_FILE"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(crashFile); path != "" {
		appendUntilKilled(path)
	}
	if path := os.Getenv(convertFile); path != "" {
		convertUntilKilled(path)
	}
	os.Exit(m.Run())
}

// appendUntilKilled writes "<writer> <n>" to its output once the pair of records n is acknowledged.
func appendUntilKilled(path string) {
	s, err := store.Open(context.Background(), path, store.Options{})
	if err != nil {
		fmt.Println("open:", err)
		os.Exit(1)
	}
	var out sync.Mutex
	for w := range 4 {
		go func() {
			for {
				var n uint64
				err := s.Update(context.Background(), func(tx store.Tx) (err error) {
					if n, err = tx.Next("n"); err != nil {
						return err
					}
					if err := tx.Insert("left", fmt.Sprintf("%09d", n), make([]byte, 700)); err != nil {
						return err
					}
					return tx.Insert("right", fmt.Sprintf("%09d", n), nil)
				})
				out.Lock()
				fmt.Println(w, n, err)
				out.Unlock()
			}
		}()
	}
	select {}
}

// TestKill kills a writing process several times over one file. What was acknowledged is there, what is
// there is whole, and the lock died with the process.
func TestKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	acknowledged := map[string]bool{}
	for round := range 6 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), crashFile+"="+path)
		pipe, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(pipe)
		until := 1 + rand.IntN(400)
		for i := 0; lines.Scan(); i++ {
			f := strings.Fields(lines.Text())
			if len(f) != 3 || f[2] != "<nil>" {
				t.Fatalf("round %d: the child says %q", round, lines.Text())
			}
			acknowledged[fmt.Sprintf("%09s", f[1])] = true
			if i == 0 {
				if _, err := store.Open(context.Background(), path, store.Options{}); wit.CodeOf(err) != wit.CodeConflict {
					t.Errorf("open beside the child: %v, want conflict", err)
				}
			}
			if i == until {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = cmd.Wait()

		s := open(t, path)
		if err := s.Check(context.Background()); err != nil {
			t.Errorf("round %d: %v", round, err)
		}
		found := pairs(t, s)
		for n := range acknowledged {
			if !found[n] {
				t.Errorf("round %d: %s was acknowledged and is gone", round, n)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d acknowledged", len(acknowledged))
}

// pairs returns the keys in space left, having checked that space right has the same.
func pairs(t *testing.T, s store.Store) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	err := s.View(context.Background(), func(tx store.Tx) error {
		for rec, err := range tx.Scan("left", store.Range{}) {
			if err != nil {
				return err
			}
			found[rec.Key] = true
			if _, err := tx.Get("right", rec.Key); err != nil {
				t.Errorf("half a transaction: %v", err)
			}
		}
		n := 0
		for _, err := range tx.Scan("right", store.Range{}) {
			if err != nil {
				return err
			}
			n++
		}
		if n != len(found) {
			t.Errorf("%d left, %d right", len(found), n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// convertUntilKilled gives the records one form after the other, and writes a line for each.
func convertUntilKilled(path string) {
	ctx := context.Background()
	db, err := store.Open(ctx, path, store.Options{})
	if err != nil {
		fmt.Println("open:", err)
		os.Exit(1)
	}
	s, err := store.Seal(ctx, db, recordKey(1), false)
	fmt.Println("begun", err)
	for err == nil {
		for _, form := range []store.Form{store.Tagged, store.Closed} {
			err = errors.Join(err, s.Convert(ctx, form))
			fmt.Println(form, err)
		}
	}
	os.Exit(1)
}

// TestKillConversion kills a process several times that brings a plain store to tags, seals it and opens it again. Each record
// is what it was, and none has another form than it is to have.
func TestKillConversion(t *testing.T) {
	const n = 5000
	path := filepath.Join(t.TempDir(), "state.db")
	db := open(t, path)
	words(t, db, n)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	unfinished := 0
	for round := range 8 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), convertFile+"="+path)
		pipe, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(pipe)
		until := round % 4 // after how many changes it is killed in the next one
		for i := 0; lines.Scan(); i++ {
			if !strings.HasSuffix(lines.Text(), "<nil>") {
				t.Fatalf("round %d: the child says %q", round, lines.Text())
			}
			if i == until {
				killSoon(t, cmd.Process, path)
			}
		}
		_ = cmd.Wait()
		db := open(t, path)
		s := seal(t, db, recordKey(1))
		state, err := s.Sealing(context.Background())
		if err = errors.Join(err, checkWords(s, n), s.Check(context.Background())); err != nil {
			t.Errorf("round %d: %+v %v", round, state, err)
		}
		if !state.Done {
			unfinished++
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if unfinished == 0 {
		t.Error("no change was cut off")
	}
}

// killSoon kills a process once the log of its store has grown, which is in the middle of a change.
func killSoon(t *testing.T, p *os.Process, path string) {
	size := func() int64 {
		info, err := os.Stat(path + "-wal")
		if err != nil {
			return 0
		}
		return info.Size() + info.ModTime().UnixNano()
	}
	for before := size(); size() == before; {
		runtime.Gosched()
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
}
