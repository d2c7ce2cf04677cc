package runtime_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/carapace-gateway/carapace/kernel/runtime"
)

// priority is the niceness of the thread that runs this goroutine.
func priority() int {
	n, _ := unix.Getpriority(unix.PRIO_PROCESS, unix.Gettid())
	return 20 - n // as the system call answers it
}

// lowered counts the threads of this process that are nicer than n. One that has just ended is none.
func lowered(t *testing.T, n int) (count int) {
	t.Helper()
	threads, err := filepath.Glob("/proc/self/task/*/stat")
	must(t, err)
	for _, path := range threads {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:]) // the name before it may have spaces
		nice, err := strconv.Atoi(string(fields[16]))
		must(t, err)
		if nice > n {
			count++
		}
	}
	return count
}

// TestLongCallsGiveWay: from its second long call on a plugin computes in a thread of lower priority, which ends with the
// call, however that ends. A short call does not lower one, and after a number of them the plugin's next call is taken to
// be short.
func TestLongCallsGiveWay(t *testing.T) {
	e := newEngine(t, runtime.Config{})
	b := &builder{}
	now := b.imp("extism:host/user", "now", op(i64), op(i64))
	tell := cat(ci64(0), call(now), op(0x1a))
	count := cat(op(0x03, 0x40), get(0), ci32(1), op(0x6a), tee(0), ci32(100_000_000), op(0x48, 0x0d, 0, 0x0b))
	b.fn("long", nil, op(i32), op(i32), count, tell, ci32(0))
	b.fn("broken", nil, op(i32), op(i32), count, tell, op(0x00))
	b.fn("short", nil, op(i32), nil, tell, ci32(0))
	own := priority()
	var was int
	p := newPool(t, e, b.bytes(), runtime.Spec{Functions: map[string]runtime.HostFunc{
		"now": func(context.Context, []byte) ([]byte, error) { was = priority(); return nil, nil }}})
	expect := func(export string, wanted int) {
		t.Helper()
		if _, err := p.Call(context.Background(), export, nil); (err != nil) != (export == "broken") {
			t.Fatal(err)
		}
		if was != wanted {
			t.Errorf("%s was called at priority %d, expected %d", export, was, wanted)
		}
	}
	low := min(own+10, 19)
	expect("short", own)
	expect("long", own)
	expect("short", own)
	expect("long", low)
	expect("broken", low)
	for range 100 {
		expect("short", own)
	}
	expect("long", own)
	for lowered(t, own) > 0 { // a thread ends some time after its goroutine
		goruntime.Gosched()
	}
}
