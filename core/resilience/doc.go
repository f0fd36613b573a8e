// Package resilience keeps sends alive while a backend is not: a breaker, the emergency store as fallback, the order of
// a key across an outage, and the recovery that brings stranded messages home.
//
// [Sender] is the whole of it; package messaging puts typed sends and handlers on top. What it promises is written in
// ports/contract/resilience.md (RS-…):
//
//   - A nil error means that a backend has the message: the primary, or the emergency store.
//   - A stranded message keeps id, topic, key and headers. It is replayed to its topic in order, and leaves the store only
//     after the primary has confirmed it: a crash between the two repeats it with the same id and never loses it.
//   - While messages of a key wait in the store, later messages of that key queue behind them.
package resilience

const driverName = "resilience"
