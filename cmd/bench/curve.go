package main

import (
	"fmt"
	"math"
	"time"
)

// What a cost may grow with: a page, a turn and a tick with nothing, what is done for each one linearly.
const (
	flat   = 0.1
	linear = 1.1
)

// unit writes a cost for people.
type unit func(float64) string

func inTime(ns float64) string { return short(ns) }

func inMB(bytes float64) string { return mb(int64(bytes)) }

// family is what was measured at growing sizes of one thing.
type family struct {
	of     string // what there are so many of
	note   string
	sizes  []int
	curves []*curve
}

// curve is one cost, at each of a family's sizes.
type curve struct {
	name  string
	most  float64 // the exponent with which it may grow
	unit  unit
	costs []float64
	from  int // the size from which on it is fitted
}

// add notes a cost at the next size.
func (f *family) add(name string, most float64, in unit, cost float64) {
	for _, c := range f.curves {
		if c.name == name {
			c.costs = append(c.costs, cost)
			return
		}
	}
	f.curves = append(f.curves, &curve{name: name, most: most, unit: in, costs: []float64{cost}})
}

// took is add for a time.
func (f *family) took(name string, most float64, d time.Duration) {
	f.add(name, most, inTime, float64(d))
}

// from has the last curve fitted from a size on.
func (f *family) from(size int) { f.curves[len(f.curves)-1].from = size }

// exponent is that of the power of the size which fits the costs best: the slope of the line through their logarithms
// with the least squares.
func exponent(sizes []int, costs []float64, from int) float64 {
	var n, sx, sy, sxx, sxy float64
	for i, cost := range costs {
		if sizes[i] < from {
			continue
		}
		x, y := math.Log(float64(sizes[i])), math.Log(cost)
		n, sx, sy, sxx, sxy = n+1, sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	return (n*sxy - sx*sy) / (n*sxx - sx*sx)
}

// table shows a row for each curve, with a mark where it grows more than it may.
func (f *family) table() table {
	t := table{Title: "How cost grows with " + f.of, Note: f.note, Head: []string{"cost"}}
	for _, n := range f.sizes {
		t.Head = append(t.Head, grouped(n))
	}
	t.Head = append(t.Head, "exponent", "at most", "")
	for _, c := range f.curves {
		row := []string{c.name}
		for _, cost := range c.costs {
			row = append(row, c.unit(cost))
		}
		e, mark := math.Round(100*exponent(f.sizes, c.costs, c.from))/100+0, "✓" // + 0 makes -0 one
		if !(e <= c.most) {
			mark = "✗ grows"
		}
		t.Rows = append(t.Rows, append(row, fmt.Sprintf("%.2f", e), fmt.Sprint(c.most), mark))
	}
	return t
}

// grouped writes a number with a comma before each three digits.
func grouped(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", grouped(n/1000), n%1000)
}
