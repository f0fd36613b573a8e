package memory

import (
	"context"
	"log/slog"
)

// liveHandler drops what a process logs while its code is run again.
type liveHandler struct {
	slog.Handler
	m *machine
}

func (h liveHandler) Enabled(ctx context.Context, l slog.Level) bool {
	return !h.m.replaying() && !h.m.dead && h.Handler.Enabled(ctx, l)
}

func (h liveHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return liveHandler{h.Handler.WithAttrs(attrs), h.m}
}

func (h liveHandler) WithGroup(name string) slog.Handler {
	return liveHandler{h.Handler.WithGroup(name), h.m}
}
