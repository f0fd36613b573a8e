package ports

import "context"

// Call tells an [Interceptor] what is called. It holds no payload.
type Call struct {
	Port   string // "keyvalue", "stream", "broker", "orchestrator", "monitor"
	Driver string
	Op     string // "get"
	Target string // key, stream, topic or process id
}

// Interceptor stands around every call of a port: the seam for metrics and traces. It calls next once and returns its
// error, or a wrapped one.
type Interceptor func(ctx context.Context, c Call, next func(context.Context) error) error
