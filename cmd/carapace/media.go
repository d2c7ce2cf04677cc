package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/file"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/media"
	"github.com/carapace-gateway/carapace/wit"
)

// newMedia looks after the files that the gateway keeps.
func newMedia(o *options) *cobra.Command {
	c := &cobra.Command{Use: "media", Short: "See, load and remove the files that the gateway keeps", Args: known, RunE: help}
	c.AddCommand(
		o.client(&cobra.Command{
			Use: "list", Short: "List the files, those used last first", Example: "  carapace media list", Args: takes(),
			RunE: func(c *cobra.Command, _ []string) error { return listMedia(c.Context(), o) },
		}),
		o.client(&cobra.Command{
			Use: "get FILE [PATH]", Short: "Write a file of the gateway to this machine", Args: takes("FILE", "[PATH]"),
			Long: "Write a file to PATH, or under its own name into this folder. FILE is its id, or the beginning of it. Nothing that\n" +
				"exists is written over; a PATH of - is standard output.",
			Example: "  carapace media get 2cf24dba5fb0\n  carapace media get 2cf24dba5fb0 cat.png",
			RunE:    func(c *cobra.Command, args []string) error { return getMedia(c.Context(), o, args) },
		}),
		o.client(&cobra.Command{
			Use: "put PATH", Short: "Give the gateway a file", Example: "  carapace media put cat.png", Args: takes("PATH"),
			RunE: func(c *cobra.Command, args []string) error { return putMedia(c.Context(), o, args[0]) },
		}),
		newFetchMedia(o),
		o.client(&cobra.Command{
			Use: "rm FILE", Short: "Remove a file", Example: "  carapace media rm 2cf24dba5fb0", Args: takes("FILE"),
			RunE: func(c *cobra.Command, args []string) error {
				id, err := mediaID(c.Context(), o, args[0])
				if err != nil {
					return err
				}
				return act(o, "media.delete", fixed(media.IDParams{ID: id}), "removed")(c, args)
			},
		}),
	)
	return c
}

// newFetchMedia has the gateway fetch a file.
func newFetchMedia(o *options) *cobra.Command {
	var p media.FetchParams
	wait := span(30 * time.Second)
	c := &cobra.Command{
		Use: "fetch URL", Short: "Have the gateway fetch a file from the web", Args: takes("URL"),
		Long:    "Have the gateway fetch a file, by https and from a public address only, and keep it.",
		Example: "  carapace media fetch https://example.org/cat.png --type 'image/*'",
		RunE: func(c *cobra.Command, args []string) error {
			p.URL, p.TimeoutMs = args[0], time.Duration(wait).Milliseconds()
			return show(o, "media.fetch", fixed(p), printFile)(c, args)
		},
	}
	c.Flags().StringSliceVar(&p.Types, "type", nil, "a type that it may have, such as image/png or image/*; may be repeated")
	c.Flags().Var(&wait, "timeout", "how long it may take, at most 5m")
	return o.client(c)
}

// shortID is how much of an id is shown: enough to name a file.
const shortID = 12

// listMedia prints all files, page after page, as one list.
func listMedia(ctx context.Context, o *options) error {
	all, err := allMedia(ctx, o)
	if err != nil {
		return err
	}
	if o.json {
		return o.printJSON(all)
	}
	var rows [][]string
	for _, f := range all.Files {
		rows = append(rows, []string{f.ID[:shortID], f.Mime, size(f.Size), ago(f.UsedAt), orDash(f.Name)})
	}
	if err := listed(o.out, "ID TYPE SIZE USED NAME", rows, "no file is kept"); err != nil {
		return err
	}
	return o.println(fmt.Sprintf("%s, %s of at most %s; each is kept for %s after its last use", service.Count(all.Count, "file"), size(all.Bytes), size(all.MaxBytes), length(milliseconds(all.TTLMs))))
}

func allMedia(ctx context.Context, o *options) (all media.ListResult, err error) {
	c, err := o.dial(ctx)
	if err != nil {
		return all, err
	}
	defer c.Close()
	list := []media.File{}
	for more := true; more; more = all.NextCursor != "" {
		p := media.ListParams{Limit: listPage, Cursor: all.NextCursor}
		all = media.ListResult{}
		if err := c.Call(ctx, "media.list", p, &all); err != nil {
			return all, err
		}
		list = append(list, all.Files...)
	}
	all.Files = list
	return all, nil
}

// aFile is what the commands work on.
var aFile = kind{"file", "media list"}

