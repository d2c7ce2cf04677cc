package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/cmd/process"
)

// histogram counts what lasted at most so long, each bucket with those below it.
type histogram []bucket

type bucket struct {
	upTo  float64 // seconds
	count uint64
}

// scheduling asks a gateway how long its goroutines have waited, since its start.
func scheduling(ctx context.Context, p *process.Process) (h histogram, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		rest, ok := strings.CutPrefix(lines.Text(), `go_sched_latencies_seconds_bucket{le="`)
		if !ok {
			continue
		}
		upTo, count, _ := strings.Cut(rest, `"} `)
		var b bucket
		var bad error
		b.upTo, err = strconv.ParseFloat(upTo, 64)
		b.count, bad = strconv.ParseUint(count, 10, 64)
		if err := errors.Join(err, bad); err != nil {
			return nil, err
		}
		h = append(h, b)
	}
	if len(h) == 0 {
		return nil, fmt.Errorf("%s/metrics says nothing of the scheduling", p.URL)
	}
	return h, lines.Err()
}

// since is what was counted after an earlier one.
func (h histogram) since(earlier histogram) histogram {
	out := make(histogram, len(h))
	for i, b := range h {
		if out[i] = b; i < len(earlier) {
			out[i].count -= earlier[i].count
		}
	}
	return out
}

// quantile is the bound of the bucket within which so many percent were.
func (h histogram) quantile(percent uint64) string {
	all := h[len(h)-1].count
	for _, b := range h {
		if math.IsInf(b.upTo, 1) {
			break
		}
		if b.count*100 >= all*percent {
			return "≤ " + ms(time.Duration(b.upTo*float64(time.Second)))
		}
	}
	return fmt.Sprintf("> %s", ms(time.Duration(h[len(h)-2].upTo*float64(time.Second))))
}
