package message

import "github.com/carapace-gateway/carapace/wit"

// maxName bounds a file's name in words, in bytes.
const maxName = 150

// Called is what an attachment is called in words: its kind, with its name where it has one.
func Called(a *wit.Attachment) string {
	if a.Name == nil || *a.Name == "" {
		return string(a.Kind)
	}
	return string(a.Kind) + " " + Clip(*a.Name, maxName)
}
