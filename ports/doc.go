// Package ports holds Breakwater's driven interfaces, the values that cross them and the errors that leave them. A
// driver implements them, core calls them, an application rarely does. The package needs the standard library only, so
// that a driver written elsewhere inherits nothing else.
//
// # What a driver implements
//
// Every port embeds [Driver]. A driver implements as many ports as its backend can carry:
//
//	KeyValue      strings, and what KeyValueCapabilities declares of TTLs, hashes, lists, sorted sets …
//	Stream        an append-only log with consumer groups
//	Broker        publish, and subscribe by one of five strategies; capabilities are declared per strategy
//	Orchestrator  durable processes and their steps
//	Monitor       health and statistics
//
// Optional interfaces, found with [Optional] (never by a bare type assertion, which a decorator would hide):
//
//	EmergencyStore  beside a Broker: where another broker's messages wait
//	Updates         beside an Orchestrator: a synchronous call into a running process
//	Schedules       beside an Orchestrator: processes started by the clock
//	Namespaces      beside an Orchestrator: administration of namespaces
//
// # Around a driver
//
// An [Interceptor] sees every call: [InterceptKeyValue], [InterceptStream], [InterceptBroker], [InterceptOrchestrator] and
// [InterceptMonitor] put it there. A decorator of your own embeds the port and implements [Unwrapper].
//
// # Rules for every method
//
//   - The context comes first. A cancel or a deadline, with or without the other, unblocks the call within 100 ms; the
//     error then holds for errors.Is(err, ctx.Err()), and the effect of a cancelled write is unknown: once or not at
//     all, never half.
//   - Bytes, slices and maps are copied at the boundary: neither side sees the other's later changes.
//   - A method whose capability is not declared returns [ErrUnsupported] and has no effect.
//   - Every error is an [*Error]; its [Kind] tells what the caller can do about it, and its text never holds a payload.
//   - After Close a method returns [ErrClosed].
//   - All values are safe for concurrent use unless said otherwise.
//
// The numbered clauses in the folder contract are the exact promises; a method's comment names those that hold it
// (KV-…, ST-…, BR-…, OR-…, MO-…), and the conformance suite proves them.
package ports
