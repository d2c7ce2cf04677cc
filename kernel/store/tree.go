package store

import "math/rand/v2"

// node is an immutable treap: a search tree by key whose priorities keep it shallow. Changes copy the
// path to the root and share the rest. A nil node is the empty tree.
type node struct {
	key         string
	value       []byte
	priority    uint64
	left, right *node
}

// find returns the key's node, or nil.
func (n *node) find(key string) *node {
	for n != nil && n.key != key {
		if key < n.key {
			n = n.left
		} else {
			n = n.right
		}
	}
	return n
}

// split returns the keys below key and those above it; key itself is in neither.
func (n *node) split(key string) (below, above *node) {
	if n == nil {
		return nil, nil
	}
	switch c := *n; {
	case n.key < key:
		c.right, above = n.right.split(key)
		return &c, above
	case n.key > key:
		below, c.left = n.left.split(key)
		return below, &c
	}
	return n.left, n.right
}

// join is the tree of both, given that all of n is below all of o.
func (n *node) join(o *node) *node {
	switch {
	case n == nil:
		return o
	case o == nil:
		return n
	case n.priority > o.priority:
		c := *n
		c.right = n.right.join(o)
		return &c
	}
	c := *o
	c.left = n.join(o.left)
	return &c
}

// with returns the tree with the key set. Keys and priorities alone decide its shape, which random priorities keep
// at a logarithmic depth whatever the order of keys.
func (n *node) with(key string, value []byte) *node {
	below, above := n.split(key)
	return below.join(&node{key: key, value: value, priority: rand.Uint64()}).join(above)
}

// without returns the tree without the key, which is the same tree if it was not there.
func (n *node) without(key string) *node {
	if n.find(key) == nil {
		return n
	}
	below, above := n.split(key)
	return below.join(above)
}

// walk visits the keys in [lo, hi) in order, or against it, until visit returns false.
func (n *node) walk(lo, hi string, reverse bool, visit func(*node) bool) bool {
	if n == nil {
		return true
	}
	near, far := n.left, n.right
	nearIn, farIn := n.key > lo, n.key < hi
	if reverse {
		near, far, nearIn, farIn = far, near, farIn, nearIn
	}
	if nearIn && !near.walk(lo, hi, reverse, visit) {
		return false
	}
	if lo <= n.key && n.key < hi && !visit(n) {
		return false
	}
	return !farIn || far.walk(lo, hi, reverse, visit)
}
