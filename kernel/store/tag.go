package store

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"sync"

	"github.com/carapace-gateway/carapace/wit"
)

// tagVersion is the first byte of a tagged value.
const tagVersion = 2

// tagHead is what stands before a tagged value: the version, the nonce and the tag.
const tagHead = 1 + 12 + 16

// tagger puts a tag before values, by which it knows them again: AES-GCM of nothing, with the value and what it is bound to as
// additional data. It is safe for concurrent use.
type tagger struct {
	aead    cipher.AEAD
	buffers sync.Pool // of *[]byte, for the additional data, which has to be in one piece
}

// maxTagBuffer is how large a buffer may be that is kept.
const maxTagBuffer = 64 << 10

// newTagger derives the tags' own key from one that something else is sealed with.
func newTagger(key []byte) (*tagger, error) {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("carapace tag 1"))
	block, err := aes.NewCipher(h.Sum(nil))
	if err != nil {
		return nil, wit.Errorf(wit.CodeInternal, "store: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, wit.Errorf(wit.CodeInternal, "store: %w", err)
	}
	return &tagger{aead: aead, buffers: sync.Pool{New: func() any { return new([]byte) }}}, nil
}

// bound calls fn with what a tag is of.
func (t *tagger) bound(space, key string, value []byte, fn func([]byte)) {
	b, _ := t.buffers.Get().(*[]byte)
	*b = append(appendBond((*b)[:0], space, key), value...)
	fn(*b)
	if cap(*b) <= maxTagBuffer {
		t.buffers.Put(b)
	}
}

// close returns the value behind its tag.
func (t *tagger) close(space, key string, value []byte) []byte {
	out := make([]byte, 1, tagHead+len(value))
	out[0] = tagVersion
	t.bound(space, key, value, func(data []byte) { out = t.aead.Seal(out, nil, nil, data) })
	return append(out, value...)
}

// open returns the value of what close has made, which is a part of it.
func (t *tagger) open(space, key string, box []byte) (value []byte, err error) {
	if len(box) < tagHead || box[0] != tagVersion {
		return nil, errChanged(space, key)
	}
	value = box[tagHead:]
	t.bound(space, key, value, func(data []byte) { _, err = t.aead.Open(nil, nil, box[1:tagHead], data) })
	if err != nil {
		return nil, errChanged(space, key)
	}
	return value, nil
}
