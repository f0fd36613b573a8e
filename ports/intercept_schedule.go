package ports

import "context"

type interceptedSchedules struct {
	schedules Schedules
	seam      *seam
}

func (s *interceptedSchedules) CreateSchedule(ctx context.Context, schedule Schedule) error {
	return s.seam.do(ctx, "create schedule", schedule.ID, func(ctx context.Context) error {
		return s.schedules.CreateSchedule(ctx, schedule)
	})
}

func (s *interceptedSchedules) DescribeSchedule(ctx context.Context, id string) (Schedule, error) {
	return ask(ctx, s.seam, "describe schedule", id, func(ctx context.Context) (Schedule, error) {
		return s.schedules.DescribeSchedule(ctx, id)
	})
}

func (s *interceptedSchedules) ListSchedules(ctx context.Context) ([]Schedule, error) {
	return ask(ctx, s.seam, "list schedules", "", s.schedules.ListSchedules)
}

func (s *interceptedSchedules) PauseSchedule(ctx context.Context, id string, paused bool) error {
	return s.seam.do(ctx, "pause schedule", id, func(ctx context.Context) error {
		return s.schedules.PauseSchedule(ctx, id, paused)
	})
}

func (s *interceptedSchedules) TriggerSchedule(ctx context.Context, id string) error {
	return s.seam.do(ctx, "trigger schedule", id, func(ctx context.Context) error {
		return s.schedules.TriggerSchedule(ctx, id)
	})
}

func (s *interceptedSchedules) DeleteSchedule(ctx context.Context, id string) error {
	return s.seam.do(ctx, "delete schedule", id, func(ctx context.Context) error {
		return s.schedules.DeleteSchedule(ctx, id)
	})
}

type interceptedNamespaces struct {
	namespaces Namespaces
	seam       *seam
}

func (n *interceptedNamespaces) CreateNamespace(ctx context.Context, namespace Namespace) error {
	return n.seam.do(ctx, "create namespace", namespace.Name, func(ctx context.Context) error {
		return n.namespaces.CreateNamespace(ctx, namespace)
	})
}

func (n *interceptedNamespaces) DescribeNamespace(ctx context.Context, name string) (Namespace, error) {
	return ask(ctx, n.seam, "describe namespace", name, func(ctx context.Context) (Namespace, error) {
		return n.namespaces.DescribeNamespace(ctx, name)
	})
}

func (n *interceptedNamespaces) UpdateNamespace(ctx context.Context, namespace Namespace) error {
	return n.seam.do(ctx, "update namespace", namespace.Name, func(ctx context.Context) error {
		return n.namespaces.UpdateNamespace(ctx, namespace)
	})
}

func (n *interceptedNamespaces) DeleteNamespace(ctx context.Context, name string) error {
	return n.seam.do(ctx, "delete namespace", name, func(ctx context.Context) error {
		return n.namespaces.DeleteNamespace(ctx, name)
	})
}
