package main

import (
	"fmt"
	"io"
	"time"

	"github.com/carapace-gateway/carapace/kernel/plain"
)

// row is one attack over all rounds, each beside the gateway when it was quiet just before.
type row struct {
	attack
	said            string
	quiet, attacked []sample
}

// bound is how many times the quiet p99 the one under attack is to be at most.
const bound = 2

// report prints the rows as a Markdown table, and marks what is over the bound.
func report(w io.Writer, rows []*row) {
	fmt.Fprintln(w, "| attack | what the gateway said | health p50 | health p99 | to quiet | chat p50 | chat p99 | to quiet |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|")
	var quiet []sample
	for _, r := range rows {
		quiet = append(quiet, r.quiet...)
	}
	if len(quiet) == 0 {
		return
	}
	q := median(quiet)
	fmt.Fprintf(w, "| none | | %s | %s | | %s | %s | |\n", ms(q.health.p50), ms(q.health.p99), ms(q.chat.p50), ms(q.chat.p99))
	slow := 0
	for _, r := range rows {
		if len(r.attacked) == 0 {
			fmt.Fprintf(w, "| %s | | | | | | | |\n", r.name)
			continue
		}
		q, a := median(r.quiet), median(r.attacked)
		health, over := ratio(a.health, q.health)
		chat, chatOver := ratio(a.chat, q.chat)
		if over || chatOver {
			slow++
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s | %s | %s |\n", r.name, cell(r.said), ms(a.health.p50), ms(a.health.p99), health, ms(a.chat.p50), ms(a.chat.p99), chat)
	}
	fmt.Fprintf(w, "\nFigures are medians of %d rounds, each beside a quiet gateway just before; in %d of %d rows a p99 is over %d× of quiet.\n",
		len(rows[0].quiet), slow, len(rows), bound)
}

// ratio is how many times the quiet p99 the other one is, and marks it when that is over the bound.
func ratio(attacked, quiet latency) (text string, over bool) {
	times := float64(attacked.p99) / float64(max(quiet.p99, 1))
	if times > bound {
		return fmt.Sprintf("**%.1f×**", times), true
	}
	return fmt.Sprintf("%.1f×", times), false
}

func ms(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond)) }

// cell is a text of others in a table.
func cell(text string) string {
	const most = 130
	runes := []rune(plain.Line(text))
	if len(runes) > most {
		runes = append(runes[:most], '…')
	}
	return string(runes)
}
