package kernel_test

import (
	"bufio"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
)

// TestKilledAnywhere cuts a gateway's life off behind any of its transactions: nothing that it does afterwards is kept.
// The next one finds all that was said to hold, nothing by half, and goes on: each due time of a job has one run.
func TestKilledAnywhere(t *testing.T) {
	t.Parallel()
	const seeds = 32
	whole := cutOff(t, 0, 0)
	if whole < 60 {
		t.Fatalf("a life has %d transactions", whole)
	}
	for seed := uint64(1); seed <= seeds && !t.Failed(); seed++ {
		cutOff(t, seed, 1+rand.New(rand.NewPCG(seed, 0)).IntN(whole))
	}
}

// cutOff lives until so many transactions are committed, 0 for all, and then once more. It returns how many the first
// life had.
func cutOff(t *testing.T, seed uint64, cut int) (transactions int) {
	synctest.Test(t, func(t *testing.T) {
		var logged []string
		defer func() {
			if t.Failed() {
				t.Logf("seed %d, cut off at %d:\n%s", seed, cut, strings.Join(logged, "\n"))
			}
		}()
		r := rand.New(rand.NewPCG(seed, 1))
		disk, keyring := storetest.NewFaulty(store.OpenMemory()), kerneltest.Keyring{}
		begin := func() *kerneltest.Kernel {
			return kerneltest.Start(t, kerneltest.Store(disk, keyring), kerneltest.Plugin(kerneltest.Echo("echo")))
		}
		c := newChores(t, r, time.Minute)
		c.pause = func() { time.Sleep(3*time.Minute + 30*time.Second) }
		k := begin()
		c.dial = k.TryDial
		if disk.Fail("", 0, 0); cut > 0 {
			disk.Fail(storetest.FaultBefore, cut, 1<<40)
		}
		if err := c.live(); err != nil && cut == 0 {
			t.Error(err)
		}
		transactions, logged = disk.Transactions(), k.Logged()
		logged = logged[:min(len(logged), 20)]
		k.Stop()
		disk.Fail("", 0, 0)
		time.Sleep(time.Duration(r.IntN(600)) * time.Second)

		k = begin()
		c.dial = k.TryDial
		time.Sleep(5 * time.Second) // what was interrupted and missed has run
		c.check()
		if err := c.live(); err != nil {
			t.Errorf("the second life: %v", err)
		}
		time.Sleep(5 * time.Second)
		c.check()
		if list, err := c.missing(time.Now()); len(list) > 0 || err != nil {
			t.Errorf("no runs for %v, %v", list, err)
		}
		k.Stop()
	})
	return transactions
}

// TestKilledBySignal is the same with a gateway in a process of its own, whose files are on a disk, and which is killed
// with SIGKILL while it is asked for something.
func TestKilledBySignal(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(rand.Uint64(), 2))
	c := newChores(t, r, 2*time.Second)
	c.settings = true
	dir := t.TempDir()
	for round := range 5 {
		v := startServing(t, dir)
		c.dial = v.dial
		c.conn = nil
		if round > 0 {
			c.check()
		}
		c.calls = 0
		last, late, struck := 1+r.IntN(24), time.Duration(r.IntN(4000))*time.Microsecond, make(chan struct{})
		c.doom = func(call int) {
			if call == last {
				go func() {
					defer close(struck)
					time.Sleep(late)
					_ = v.cmd.Process.Kill()
				}()
			}
		}
		for c.live() == nil {
		}
		c.doom = func(int) {}
		<-struck
		_ = v.cmd.Wait()
	}
	v := startServing(t, dir)
	c.dial, c.conn = v.dial, nil
	c.check()
	if err := c.live(); err != nil {
		t.Error(err)
	}
	c.check()
}

// serving is a victim that clients can reach.
type serving struct {
	*victim
	url string
}

func startServing(t *testing.T, dir string) *serving {
	t.Helper()
	s := &serving{victim: &victim{t: t, cmd: exec.CommandContext(t.Context(), os.Args[0])}}
	s.cmd.Env = append(os.Environ(), victimVariable+"="+dir, servingVariable+"=1")
	s.cmd.Stderr = &s.log
	out, err := s.cmd.StdoutPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	line := bufio.NewScanner(out)
	if !line.Scan() {
		t.Fatalf("the gateway did not start: %v\n%s", s.cmd.Wait(), &s.log)
	}
	s.url = line.Text()
	return s
}

func (s *serving) dial(o client.Options) (*client.Client, error) {
	o.URL = s.url
	c, err := client.Dial(s.t.Context(), o)
	if err == nil {
		s.t.Cleanup(func() { _ = c.Close() })
	}
	return c, err
}
