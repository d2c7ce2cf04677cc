// Package typo guesses which word somebody meant who wrote another one.
package typo

import "strings"

// Near returns the first of the words that are most like the one that was written, "" where none is so like it that it may be
// meant: words of which more than one letter in three differs are not, nor are more than two letters.
func Near(written string, words []string) string {
	best, meant := min(2, (len(written)+1)/3)+1, ""
	for _, word := range words {
		if d := distance(strings.ToLower(written), strings.ToLower(word), best); d < best {
			best, meant = d, word
		}
	}
	return meant
}

// distance is how many letters have to be added, left out, replaced or exchanged with the next one to make a word of another;
// most where that is as many or more.
func distance(a, b string, most int) int {
	x, y := []rune(a), []rune(b)
	if len(x)-len(y) >= most || len(y)-len(x) >= most {
		return most
	}
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		before, last, row = last, row, before
		row[0] = i + 1
		for j := range y {
			cost := 1
			if x[i] == y[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return min(row[len(y)], most)
}
