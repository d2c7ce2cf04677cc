package egress_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/wit"
)

// TestAddresses dials what each address leads to: public ones only, and for the owner's own origins also
// those of private networks.
func TestAddresses(t *testing.T) {
	tests := []struct {
		address       string
		public, owned bool
	}{
		{"93.184.216.34", true, true},
		{"2606:2800:220:1:248:1893:25c8:1946", true, true},
		{"0.0.0.0", false, false},
		{"0.1.2.3", false, false},
		{"10.1.2.3", false, true},
		{"100.64.0.1", false, true},
		{"100.127.255.255", false, true},
		{"100.128.0.1", true, true},
		{"127.0.0.1", false, true},
		{"127.255.255.254", false, true},
		{"169.254.169.254", false, false},
		{"169.254.170.2", false, false},
		{"169.254.1.1", false, true},
		{"100.100.100.200", false, false},
		{"172.16.0.1", false, true},
		{"172.31.255.255", false, true},
		{"172.32.0.1", true, true},
		{"192.0.0.1", false, false},
		{"192.0.2.1", false, false},
		{"192.88.99.1", false, false},
		{"192.168.1.1", false, true},
		{"198.18.0.1", false, false},
		{"198.19.255.255", false, false},
		{"198.51.100.1", false, false},
		{"203.0.113.1", false, false},
		{"224.0.0.1", false, false},
		{"240.0.0.1", false, false},
		{"255.255.255.255", false, false},
		{"::", false, false},
		{"::1", false, true},
		{"::7f00:1", false, false},               // v4-compatible
		{"::ffff:127.0.0.1", false, true},        // v4-mapped: what is inside counts
		{"::ffff:169.254.169.254", false, false}, // the same
		{"::ffff:93.184.216.34", true, true},     // the same
		{"64:ff9b::7f00:1", false, false},        // NAT64
		{"64:ff9b::5db8:d822", false, false},     // NAT64
		{"64:ff9b:1::1", false, false},           // local NAT64
		{"100::1", false, false},                 // discard
		{"2001::1", false, false},                // Teredo
		{"2001:0:4136:e378:8000:63bf:3fff:fdd2", false, false},
		{"2001:10::1", false, false},    // ORCHID
		{"2001:db8::1", false, false},   // documentation
		{"2002:7f00:1::", false, false}, // 6to4
		{"3fff::1", false, false},       // documentation
		{"fc00::1", false, true},
		{"fd12:3456::1", false, true},
		{"fd00:ec2::254", false, false},
		{"fe80::1", false, true},
		{"fe80::1%eth0", false, false},
		{"2606:2800:220:1:248:1893:25c8:1946%eth0", false, false},
		{"fec0::1", false, false}, // site local
		{"ff02::1", false, false},
	}
	for _, tt := range tests {
		for _, owned := range []bool{false, true} {
			r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {})
			r.names["api.example.com"] = []string{tt.address}
			policy := egress.Policy{Hosts: []string{"api.example.com"}}
			want := tt.public
			if owned {
				policy, want = egress.Policy{Origins: []string{"https://api.example.com"}}, tt.owned
			}
			_, err := r.client.Do(context.Background(), policy, nil, &wit.HTTPRequest{URL: "https://api.example.com/"})
			if ok := err == nil; ok != want {
				t.Errorf("%s, owner's origin %v: reached %v (%v), want %v", tt.address, owned, ok, err, want)
			}
			if !want && len(r.dialed()) > 0 {
				t.Errorf("%s, owner's origin %v: was dialed", tt.address, owned)
			}
			if !want && wit.CodeOf(err) != wit.CodeForbidden {
				t.Errorf("%s: code %s", tt.address, wit.CodeOf(err))
			}
		}
	}
}

func TestEveryAddressCounts(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {})
	r.names["api.example.com"] = []string{public + " 10.0.0.1"}
	_, err := r.client.Do(context.Background(), egress.Policy{Hosts: []string{"api.example.com"}}, nil, &wit.HTTPRequest{URL: "https://api.example.com/"})
	wantCode(t, err, wit.CodeForbidden)
	if d := r.dialed(); len(d) > 0 {
		t.Errorf("dialed %v", d)
	}
}

// TestRebinding has a name that is public when it is checked and private afterwards: the connection goes
// to the address that was checked, and a new connection is checked again.
func TestRebinding(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") })
	r.names["api.example.com"] = []string{public, "127.0.0.1"}
	policy := egress.Policy{Owner: "p", Hosts: []string{"api.example.com"}}
	req := &wit.HTTPRequest{URL: "https://api.example.com/"}
	if _, err := r.client.Do(context.Background(), policy, nil, req); err != nil {
		t.Fatal(err)
	}
	if d := r.dialed(); len(d) != 1 || d[0] != public+":443" {
		t.Fatalf("dialed %v, want the checked address", d)
	}
	r.client.Forget("p")
	_, err := r.client.Do(context.Background(), policy, nil, req)
	wantCode(t, err, wit.CodeForbidden)
	if d := r.dialed(); len(d) != 1 {
		t.Errorf("dialed %v", d)
	}
}

func TestPrivateNames(t *testing.T) {
	for _, host := range []string{"localhost", "a.localhost", "metadata", "metadata.google.internal", "x.internal", "instance-data",
		"printer.local", "LOCALHOST", "localhost.", "ip6-localhost"} {
		r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {})
		_, err := r.client.Do(context.Background(), egress.Policy{Hosts: []string{"*.localhost", "localhost", "metadata",
			"metadata.google.internal", "x.internal", "instance-data", "printer.local", "ip6-localhost"}}, nil, &wit.HTTPRequest{URL: "https://" + host + "/"})
		if wit.CodeOf(err) != wit.CodeForbidden || len(r.dialed()) > 0 {
			t.Errorf("%s: %v, dialed %v", host, err, r.dialed())
		}
	}
}
