//go:build failsafe

package resilience

import "github.com/failsafe-go/failsafe-go/circuitbreaker"

type failsafeMachine struct {
	circuitbreaker.CircuitBreaker[any]
}

func newMachine(c BreakerConfig) machine {
	return failsafeMachine{circuitbreaker.NewBuilder[any]().
		WithFailureThreshold(uint(c.Failures)).
		WithSuccessThreshold(1).
		WithDelay(c.OpenFor).
		Build()}
}

func (m failsafeMachine) failures() uint { return m.Metrics().Failures() }

func (m failsafeMachine) state() State {
	switch m.State() {
	case circuitbreaker.OpenState:
		return Open
	case circuitbreaker.HalfOpenState:
		return HalfOpen
	}
	return Closed
}
