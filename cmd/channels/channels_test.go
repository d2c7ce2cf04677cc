package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestThePageIsUpToDate(t *testing.T) {
	want, err := generate("../..")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join("../..", page))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is out of date (%v): go run ./cmd/channels", page, err)
	}
}

// TestNothingIsClaimedWithoutATest: what a manifest declares needs a proof, and what is proven has to be declared.
func TestNothingIsClaimedWithoutATest(t *testing.T) {
	basic := proofs{channeltest.TextIn: {"A"}, channeltest.TextOut: {"A"}}
	editing := proofs{channeltest.TextIn: {"A"}, channeltest.TextOut: {"A"}, channeltest.EditsOut: {"B"}}
	for name, tt := range map[string]struct {
		facts  wit.ChannelFacts
		proofs proofs
		want   string
	}{
		"enough":       {wit.ChannelFacts{}, basic, ""},
		"declared too": {wit.ChannelFacts{Operations: []string{"edit"}}, editing, ""},
		"unproven":     {wit.ChannelFacts{Operations: []string{"edit"}}, basic, "declares \"edits out\""},
		"undeclared":   {wit.ChannelFacts{}, editing, "does not declare"},
		"no text":      {wit.ChannelFacts{}, proofs{}, "no test proves \"text in\""},
	} {
		err := channel{facts: &tt.facts, proofs: tt.proofs}.check()
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
