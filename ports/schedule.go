package ports

import (
	"context"
	"time"
)

// Schedules is optional beside an Orchestrator.
type Schedules interface {
	// CreateSchedule: ErrAlreadyExists when the id is taken, ErrInvalid for a bad cron text or for two kinds at once.
	CreateSchedule(ctx context.Context, s Schedule) error
	DescribeSchedule(ctx context.Context, id string) (Schedule, error) // ErrNotFound, as below
	ListSchedules(ctx context.Context) ([]Schedule, error)
	PauseSchedule(ctx context.Context, id string, paused bool) error
	// TriggerSchedule starts a run now; it does not use up Count.
	TriggerSchedule(ctx context.Context, id string) error
	DeleteSchedule(ctx context.Context, id string) error
}

// Schedule starts runs by the clock, in UTC. A run that is due while the one before still runs is skipped. Exactly one
// of Cron and Every is set.
type Schedule struct {
	ID string
	// Cron has five fields: minute, hour, day of month, month, day of week.
	Cron  string
	Every time.Duration
	// Count is the most runs; 0 = no end. A schedule that has used them up stays listed with Left 0.
	Count, Left int
	Paused      bool
	// Start is what to run; its ID is a prefix.
	Start StartRequest
}

// Namespaces is optional beside an Orchestrator: administration, by name.
type Namespaces interface {
	// CreateNamespace: ErrAlreadyExists; Retention 0 = 3 days.
	CreateNamespace(ctx context.Context, n Namespace) error
	DescribeNamespace(ctx context.Context, name string) (Namespace, error) // ErrNotFound, as below
	// UpdateNamespace changes Retention, Description and OwnerEmail.
	UpdateNamespace(ctx context.Context, n Namespace) error
	DeleteNamespace(ctx context.Context, name string) error
}

// Namespace holds runs apart from those of others.
type Namespace struct {
	// Name has letters, digits, "-" and "_", and begins with a letter or digit.
	Name        string
	Description string
	OwnerEmail  string
	// Retention is how long closed runs are kept: at least one day.
	Retention time.Duration
	State     string
}
