package service

import (
	"slices"
	"strings"
	"sync"
)

// Counter counts what happened, apart for each combination of labels. The zero value is ready; it is safe
// for concurrent use.
type Counter struct {
	mu     sync.Mutex
	counts map[string]float64 // by the labels, joined
}

// separator is no character of a label.
const separator = "\x00"

// Add counts one more for these labels.
func (c *Counter) Add(labels ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = map[string]float64{}
	}
	c.counts[strings.Join(labels, separator)]++
}

// Samples returns the counts, sorted by their labels: what Metric.Collect returns.
func (c *Counter) Samples() []Sample {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]Sample, 0, len(c.counts))
	for labels, n := range c.counts {
		list = append(list, Sample{strings.Split(labels, separator), n})
	}
	slices.SortFunc(list, func(a, b Sample) int { return slices.Compare(a.Labels, b.Labels) })
	return list
}
