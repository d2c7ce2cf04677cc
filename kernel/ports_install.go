package kernel

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"net/url"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/wit"
)

// download is install's view of the network. It goes the way of plugins' requests, with its guards: https to public addresses
// only, and plain http where the address is one of this machine itself, that the owner has named.
type download struct{ network *egress.Client }

// mostMoves is how often an address may say that what it had is elsewhere.
const mostMoves = 5

func (d download) fetch(ctx context.Context, address string, most int64) ([]byte, error) {
	for range mostMoves + 1 {
		response, err := d.get(ctx, address)
		if err != nil {
			return nil, err
		}
		if response.Status/100 != 3 {
			return read(response, address, most)
		}
		next, err := elsewhere(address, response)
		if err = errors.Join(err, response.Body.Close()); err != nil {
			return nil, err
		}
		address = next
	}
	return nil, wit.NewError(wit.CodeUnavailable, "the address leads from one to another and never to an archive")
}

func (d download) get(ctx context.Context, address string) (*egress.Response, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, wit.Errorf(wit.CodeInvalid, "%.200q is no address such as https://example.org/weather-1.0.0.carapace", address)
	}
	if u.Scheme == "http" && !local(u) {
		return nil, wit.Errorf(wit.CodeForbidden, "%.200s is not read by http, which others on the way can change: say https://", u.Host)
	}
	policy := egress.Policy{Owner: "install", Hosts: []string{u.Host}, Methods: []string{"GET"}, Stay: true}
	if local(u) {
		policy.Origins = []string{u.Scheme + "://" + u.Host}
	}
	return d.network.Stream(ctx, policy, none, &wit.HTTPRequest{Method: "GET", URL: address})
}

// none are the credentials of somebody who has none.
func none(name string) (string, error) {
	return "", wit.Errorf(wit.CodeForbidden, "credential %s: none is sent to an address of an archive", name)
}

// local reports whether an address is one of this machine itself.
func local(u *url.URL) bool {
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && ip.IsLoopback()
}

// elsewhere is where an answer leads to: by https, or from this machine to itself.
func elsewhere(from string, r *egress.Response) (string, error) {
	base, err := url.Parse(from)
	if err != nil {
		return "", err
	}
	for _, h := range r.Headers {
		if !strings.EqualFold(h.Name, "location") {
			continue
		}
		next, err := base.Parse(h.Value)
		if err != nil || next.Scheme != "https" && !(local(base) && local(next)) || local(next) && !local(base) {
			return "", wit.Errorf(wit.CodeForbidden, "%s leads to an address that is not read: only https is", base.Host)
		}
		return next.String(), nil
	}
	return "", wit.Errorf(wit.CodeUnavailable, "%s says that it is elsewhere, and not where", base.Host)
}

func read(r *egress.Response, address string, most int64) ([]byte, error) {
	defer r.Body.Close()
	if r.Status != 200 {
		return nil, wit.Errorf(wit.CodeUnavailable, "%.200s answers with the status %d", address, r.Status)
	}
	data, err := io.ReadAll(io.LimitReader(r.Body, most+1))
	if int64(len(data)) > most {
		return nil, wit.Errorf(wit.CodeTooLarge, "%.200s has more than %d bytes, which is all that is read", address, most)
	}
	return data, err
}
