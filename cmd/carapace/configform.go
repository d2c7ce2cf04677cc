package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/service/system"
)

// placeOf asks for the setting that a command names, or for all of them.
func placeOf(args []string) any {
	if len(args) == 0 {
		return system.ConfigLookupParams{Path: "."}
	}
	return system.ConfigLookupParams{Path: args[0]}
}

// printPlace shows a setting, and what stands below it.
func printPlace(w io.Writer, at system.ConfigPlace) error {
	if at.Hint != nil && at.Hint.Help != "" {
		fmt.Fprintln(w, plain.Line(at.Hint.Help))
	}
	if len(at.Children) == 0 {
		return nil
	}
	var rows [][]string
	for _, c := range at.Children {
		help := ""
		if c.Hint != nil {
			help = c.Hint.Help
		}
		rows = append(rows, []string{c.Key, fmt.Sprint(cmp.Or(c.Type, any("-"))), orDash(c.ReloadKind), help})
	}
	return table(w, "SETTING TYPE CHANGES MEANING", rows)
}

// validateSettings looks at a file, which may be another one than the gateway's. Without a problem it says what would not
// work all the same.
func validateSettings(ctx context.Context, o *options, path string) error {
	text, err := config.Read(path)
	if err != nil {
		return err
	}
	var r system.ConfigValidateResult
	if err := o.call(ctx, "config.validate", system.ConfigValidateParams{Raw: string(text)}, &r); err != nil {
		return err
	}
	if o.json {
		err = o.printJSON(r)
	} else {
		for _, warning := range r.Warnings {
			err = errors.Join(err, o.println(mark(true, true)+" "+plain.Line(warning.Message)))
		}
	}
	if !r.Valid {
		return fmt.Errorf("%s cannot be used: %s", path, plain.Line(r.Issues[0].Message))
	}
	if o.json {
		return err
	}
	return errors.Join(err, o.println(mark(true, false)+" "+path+" can be used"))
}
