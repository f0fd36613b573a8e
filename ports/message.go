package ports

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Header names that Breakwater reserves. An application may set traceparent and tracestate (W3C Trace Context) itself;
// names that begin with HeaderPrefix are set by Breakwater only.
const (
	HeaderPrefix      = "breakwater-"
	HeaderService     = "breakwater-service"
	HeaderEvent       = "breakwater-event"
	HeaderTenant      = "breakwater-tenant"
	HeaderDeliverAt   = "breakwater-deliver-at"
	HeaderTraceParent = "traceparent"
	HeaderTraceState  = "tracestate"
)

// Clone is a deep copy.
func (m *Message) Clone() *Message {
	c := *m
	c.Payload = slices.Clone(m.Payload)
	c.Headers = maps.Clone(m.Headers)
	return &c
}

// ValidateMessage says why a broker cannot take m, or nil: the topic is not empty, all text is UTF-8, and header names
// are as [Message] says. Every driver calls it before anything is sent.
func ValidateMessage(m *Message) error {
	if m == nil {
		return fmt.Errorf("message is nil")
	}
	if m.Topic == "" {
		return fmt.Errorf("topic is empty; valid is any UTF-8 text but the empty one")
	}
	for _, f := range []struct{ name, text string }{{"id", m.ID}, {"topic", m.Topic}, {"key", m.Key}} {
		if !utf8.ValidString(f.text) {
			return fmt.Errorf("%s is not UTF-8", f.name)
		}
	}
	for name, value := range m.Headers {
		if err := ValidateHeader(name, value); err != nil {
			return err
		}
	}
	return nil
}

// ValidateHeader says why a message cannot carry this header, or nil.
func ValidateHeader(name, value string) error {
	const valid = "valid is a name of lower-case letters, digits, \"-\", \"_\" and \".\""
	switch {
	case name == "id" || name == "key":
		return fmt.Errorf("header name %q is reserved; set Message.ID or Message.Key", name)
	case name == "":
		return fmt.Errorf("header name is empty; %s", valid)
	case strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "":
		return fmt.Errorf("header name %q; %s", name, valid)
	case !utf8.ValidString(value):
		return fmt.Errorf("header %q: value is not UTF-8", name)
	}
	return nil
}

// WithDefaults checks the options and fills in the documented defaults.
func (o SubscribeOptions) WithDefaults() (SubscribeOptions, error) {
	switch {
	case o.Topic == "" || !utf8.ValidString(o.Topic):
		return o, fmt.Errorf("topic is %q; valid is any UTF-8 text but the empty one", o.Topic)
	case o.Strategy < Broadcast || o.Strategy > Exclusive:
		return o, fmt.Errorf("strategy is %d; valid are broadcast, load_balanced, sticky, failover, exclusive", o.Strategy)
	case o.Strategy != Broadcast && (o.Group == "" || !utf8.ValidString(o.Group)):
		return o, fmt.Errorf("group is %q; %v needs one, any UTF-8 text but the empty one", o.Group, o.Strategy)
	case o.Prefetch < 0:
		return o, fmt.Errorf("prefetch is %d; valid is 1 or more, or 0 for %d", o.Prefetch, DefaultPrefetch)
	case o.Lease < 0:
		return o, fmt.Errorf("lease is %v; valid is above 0, or 0 for %v", o.Lease, DefaultLease)
	}
	if o.Prefetch == 0 {
		o.Prefetch = DefaultPrefetch
	}
	if o.Lease == 0 {
		o.Lease = DefaultLease
	}
	return o, nil
}
