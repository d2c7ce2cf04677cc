// Command mutate measures the tests of a package: it changes the code in one small place at a time, runs the tests,
// and lists the changes that no test notices.
//
//	go run ./cmd/mutate -n 100 ./kernel/auth
//	go run ./cmd/mutate ./kernel/host -- ./kernel/host ./kernel/plugin
//
// The sources stay as they are: a changed file is handed to `go test` with -overlay. A change that does not compile
// does not count; tests that hang have noticed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// options is what the command line asks for.
type options struct {
	dir     string   // the package that is changed
	tests   []string // the packages whose tests run
	most    int
	seed    uint64
	timeout time.Duration
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
	var o options
	flags := flag.NewFlagSet("mutate", flag.ExitOnError)
	flags.IntVar(&o.most, "n", 0, "try so many changes, chosen by -seed; 0 is all")
	flags.Uint64Var(&o.seed, "seed", 1, "which changes are chosen")
	flags.DurationVar(&o.timeout, "timeout", time.Minute, "how long the tests may take for one change")
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
	o.dir, o.tests = rest[0], rest[1:]
	if len(o.tests) == 0 {
		o.tests = []string{"./" + filepath.ToSlash(filepath.Clean(o.dir))}
	}
	return o
}

// run tries the changes, one after the other, and prints those that survive and the sum.
func run(ctx context.Context, o options) error {
	all, err := mutants(o.dir)
	if err != nil {
		return err
	}
	t, err := newTester(o)
	if err != nil {
		return err
	}
	defer t.close()
	if verdict, out := t.try(ctx, nil); verdict != survived {
		return fmt.Errorf("the tests fail without any change:\n%s", out)
	}
	counts := map[verdict]int{}
	for _, m := range choose(all, o) {
		verdict, _ := t.try(ctx, &m)
		if ctx.Err() != nil {
			break
		}
		counts[verdict]++
		if verdict == survived {
			fmt.Println(m)
		}
	}
	fmt.Println(summary(o.dir, counts))
	return ctx.Err()
}

// choose picks the changes to try, in the order of the code.
func choose(all []mutant, o options) []mutant {
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

func summary(dir string, counts map[verdict]int) string {
	tried := counts[killed] + counts[survived]
	if tried == 0 {
		return fmt.Sprintf("%s: nothing was tried (%d did not compile)", dir, counts[invalid])
	}
	return fmt.Sprintf("%s: %d of %d changes noticed (%d %%), %d did not compile",
		dir, counts[killed], tried, 100*counts[killed]/tried, counts[invalid])
}

// sources lists the files of a package that are changed: hand-written ones that are not tests.
func sources(dir string) ([]string, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(n string) bool { return strings.HasSuffix(n, "_test.go") })
	if len(names) == 0 {
		return nil, errors.New(dir + " has no Go files")
	}
	return names, nil
}
