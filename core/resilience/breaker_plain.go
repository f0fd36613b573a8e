//go:build !failsafe

package resilience

import "time"

// plainMachine stands in for failsafe-go's until go.sum lists what that library imports.
type plainMachine struct {
	c        BreakerConfig
	now      State
	failed   int
	openedAt time.Time
	probing  bool
}

func newMachine(c BreakerConfig) machine { return &plainMachine{c: c} }

func (m *plainMachine) TryAcquirePermit() bool {
	if m.now == Open && time.Since(m.openedAt) >= m.c.OpenFor {
		m.HalfOpen()
	}
	switch {
	case m.now == Closed:
		return true
	case m.now == Open, m.probing:
		return false
	}
	m.probing = true
	return true
}

func (m *plainMachine) RecordSuccess() {
	if m.now != Open {
		m.now, m.failed, m.probing = Closed, 0, false
	}
}

func (m *plainMachine) RecordFailure() {
	m.failed++
	if m.now == HalfOpen || m.now == Closed && m.failed >= m.c.Failures {
		m.Open()
	}
}

func (m *plainMachine) Open()     { m.now, m.openedAt, m.failed, m.probing = Open, time.Now(), 0, false }
func (m *plainMachine) HalfOpen() { m.now, m.probing = HalfOpen, false }

func (m *plainMachine) state() State   { return m.now }
func (m *plainMachine) failures() uint { return uint(m.failed) }
