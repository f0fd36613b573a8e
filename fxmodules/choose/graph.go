package choose

import (
	"context"
	"log/slog"
	"time"

	"go.uber.org/fx"
	"go.uber.org/fx/fxevent"
	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"
	"go.uber.org/zap/zapcore"
)

// Logging is a constructor's parameter that gives it the application's logger: a [*zap.Logger] in the graph, or silence.
type Logging struct {
	fx.In
	Zap *zap.Logger `optional:"true"`
}

// Slog writes to the application's logger under a name below its own; nil, which is silent, without one.
func (l Logging) Slog(name string) *slog.Logger { return Slog(l.Zap, name) }

// Slog bridges a zap logger for what takes a [slog.Logger]; nil stays nil. name is added to the logger's own.
func Slog(log *zap.Logger, name string) *slog.Logger {
	if log == nil {
		return nil
	}
	log = log.Named(name)
	return slog.New(zapslog.NewHandler(log.Core(), zapslog.WithName(log.Name())))
}

// eventLogger tells fx's own events to the application's logger: errors as such, the rest for who debugs.
func eventLogger(l Logging) fxevent.Logger {
	if l.Zap == nil {
		return fxevent.NopLogger
	}
	events := &fxevent.ZapLogger{Logger: l.Zap.Named("fx")}
	events.UseLogLevel(zapcore.DebugLevel)
	return events
}

// Closer is what every port's driver is, and the clients of core.
type Closer interface {
	Close(ctx context.Context) error
}

// CloseOnStop closes what a constructor opened when the application stops, within [Share].
func CloseOnStop(lc fx.Lifecycle, c Closer) {
	lc.Append(fx.StopHook(func(ctx context.Context) error {
		ctx, cancel := Share(ctx)
		defer cancel()
		return c.Close(ctx)
	}))
}

// Share is a hook's part of the one budget that fx gives to all hooks together (15 s): half of what is left, so that no
// hook, however long it hangs, takes the others' turn. Without a deadline it is ctx.
func Share(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(deadline)/2)
}
