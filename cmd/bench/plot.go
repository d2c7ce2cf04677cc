package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/template"
)

// The sizes of a chart, in pixels, and of the part that is drawn in.
const (
	chartWidth, chartHeight = 720, 300
	left, right, top, foot  = 60, 300, 40, 40
)

// chart is a family as it is drawn: both axes logarithmic, each curve relative to what it is at the first size, so that
// times and memory share the axis and what is flat stays on the ground.
type chart struct {
	Title  string
	Y      int // where it begins
	Lines  []line
	XTicks []tick
	YTicks []tick
}

type line struct {
	Points, Color, Name string
	LabelY              int
}

type tick struct {
	At   int
	Text string
}

// colors tell the curves of a chart apart.
var colors = [...]string{"#1b6ca8", "#c0392b", "#2e8b57", "#b8860b", "#6a5acd", "#555555"}

func newChart(f *family, n int) chart {
	c := chart{Title: "Cost against " + f.of + ", relative to the first", Y: n * chartHeight}
	low, high := 1.0, 10.0
	for _, v := range f.curves {
		for _, cost := range v.costs {
			low, high = min(low, cost/v.costs[0]), max(high, cost/v.costs[0])
		}
	}
	x := scale(float64(f.sizes[0]), float64(f.sizes[len(f.sizes)-1]), left, chartWidth-right)
	y := scale(low, high, chartHeight-foot, top)
	for _, size := range f.sizes {
		c.XTicks = append(c.XTicks, tick{x(float64(size)), grouped(size)})
	}
	for ratio := 1; float64(ratio) <= high; ratio *= 10 {
		c.YTicks = append(c.YTicks, tick{y(float64(ratio)), grouped(ratio) + "×"})
	}
	for i, v := range f.curves {
		var points []string
		for at, cost := range v.costs {
			points = append(points, fmt.Sprintf("%d,%d", x(float64(f.sizes[at])), y(cost/v.costs[0])))
		}
		c.Lines = append(c.Lines, line{strings.Join(points, " "), colors[i%len(colors)], v.name, top + 10 + 18*i})
	}
	return c
}

// scale is the logarithmic axis that takes low and high to two places.
func scale(low, high float64, from, to int) func(float64) int {
	return func(v float64) int {
		return from + int(math.Round(float64(to-from)*math.Log(v/low)/math.Log(high/low)))
	}
}

const drawing = `<svg xmlns="http://www.w3.org/2000/svg" width="{{.Width}}" height="{{.Height}}" font-family="sans-serif" font-size="11">
<rect width="100%" height="100%" fill="white"/>
{{range .Charts}}<g transform="translate(0 {{.Y}})">
<text x="{{$.Left}}" y="22" font-size="14">{{html .Title}}</text>
{{range .YTicks}}<path d="M{{$.Left}} {{.At}}H{{$.Edge}}" stroke="#ddd"/><text x="{{$.Left}}" y="{{.At}}" dx="-6" dy="4" text-anchor="end">{{.Text}}</text>
{{end}}{{range .XTicks}}<path d="M{{.At}} {{$.Top}}V{{$.Ground}}" stroke="#eee"/><text x="{{.At}}" y="{{$.Ground}}" dy="16" text-anchor="middle">{{.Text}}</text>
{{end}}{{range .Lines}}<polyline points="{{.Points}}" fill="none" stroke="{{.Color}}" stroke-width="2"/><text x="{{$.Edge}}" y="{{.LabelY}}" dx="16" fill="{{.Color}}">{{html .Name}}</text>
{{end}}</g>
{{end}}</svg>
`

// plot draws a chart for each family, one below the other, as SVG.
func plot(w io.Writer, families []*family) error {
	var charts []chart
	for n, f := range families {
		charts = append(charts, newChart(f, n))
	}
	t, err := template.New("plot").Parse(drawing)
	if err != nil {
		return err
	}
	return t.Execute(w, map[string]any{
		"Width": chartWidth, "Height": max(1, len(charts)) * chartHeight, "Charts": charts,
		"Left": left, "Edge": chartWidth - right, "Top": top, "Ground": chartHeight - foot,
	})
}
