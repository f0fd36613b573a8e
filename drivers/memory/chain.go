package memory

// chain is a doubly linked list whose nodes live inside the values: putting a value in and taking it out allocate
// nothing. The zero value is empty.
type chain[T any] struct {
	front, back *link[T]
	size        int
}

// link is a value's place in a list; a value with one node is in one list at most.
type link[T any] struct {
	prev, next *link[T]
	in         *chain[T]
	value      T
}

func (l *chain[T]) pushBack(n *link[T]) {
	n.in, n.prev, n.next = l, l.back, nil
	if l.back == nil {
		l.front = n
	} else {
		l.back.next = n
	}
	l.back = n
	l.size++
}

func (l *chain[T]) pushFront(n *link[T]) {
	n.in, n.prev, n.next = l, nil, l.front
	if l.front == nil {
		l.back = n
	} else {
		l.front.prev = n
	}
	l.front = n
	l.size++
}

// popFront takes the first value out; ok is false when there is none.
func (l *chain[T]) popFront() (value T, ok bool) {
	n := l.front
	if n == nil {
		return value, false
	}
	n.remove()
	return n.value, true
}

// all walks from front to back; the value just yielded may be taken out.
func (l *chain[T]) all(yield func(T) bool) {
	for n := l.front; n != nil; {
		next := n.next
		if !yield(n.value) {
			return
		}
		n = next
	}
}

// remove takes the node out of the list it is in, if any, and leaves no link behind that would keep neighbours alive.
func (n *link[T]) remove() {
	l := n.in
	if l == nil {
		return
	}
	if n.prev == nil {
		l.front = n.next
	} else {
		n.prev.next = n.next
	}
	if n.next == nil {
		l.back = n.prev
	} else {
		n.next.prev = n.prev
	}
	n.in, n.prev, n.next = nil, nil, nil
	l.size--
}
