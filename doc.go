// Package breakwater is the root of a framework for services that need a cache, streams, a message broker and durable
// processes behind interfaces that can be swapped, and that keep working when a backend goes down.
//
// The packages:
//
//   - [github.com/breakwater-go/breakwater/ports]: the five driven interfaces, their errors and their contract
//   - core/cache, core/messaging, core/process, core/monitoring: what applications call
//   - drivers/memory: all five ports without a backend, the reference of every driver
//   - fxmodules/choose: from an environment to fx options
//   - conformance: the suite that holds any driver to the contract
package breakwater
