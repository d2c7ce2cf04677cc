package main

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"
)

func TestExponent(t *testing.T) {
	sizes := []int{10, 100, 1000, 10_000}
	for name, c := range map[string]struct {
		costs []float64
		from  int
		want  float64
	}{
		"flat":       {[]float64{7, 7, 7, 7}, 0, 0},
		"linear":     {[]float64{20, 200, 2000, 20_000}, 0, 1},
		"quadratic":  {[]float64{1, 100, 10_000, 1_000_000}, 0, 2},
		"root":       {[]float64{1, math.Sqrt(10), 10, 10 * math.Sqrt(10)}, 0, 0.5},
		"flat later": {[]float64{1, 5, 9, 9}, 1000, 0},
		"scattered":  {[]float64{8, 10, 10, 8}, 0, 0},
	} {
		if got := exponent(sizes, c.costs, c.from); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// grown is a family with a curve that is as it should be and one that is not.
func grown() *family {
	f := &family{of: "a < b", sizes: []int{10, 1000}}
	for _, n := range f.sizes {
		f.took("a page", flat, time.Duration(n)*time.Microsecond)
		f.took("a turn", flat, time.Millisecond)
		f.add("memory", linear, inMB, float64(n<<20))
	}
	return f
}

func TestTableMarksWhatGrows(t *testing.T) {
	var rows []string
	for _, r := range grown().table().Rows {
		rows = append(rows, strings.Join(r, "|"))
	}
	want := "a page|10 µs|1000 µs|1.00|0.1|✗ grows\na turn|1000 µs|1000 µs|0.00|0.1|✓\nmemory|10.0 MB|1000.0 MB|1.00|1.1|✓"
	if got := strings.Join(rows, "\n"); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

func TestPlotIsXML(t *testing.T) {
	var b strings.Builder
	if err := plot(&b, []*family{grown(), grown()}); err != nil {
		t.Fatal(err)
	}
	lines := 0
	for d := xml.NewDecoder(strings.NewReader(b.String())); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "polyline" {
			lines++
		}
	}
	if lines != 6 {
		t.Errorf("%d lines are drawn, want 6", lines)
	}
}
