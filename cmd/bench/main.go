// Command bench measures the built gateway and prints Markdown tables; the same figures go to a JSON
// file, and how cost grows is drawn as SVG beside it. Everything is measured in one run on one machine, since only the ratios travel.
//
//	go run ./cmd/bench -gateway bin/carapace -out bin/bench.json
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"time"
)

// table is one part of the report.
type table struct {
	Title string     `json:"title"`
	Note  string     `json:"note,omitempty"`
	Head  []string   `json:"head"`
	Rows  [][]string `json:"rows"`
}

// part measures one thing.
type part struct {
	name string
	run  func(ctx context.Context, gateway string) ([]table, error)
}

func main() {
	gateway := flag.String("gateway", "bin/carapace", "the built gateway")
	out := flag.String("out", "bin/bench.json", "where the figures go")
	only := flag.String("only", "", "comma-separated parts: start, requests, cost, cache, growth, pressure, floods, small, channels, idle, crowd, density, reload, languages, calls, store")
	quick := flag.Bool("short", false, "measure growth at three sizes only, which takes about a minute, pressure for ten seconds, a crowd of two hundred, a tenth of a small machine's hour, and five upgrades")
	profiles := flag.String("profile", "", "folder for a processor profile of each row of cost; the gateway must be built with -tags profile")
	probed := flag.String("probe", "", "the URL of a gateway that is looked at until the input ends, for this command's own use")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if *probed != "" {
		if err := probe(ctx, *probed, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "bench: probe:", err)
			os.Exit(1)
		}
		return
	}
	if err := benchmarks(ctx, *gateway, *out, *only, *quick, profiler{*profiles}); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// benchmarks measures the parts that are named in only, or all, and writes the report.
func benchmarks(ctx context.Context, gateway, out, only string, quick bool, profiles profiler) error {
	parts := []part{{"start", startup}, {"requests", requests}, {"cost", cost(profiles)}, {"cache", caches}, {"growth", growth(out, quick)}, {"pressure", pressure(quick)}, {"floods", flooded}, {"small", small(quick)}, {"channels", channels}, {"idle", idle}, {"crowd", crowd(quick)}, {"density", density(quick)}, {"reload", reload(quick)}, {"languages", costOfLanguages}, {"calls", calls}, {"store", appends}}
	fmt.Printf("# carapace, measured %s\n\n%s, %s/%s, %d processors\n", time.Now().UTC().Format(time.DateOnly), runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	var report []table
	for _, p := range parts {
		if only != "" && !slices.Contains(strings.Split(only, ","), p.name) {
			continue
		}
		tables, err := p.run(ctx, gateway)
		for _, t := range tables {
			t.print()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		report = append(report, tables...)
	}
	b, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(out, append(b, '\n'), 0o644)
}

// print writes the table as Markdown.
func (t table) print() {
	fmt.Printf("\n## %s\n\n", t.Title)
	if t.Note != "" {
		fmt.Printf("%s\n\n", t.Note)
	}
	fmt.Printf("| %s |\n|%s\n", strings.Join(t.Head, " | "), strings.Repeat("---|", len(t.Head)))
	for _, r := range t.Rows {
		fmt.Printf("| %s |\n", strings.Join(r, " | "))
	}
}

// mb and ms write sizes and times for tables.
func mb(bytes int64) string { return fmt.Sprintf("%.1f MB", float64(bytes)/(1<<20)) }

func ms(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond)) }
