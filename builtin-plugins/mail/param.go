package mail

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// pieces are those of parameters (RFC 2231): filename*0* and filename*1 are two of one, and those with a star at their end are
// percent-encoded, the first one behind its charset.
type pieces []piece

type piece struct {
	name    string
	number  int
	text    string
	encoded bool
}

const maxPieces = 64

// add takes one as it is written.
func (p *pieces) add(name, text string) {
	if len(*p) == maxPieces {
		return
	}
	bare, encoded := strings.CutSuffix(lower(strings.TrimSpace(name)), "*")
	bare, index, _ := strings.Cut(bare, "*")
	n, _ := strconv.Atoi(index)
	*p = append(*p, piece{bare, n, text, encoded})
}

// params puts them together: in the order of their numbers, and in the charset that the first one names. Of a parameter that is
// written both ways the encoded one counts.
func (p pieces) params() map[string]string {
	slices.SortStableFunc(p, func(a, b piece) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.number, b.number), cmp.Compare(rank(a), rank(b)))
	})
	params := map[string]string{}
	for i := 0; i < len(p); {
		end := i + 1
		for end < len(p) && p[end].name == p[i].name {
			end++
		}
		params[p[i].name] = p[i:end].joined()
		i = end
	}
	return params
}

func rank(p piece) int {
	if p.encoded {
		return 0
	}
	return 1
}

// joined is the value of one parameter.
func (p pieces) joined() string {
	var data []byte
	charset := ""
	for i, one := range p {
		if i > 0 && one.number == p[i-1].number {
			continue
		}
		text := one.text
		if one.encoded && i == 0 {
			if name, tail, ok := strings.Cut(text, "'"); ok {
				if _, rest, ok := strings.Cut(tail, "'"); ok {
					charset, text = name, rest
				}
			}
		}
		if one.encoded {
			data = append(data, percentDecoded(text)...)
		} else {
			data = append(data, text...)
		}
	}
	if charset == "" {
		return string(data)
	}
	return readable(data, charset)
}
