package store

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"sync"

	"github.com/carapace-gateway/carapace/wit"
)

// tagVersion is the first byte of a tagged value.
const tagVersion = 2

// tagHead is what stands before a tagged value: the version, the nonce and the tag.
const tagHead = 1 + 12 + 16

// tagger puts a tag before values, by which it knows them again: AES-GCM of nothing, with the value and what it is bound to as
// additional data, which is one piece. It is safe for concurrent use.
type tagger struct {
	aead    cipher.AEAD
	buffers *buffers
}

// newTagger derives the tags' own key from one that something else is sealed with.
func newTagger(key []byte, b *buffers) (*tagger, error) {
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
	return &tagger{aead: aead, buffers: b}, nil
}

// appendBond appends what a value is bound to, which can be told from it, and space from key, by the lengths at the end.
func appendBond(b []byte, space, key string) []byte {
	b = append(append(b, space...), key...)
	b = append(b, byte(len(space))) // at most MaxSpace
	b = binary.BigEndian.AppendUint16(b, uint16(len(key)))
	return append(b, "carapace record 2"...)
}

// close returns the value behind its tag, in the memory of b, which it may extend.
func (t *tagger) close(b []byte, space, key string, value []byte) []byte {
	b = append(b[:0], make([]byte, tagHead)...)
	b = appendBond(append(b, value...), space, key)
	b[0] = tagVersion
	t.aead.Seal(b[:1], nil, nil, b[tagHead:])
	return b[:tagHead+len(value)]
}

// open returns the value of what close has made, which is a part of it.
func (t *tagger) open(space, key string, box []byte) ([]byte, error) {
	if len(box) < tagHead || box[0] != tagVersion {
		return nil, errChanged(space, key)
	}
	b := t.buffers.get()
	defer t.buffers.put(b)
	*b = appendBond(append((*b)[:0], box[tagHead:]...), space, key)
	if _, err := t.aead.Open(nil, nil, box[1:tagHead], *b); err != nil {
		return nil, errChanged(space, key)
	}
	return box[tagHead:], nil
}

// buffers are memory for the time of a call.
type buffers struct{ pool sync.Pool }

// maxBuffer is how large one may be that is kept.
const maxBuffer = 64 << 10

func (p *buffers) get() *[]byte {
	if b, ok := p.pool.Get().(*[]byte); ok {
		return b
	}
	return new([]byte)
}

func (p *buffers) put(b *[]byte) {
	if cap(*b) <= maxBuffer {
		p.pool.Put(b)
	}
}
