// Command mutate measures the tests of a package: it changes the code in one small place at a time, runs the tests
// that come to that place, and lists the changes that no test notices.
//
//	go run ./cmd/mutate -n 100 ./kernel/auth
//	go run ./cmd/mutate ./kernel/host -- ./kernel/host ./kernel/plugin
//
// The sources stay as they are: changed files are handed to `go test` with -overlay. The tests are built once, with
// all changes in them; a variable of the environment says which one a run makes. A change that does not compile does
// not count. One that only made the tests run into the time limit is listed by itself: they may hang, or may only be slow.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"time"
)

// options is what the command line asks for.
type options struct {
	dir   string   // the package that is changed
	tests []string // the packages whose tests run
	most  int
	seed  uint64
	match *regexp.Regexp // what the lines of the changes that are tried have in them
	limit time.Duration
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, parse(os.Args[1:]))
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

func parse(args []string) options {
	o := options{match: regexp.MustCompile("")}
	flags := flag.NewFlagSet("mutate", flag.ExitOnError)
	flags.IntVar(&o.most, "n", 0, "try so many changes, chosen by -seed; 0 is all")
	flags.Uint64Var(&o.seed, "seed", 1, "which changes are chosen")
	flags.Func("match", "try only changes whose line in the list has this `regular expression` in it", func(text string) (err error) {
		o.match, err = regexp.Compile(text)
		return err
	})
	flags.DurationVar(&o.limit, "timeout", 0, "how long the tests may take for one change; 0 is three times what they take without one, and 5 s")
	flags.Usage = func() {
		fmt.Fprintln(flags.Output(), "usage: mutate [flags] package [-- package with tests ...]")
		flags.PrintDefaults()
	}
	_ = flags.Parse(args) // exits on an error
	rest := slices.DeleteFunc(flags.Args(), func(s string) bool { return s == "--" })
	if len(rest) == 0 {
		flags.Usage()
		os.Exit(2)
	}
	for i, dir := range rest {
		rest[i] = "./" + filepath.ToSlash(filepath.Clean(dir))
	}
	o.dir, o.tests = rest[0], rest[1:]
	if len(o.tests) == 0 {
		o.tests = rest[:1]
	}
	return o
}

// run tries the changes, one after the other, and prints those that survive and the sum.
func run(ctx context.Context, o options) error {
	s, err := read(o.dir)
	if err != nil {
		return err
	}
	all, unfit, err := s.mutants()
	if err != nil {
		return err
	}
	chosen := choose(all, o)
	t, err := newTester(ctx, s, chosen, o)
	if err != nil {
		return err
	}
	defer t.close()
	counts := map[verdict]int{invalid: unfit}
	for _, m := range chosen {
		verdict := t.try(ctx, m)
		if ctx.Err() != nil {
			break
		}
		counts[verdict]++
		if verdict != killed && verdict != invalid {
			fmt.Printf("%-9s %s\n", verdict, m)
		}
	}
	fmt.Println(summary(o.dir, counts))
	return ctx.Err()
}

// choose picks the changes to try, in the order of the code.
func choose(all []mutant, o options) []mutant {
	all = slices.DeleteFunc(all, func(m mutant) bool { return !o.match.MatchString(m.String()) })
	if o.most <= 0 || o.most >= len(all) {
		return all
	}
	picked := rand.New(rand.NewPCG(o.seed, 0)).Perm(len(all))[:o.most]
	slices.Sort(picked)
	chosen := make([]mutant, len(picked))
	for i, n := range picked {
		chosen[i] = all[n]
	}
	return chosen
}

// summary says how many of the changes that were tried the tests noticed.
func summary(dir string, counts map[verdict]int) string {
	tried := counts[killed] + counts[survived] + counts[unreached] + counts[slow]
	if tried == 0 {
		return fmt.Sprintf("%s: nothing was tried (%d did not compile)", dir, counts[invalid])
	}
	noticed := counts[killed] + counts[slow]
	return fmt.Sprintf("%s: %d of %d changes noticed (%d %%; %d %% with %d slow ones), %d survived, %d not reached; %d did not compile",
		dir, counts[killed], tried, 100*counts[killed]/tried, 100*noticed/tried, counts[slow], counts[survived], counts[unreached], counts[invalid])
}
