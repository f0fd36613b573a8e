package process

import "errors"

// Saga collects what undoes the steps taken so far. The zero value is ready.
//
//	var saga process.Saga
//	saga.Add(func(c *process.Context) error { _, err := process.Execute(c, releaseRoom, in.ID); return err })
//	if _, err := process.Execute(c, reserveRoom, in); err != nil {
//		return out, errors.Join(err, saga.Compensate(c))
//	}
type Saga struct{ undo []func(*Context) error }

// Add keeps undo for [Saga.Compensate]. Add it before the step that it undoes, whose outcome may stay unknown: it must then bear a
// step that never ran; or after the step, when it must not.
func (s *Saga) Add(undo func(c *Context) error) { s.undo = append(s.undo, undo) }

// Compensate undoes all, last in, first out, each once, also when the process was cancelled (the context handed to undo is
// disconnected), past failures, which it joins.
func (s *Saga) Compensate(c *Context) error {
	d := c.Disconnected()
	var errs []error
	for len(s.undo) > 0 {
		last := len(s.undo) - 1
		undo := s.undo[last]
		s.undo = s.undo[:last]
		errs = append(errs, undo(d))
	}
	return errors.Join(errs...)
}
