package spelling

// accents are letters of other languages, each above the one that it is read as.
const (
	accented = "àáâãäåāăąçćčďđèéêëēėęěğìíîïīįıłñńňòóôõöøōőřśšşťùúûüūůűýÿžźżÀÁÂÃÄÅÇĆČÈÉÊËÌÍÎÏŁÑÒÓÔÕÖØŘŚŠÙÚÛÜÝŽ’ʼ"
	plain    = "aaaaaaaaacccddeeeeeeeegiiiiiiilnnnoooooooorssstuuuuuuuyyzzzAAAAAACCCEEEEIIIILNOOOOOORSSUUUUYZ''"
)

// fold is the letter that another is read as; blanks of all kinds are one, and what is not shown is nothing.
func fold(c rune) rune {
	switch {
	case c < 0x80:
		if c < ' ' && c != '\n' {
			return ' '
		}
		return c
	case c == 0xa0 || c >= 0x2000 && c <= 0x200a || c == 0x202f || c == 0x3000:
		return ' '
	}
	n := 0
	for _, a := range accented {
		if a == c {
			return rune(plain[n])
		}
		n++
	}
	return c
}