// mediaID is the file that is meant by the beginning of its id.
func mediaID(ctx context.Context, o *options, word string) (string, error) {
	if len(word) == 64 {
		return word, nil
	}
	all, err := allMedia(ctx, o)
	if err != nil {
		return "", err
	}
	found := slices.DeleteFunc(all.Files, func(f media.File) bool { return word == "" || !strings.HasPrefix(f.ID, word) })
	if len(found) > 1 {
		return "", wit.Errorf(wit.CodeInvalid, "%d files begin with %.64s: write more of the id", len(found), word)
	}
	if err := aFile.unless(len(found) == 1, word); err != nil {
		return "", err
	}
	return found[0].ID, nil
}

func printFile(w io.Writer, f media.File) error {
	return table(w, "", [][]string{{f.ID[:min(len(f.ID), shortID)], f.Mime, size(f.Size), orDash(f.Name)}})
}

// getMedia writes a file to this machine.
func getMedia(ctx context.Context, o *options, args []string) error {
	id, err := mediaID(ctx, o, args[0])
	if err != nil {
		return err
	}
	var f media.File
	if err := o.call(ctx, "media.info", media.IDParams{ID: id}, &f); err != nil {
		return plainly(err, aFile, args[0])
	}
	res, err := o.http(ctx, http.MethodGet, f.URL, nil) // the link needs no token
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return httpProblem(res)
	}
	path := localName(f)
	if len(args) == 2 {
		path = args[1]
	}
	if path == "-" {
		_, err = io.Copy(o.out, res.Body)
		return err
	}
	if err := writeFile(path, res.Body); err != nil {
		return err
	}
	if o.json {
		return o.printJSON(map[string]any{"id": f.ID, "path": path, "size": f.Size})
	}
	return o.println(fmt.Sprintf("written: %s, %s", path, size(f.Size)))
}

// localName is a file's own name. It was given by a stranger: it is in this folder, and not hidden.
func localName(f media.File) string {
	name := filepath.Base(f.Name)
	if f.Name == "" || strings.HasPrefix(name, ".") || name == string(filepath.Separator) || !filepath.IsLocal(name) {
		return f.ID[:shortID]
	}
	return name
}

// writeFile writes a file that there is not yet, whole or not at all.
func writeFile(path string, from io.Reader) (err error) {
	to, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return wit.Errorf(wit.CodeConflict, "%s is there already: name a new file", path)
	}
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, to.Close()); err != nil {
			_ = os.Remove(path) // the first error counts
		}
	}()
	_, err = io.Copy(to, from)
	return err
}

// putMedia sends a file as it is read.
func putMedia(ctx context.Context, o *options, path string) error {
	from, err := file.Open(path)
	if err != nil {
		return err
	}
	defer from.Close()
	res, err := o.http(ctx, http.MethodPost, "/media?name="+url.QueryEscape(filepath.Base(path)), from)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusCreated {
		return httpProblem(res)
	}
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxStateFile))
	if err != nil {
		return err
	}
	return printAnswer(o, "POST /media", json.RawMessage(raw), printFile)
}

// http makes a request of the gateway's own, with what lets its owner in.
func (o *options) http(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	g := gateway{state: o.state, url: o.url, token: o.token}
	address, err := g.address()
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	base := strings.TrimSuffix(strings.TrimSuffix(strings.Replace(u.Scheme, "ws", "http", 1)+"://"+u.Host+u.Path, "/ws"), "/")
	r, err := http.NewRequestWithContext(ctx, method, base+path, body)
	if err != nil {
		return nil, err
	}
	if f, ok := body.(*os.File); ok {
		if info, err := f.Stat(); err == nil {
			r.ContentLength = info.Size()
		}
	}
	if token, password := g.credentials(); token+password != "" {
		r.Header.Set("Authorization", "Bearer "+cmp.Or(token, password))
	}
	res, err := http.DefaultClient.Do(r)
	return res, unreachable(address, err)
}

// httpProblem is the error that an answer tells.
func httpProblem(res *http.Response) error {
	var answer struct {
		Error struct{ Type, Message string }
	}
	b, _ := io.ReadAll(io.LimitReader(res.Body, maxStateFile)) // what is not there is not told
	if json.Unmarshal(b, &answer) != nil || answer.Error.Message == "" {
		return wit.Errorf(wit.CodeUnavailable, "the gateway answered %s", res.Status)
	}
	return wit.Errorf(wit.Code(answer.Error.Type), "%s", answer.Error.Message)
}
