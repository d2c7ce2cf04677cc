package service_test

import (
	"reflect"
	"sync"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/service"
)

func TestCounter(t *testing.T) {
	var c service.Counter
	if got := c.Samples(); len(got) != 0 {
		t.Errorf("a new counter has %v", got)
	}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() { c.Add("b", "sent"); c.Add("a", "sent"); c.Add("b", "failed") })
	}
	all.Wait()
	want := []service.Sample{{Labels: []string{"a", "sent"}, Value: 50}, {Labels: []string{"b", "failed"}, Value: 50}, {Labels: []string{"b", "sent"}, Value: 50}}
	if got := c.Samples(); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
