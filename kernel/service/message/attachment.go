package message

import (
	"strings"

	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/wit"
)

// maxName bounds a name in words, in bytes.
const maxName = 150

// Called is what an attachment is called in words: its kind, with its name where it has one.
func Called(a *wit.Attachment) string {
	if a.Name == nil || *a.Name == "" {
		return string(a.Kind)
	}
	return string(a.Kind) + " " + Name(*a.Name)
}

// Name is what a stranger has named a file or themselves, as it may stand among other words: on one line, without control
// characters and without the brackets that the words around it begin and end with, so that it is never more than a name.
func Name(s string) string {
	return Clip(strings.NewReplacer("[", "(", "]", ")").Replace(plain.Line(s)), maxName)
}
