package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// benchmark is one result line of `go test -bench`.
type benchmark struct {
	name string
	ns   float64            // a call
	more map[string]float64 // other measurements, by unit
}

// goBench runs benchmarks of a package and returns them in the order in which they ran.
func goBench(ctx context.Context, pkg, pattern, length string) ([]benchmark, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", pattern, "-benchtime", length, "-timeout", "30m", pkg)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, &out)
	}
	var results []benchmark
	for s := bufio.NewScanner(&out); s.Scan(); {
		if f, ok := parse(s.Text()); ok {
			results = append(results, f)
		}
	}
	if len(results) == 0 {
		return nil, fmt.Errorf("%s has no benchmark %s", pkg, pattern)
	}
	return results, nil
}

// parse reads "BenchmarkX/a=b-2  100  123 ns/op  4 B/op …".
func parse(line string) (benchmark, bool) {
	fields := strings.Fields(line)
	if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
		return benchmark{}, false
	}
	name := strings.TrimPrefix(fields[0], "Benchmark")
	if i := strings.LastIndexByte(name, '-'); i > 0 {
		name = name[:i]
	}
	f := benchmark{name: name, more: map[string]float64{}}
	for i := 2; i+1 < len(fields); i += 2 {
		v, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return benchmark{}, false
		}
		if fields[i+1] == "ns/op" {
			f.ns = v
		} else {
			f.more[fields[i+1]] = v
		}
	}
	return f, true
}

// part returns the value of a key=value in the benchmark's name.
func (f benchmark) part(key string) string {
	for p := range strings.SplitSeq(f.name, "/") {
		if v, ok := strings.CutPrefix(p, key+"="); ok {
			return v
		}
	}
	return ""
}

// pivot lays results out as a table: a row for each value of the row keys, a column for each value of
// column.
func pivot(results []benchmark, column string, rows ...string) (columns []string, table map[string]map[string]float64, order []string) {
	table = map[string]map[string]float64{}
	for _, f := range results {
		var names []string
		for _, r := range rows {
			names = append(names, f.part(r))
		}
		row, col := strings.Join(names, ", "), f.part(column)
		if table[row] == nil {
			table[row] = map[string]float64{}
			order = append(order, row)
		}
		if !slices.Contains(columns, col) {
			columns = append(columns, col)
		}
		table[row][col] = f.ns
	}
	return columns, table, order
}

// calls measures the cost of a plugin call beside the stock Extism host and the bare engine, and of
// metering.
func calls(ctx context.Context, _ string) ([]table, error) {
	results, err := goBench(ctx, "./kernel/runtime", "^BenchmarkCall$", "300ms")
	if err != nil {
		return nil, err
	}
	columns, cells, order := pivot(results, "host", "guest", "case")
	call := table{
		Title: "Calling a plugin", Note: "The same guests under this runtime, under stock extism/go-sdk, and called raw: a bare wazero call, the bytes copied in and out. go-pdk is a Go guest of the unmodified PDK, go-bulk one that copies in bulk as this project's SDK does, wasm is written by hand.",
		Head: append([]string{"guest, case"}, columns...),
	}
	call.Head = append(call.Head, "stock ÷ carapace", "carapace ÷ raw")
	for _, name := range order {
		row := []string{name}
		for _, c := range columns {
			row = append(row, short(cells[name][c]))
		}
		call.Rows = append(call.Rows, append(row, ratio(cells[name]["stock"], cells[name]["carapace"]), ratio(cells[name]["carapace"], cells[name]["raw"])))
	}
	metered, err := goBench(ctx, "./kernel/runtime", "^BenchmarkMeter$", "300ms")
	if err != nil {
		return nil, err
	}
	columns, cells, order = pivot(metered, "meter", "guest", "case")
	meter := table{Title: "Metering", Head: append([]string{"guest, case"}, columns...)}
	for _, name := range order {
		row := []string{name}
		for _, c := range columns {
			row = append(row, short(cells[name][c])+" ("+ratio(cells[name][c], cells[name][columns[0]])+")")
		}
		meter.Rows = append(meter.Rows, row)
	}
	return []table{call, meter}, nil
}

// appends measures durable messages.
func appends(ctx context.Context, _ string) ([]table, error) {
	results, err := goBench(ctx, "./kernel/store", "^BenchmarkUpdate", "1s")
	if err != nil {
		return nil, err
	}
	t := table{Title: "Durable appends", Note: "Each is on disk (SQLite, WAL, synchronous=FULL) before it counts.", Head: []string{"benchmark", "each", "a second"}}
	for _, f := range results {
		t.Rows = append(t.Rows, []string{f.name, short(f.ns), fmt.Sprintf("%.0f", f.more["rows/s"])})
	}
	return []table{t}, nil
}

// short writes a duration with as many digits as its size makes useful.
func short(ns float64) string {
	if ns == 0 {
		return "–"
	}
	d := time.Duration(ns)
	switch {
	case d < 10*time.Microsecond:
		return fmt.Sprintf("%.2f µs", ns/1000)
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.0f µs", ns/1000)
	}
	return fmt.Sprintf("%.1f ms", ns/1e6)
}

// ratio writes how many times b is in a.
func ratio(a, b float64) string {
	if a == 0 || b == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f×", a/b)
}
