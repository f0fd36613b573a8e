package choose

import (
	"fmt"
	"slices"
	"strings"

	"go.uber.org/fx"

	"github.com/breakwater-go/breakwater/ports"
)

// Role is what a driver is chosen for. One driver may have several, from one client.
type Role uint8

// The roles, with what a driver that has one provides to the graph.
const (
	// KeyValue provides a [ports.KeyValue].
	KeyValue Role = iota + 1
	// Stream provides a [ports.Stream].
	Stream
	// Broker provides the primary [ports.Broker].
	Broker
	// Fallback provides a [ports.EmergencyStore] that does not fail with the primary: a driver that is both keeps two
	// instances.
	Fallback
	// Orchestrator provides a [ports.Orchestrator].
	Orchestrator
	// Volatile provides a [ports.KeyValue] named [VolatileName] that declares Volatile and shares nothing with the
	// KeyValue: the cache's place for critical data. It is not set; the memory driver gets it where it is linked.
	Volatile
)

// settable are the roles with a variable.
var settable = [...]Role{KeyValue, Stream, Broker, Fallback, Orchestrator}

var roleTexts = [...]string{"unknown", "keyvalue", "stream", "broker", "fallback", "orchestrator", "volatile"}

// String is the role in lower case ("keyvalue").
func (r Role) String() string {
	if int(r) >= len(roleTexts) {
		return roleTexts[0]
	}
	return roleTexts[r]
}

// variable is the name of what sets the role.
func (r Role) variable() string { return prefix + strings.ToUpper(r.String()) }

// field is where a Config keeps the role.
func (c *Config) field(r Role) *string {
	return map[Role]*string{KeyValue: &c.KeyValue, Stream: &c.Stream, Broker: &c.Broker, Fallback: &c.Fallback,
		Orchestrator: &c.Orchestrator}[r]
}

// Names under which values stand in the graph.
const (
	// VolatileName is the fx name of the volatile ports.KeyValue.
	VolatileName = "breakwater.volatile"
	// MonitorGroup is the fx group of the chosen drivers' [Monitored] backends.
	MonitorGroup = "breakwater.monitors"
)

// Module is a driver as choose sees it; a driver's fx package exports a function that makes it, from the defaults of the
// driver's own Config:
//
//	func Module(defaults mydb.Config) choose.Module {
//		return choose.Module{
//			Roles: []choose.Role{choose.KeyValue, choose.Stream},
//			Provide: func(s choose.Selection) (fx.Option, error) {
//				cfg := defaults
//				if err := s.Decode(&cfg); err != nil {
//					return nil, err
//				}
//				open := func(lc fx.Lifecycle, log choose.Logging) (*mydb.Client, error) {
//					cfg.Logger = log.Slog("mydb")
//					c, err := mydb.Open(cfg)
//					if err == nil {
//						choose.CloseOnStop(lc, c)
//					}
//					return c, err
//				}
//				return fx.Options(
//					fx.Provide(open, fx.Private),
//					s.As(choose.KeyValue, mydb.NewKeyValue),
//					s.As(choose.Stream, mydb.NewStream),
//					choose.AsMonitored(func(c *mydb.Client) choose.Monitored {
//						return choose.Monitored{Name: "mydb", Monitor: mydb.NewMonitor(c), Optional: s.Optional()}
//					}),
//				), nil
//			},
//		}
//	}
type Module struct {
	// Roles that the driver can carry.
	Roles []Role
	// Provide is called while the options are built, at most once, and only when the driver is chosen. It connects to
	// nothing: constructors do that later, and only for what the application uses. They stand in an fx.Module of their
	// own, so that fx.Private keeps a client to the driver.
	Provide func(Selection) (fx.Option, error)
}

func (m Module) carries(r Role) bool { return slices.Contains(m.Roles, r) }

// As provides what constructor makes, in the type and under the name that the role has in the graph. It is no option at
// all when the driver was not chosen for the role, so that a module lists all that it can carry.
func (s Selection) As(r Role, constructor any) fx.Option {
	if !s.Has(r) {
		return fx.Options()
	}
	annotations := []fx.Annotation{fx.As(r.port())}
	if r == Volatile {
		annotations = append(annotations, fx.ResultTags(`name:"`+VolatileName+`"`))
	}
	return fx.Provide(fx.Annotate(constructor, annotations...))
}

// port is a pointer to the interface that the role provides.
func (r Role) port() any {
	switch r {
	case Stream:
		return new(ports.Stream)
	case Broker:
		return new(ports.Broker)
	case Fallback:
		return new(ports.EmergencyStore)
	case Orchestrator:
		return new(ports.Orchestrator)
	default:
		return new(ports.KeyValue)
	}
}

// Monitored is a backend that the application's health shows.
type Monitored struct {
	// Name tells it from the others ("redis").
	Name    string
	Monitor ports.Monitor
	// Optional: the application does its work without it.
	Optional bool
}

// AsMonitored provides what constructor makes, a [Monitored], as one of [MonitorGroup].
func AsMonitored(constructor any) fx.Option {
	return fx.Provide(fx.Annotate(constructor, fx.ResultTags(`group:"`+MonitorGroup+`"`)))
}

// Optional says whether the application does its work without the driver: it has no role but Fallback and Volatile, or
// that of a Broker which has a fallback.
func (s Selection) Optional() bool {
	for _, r := range s.roles {
		if r != Fallback && r != Volatile && (r != Broker || !s.fallback) {
			return false
		}
	}
	return true
}

// validateLinked finds mistakes of the application, not of its user.
func validateLinked(linked map[string]Module) error {
	for name, m := range linked {
		switch {
		case name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789") != "":
			return invalidModule("driver name %q; valid are lower-case letters and digits", name)
		case slices.Contains(settingNames(), strings.ToUpper(name)):
			return invalidModule("driver name %q is that of a setting; valid is any other", name)
		case m.Provide == nil:
			return invalidModule("module %q: Provide is nil; valid is a function", name)
		}
	}
	return nil
}

func invalidModule(format string, args ...any) error {
	return &ports.Error{Op: "options", Driver: owner, Kind: ports.ErrInvalid, Err: fmt.Errorf(format, args...)}
}
