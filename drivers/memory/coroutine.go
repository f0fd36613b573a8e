package memory

import (
	"iter"
	"runtime"
	"slices"
)

// coroutine is one thread of a process's code. It runs only while its machine resumes it, and gives control back when it
// waits.
type coroutine struct {
	next func() (struct{}, bool)
	stop func()
	// yield gives control back; it is false when the coroutine shall end.
	yield func(struct{}) bool
	// number counts the coroutines of a machine, from 1.
	number int
	// queued: it stands in the machine's line of those that may run.
	queued bool
	done   bool
}

// newCoroutine makes a coroutine that has not run yet. body must recover its own panics.
func newCoroutine(body func()) *coroutine {
	co := &coroutine{}
	co.next, co.stop = iter.Pull(func(yield func(struct{}) bool) {
		co.yield = yield
		defer func() { co.done = true }()
		body()
	})
	return co
}

// resume runs the coroutine until it waits or ends. If its code calls runtime.Goexit, so does resume.
func (co *coroutine) resume() { co.next() }

// wait gives control back until the next resume. Once the coroutine is abandoned it never returns: the code is unwound by
// runtime.Goexit, which runs its deferred calls and cannot be recovered from, also when these wait again.
func (co *coroutine) wait() {
	if !co.yield(struct{}{}) {
		runtime.Goexit()
	}
}

// unwind ends coroutines that wait, one after the other, since what they defer may share state, and calls then. Each is
// ended on a goroutine of its own, because the Goexit that unwinds a coroutine also ends who asked for it.
func unwind(cos []*coroutine, then func()) {
	for len(cos) > 0 && cos[0].done {
		cos = cos[1:]
	}
	if len(cos) == 0 {
		then()
		return
	}
	go func() {
		defer unwind(cos[1:], then)
		cos[0].stop()
	}()
}

// waitlist holds the coroutines that wait for one thing, in the order in which they came.
type waitlist []*coroutine

func (l *waitlist) add(co *coroutine) { *l = append(*l, co) }

func (l *waitlist) remove(co *coroutine) {
	for i, c := range *l {
		if c == co {
			*l = slices.Delete(*l, i, i+1)
			return
		}
	}
}
