// Package choose turns a configuration into fx options before the graph is built: it decides which driver stands behind
// each port, and asks only the chosen drivers for their constructors. An application lists the drivers that it links:
//
//	options, err := choose.Options(choose.Environ(os.Environ()), choose.Config{Env: "local"}, map[string]choose.Module{
//		"memory": memoryfx.Module(memoryfx.Config{}),
//		"redis":  redisfx.Module(redis.Config{}),
//	})
//
// # Variables
//
//	BREAKWATER_ENV           test, testing, local, dev: memory for every port that is not set. Any other word, or none:
//	                         only what is set
//	BREAKWATER_KEYVALUE      the driver of each port, by its name in the map
//	BREAKWATER_STREAM
//	BREAKWATER_BROKER
//	BREAKWATER_ORCHESTRATOR
//	BREAKWATER_FALLBACK      the driver whose emergency store keeps messages while the broker is down. Never filled in:
//	                         unset means none, except a second memory broker behind a memory primary
//	BREAKWATER_<DRIVER>_<FIELD>
//	                         a field of a driver: lists comma-separated, maps a=b,c=d, durations 500ms
//
// An empty variable counts as unset. A variable wins over the same field of [Config], and a port that either names wins
// over BREAKWATER_ENV.
//
// What cannot be meant is an error, before anything is built: an unknown driver, a driver that does not carry the port, an
// unknown field of a chosen driver, and an unknown variable of one word (BREAKWATER_KEYVALEU). Fields of drivers that
// are not chosen are left alone, so that one file of variables serves several set-ups.
//
// # What stands in the graph
//
// [ports.KeyValue], [ports.Stream], [ports.Broker], [ports.EmergencyStore] (the fallback) and [ports.Orchestrator], as far
// as they are chosen; a ports.KeyValue named [VolatileName] where the memory driver is linked; the chosen drivers'
// [Monitored] backends in the group [MonitorGroup]; and a [Choice]. Package corefx builds the rest on these.
package choose

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.uber.org/fx"

	"github.com/breakwater-go/breakwater/ports"
)

const (
	prefix = "BREAKWATER_"
	// memoryDriver is the name under which an application links the memory driver.
	memoryDriver = "memory"
	owner        = "choose" // stands in errors where a driver's name would
)

// Config is the same choice as a struct. The zero value chooses nothing: the environment then has to.
type Config struct {
	// Env as BREAKWATER_ENV.
	Env string `env:"ENV"`
	// The driver of each role, by its name in the map of modules; "" = not chosen here.
	KeyValue     string `env:"KEYVALUE"`
	Stream       string `env:"STREAM"`
	Broker       string `env:"BROKER"`
	Fallback     string `env:"FALLBACK"`
	Orchestrator string `env:"ORCHESTRATOR"`
	// Needs lists the roles that the application cannot do without: one that stays unset is an error that says what to
	// set. Nil: any one role will do.
	Needs []Role `env:"-"`
}

// memoryEnvs are the values of BREAKWATER_ENV that fill in memory.
var memoryEnvs = [...]string{"test", "testing", "local", "dev"}

// Choice says which driver was chosen for each role; it stands in the graph too.
type Choice map[Role]string

// String lists the choice in the order of the roles: "keyvalue=memory broker=memory".
func (c Choice) String() string {
	var parts []string
	for _, r := range settable {
		if c[r] != "" {
			parts = append(parts, r.String()+"="+c[r])
		}
	}
	return strings.Join(parts, " ")
}

// Options chooses. env holds the environment's variables ([Environ]), defaults fill in what they leave unset, linked are
// the drivers that the application links, by the names that the variables use: lower-case letters and digits. The memory
// driver's name is "memory".
//
// The error is ErrInvalid and names every problem found, each with its variable and what is valid; it never holds the
// value of a driver's field.
func Options(env map[string]string, defaults Config, linked map[string]Module) (fx.Option, error) {
	env = withoutEmpty(env)
	if err := validateLinked(linked); err != nil {
		return nil, err
	}
	choice, err := choose(env, defaults, linked)
	if err != nil {
		return nil, err
	}
	options := []fx.Option{fx.Supply(choice), fx.WithLogger(eventLogger)}
	var errs []error
	for name, roles := range choice.byDriver(linked) {
		o, err := provide(newSelection(env, name, roles, choice[Fallback] != ""), linked[name])
		options = append(options, o)
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return fx.Options(options...), nil
}

// choose settles which driver has which role.
func choose(env map[string]string, c Config, linked map[string]Module) (Choice, error) {
	if err := parseSettings(env, &c); err != nil {
		return nil, err
	}
	errs := unknownSettings(env, linked)
	choice := Choice{}
	for _, r := range settable {
		if name := *c.field(r); name != "" {
			choice[r] = name
			errs = append(errs, checkDriver(r, name, linked))
		}
	}
	errs = append(errs, choice.fill(c.Env, linked)...)
	if errors.Join(errs...) == nil {
		errs = append(errs, choice.missing(c, linked))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, &ports.Error{Op: "options", Driver: owner, Kind: ports.ErrInvalid, Err: err}
	}
	return choice, nil
}

// fill puts memory behind what is unset, where the environment's name says so.
func (c Choice) fill(env string, linked map[string]Module) (errs []error) {
	if slices.Contains(memoryEnvs[:], env) {
		if _, ok := linked[memoryDriver]; !ok {
			errs = append(errs, fmt.Errorf("BREAKWATER_ENV is %q, which means memory, and this application links no driver of that name; linked: %s", env, names(linked, 0)))
		}
		for _, r := range settable {
			if r != Fallback && c[r] == "" && linked[memoryDriver].carries(r) {
				c[r] = memoryDriver
			}
		}
	}
	if c[Fallback] == "" && c[Broker] == memoryDriver && linked[memoryDriver].carries(Fallback) {
		c[Fallback] = memoryDriver
	}
	if c[Fallback] != "" && c[Broker] == "" {
		errs = append(errs, fmt.Errorf("BREAKWATER_FALLBACK is %q and BREAKWATER_BROKER is not set; valid is a fallback behind a broker", c[Fallback]))
	}
	return errs
}

// missing says what to set where a role that is needed is not chosen, or nothing is.
func (c Choice) missing(cfg Config, linked map[string]Module) error {
	var lines []string
	for _, r := range settable {
		if (len(c) == 0 && r != Fallback || slices.Contains(cfg.Needs, r)) && c[r] == "" {
			lines = append(lines, fmt.Sprintf("%s to one of: %s", r.variable(), names(linked, r)))
		}
	}
	if lines == nil {
		return nil
	}
	what := "this application needs more drivers than are chosen"
	if len(c) == 0 {
		what = "no driver is chosen"
	}
	return fmt.Errorf("%s; set BREAKWATER_ENV (now %q) to one of: %s, for memory behind all ports, or set %s",
		what, cfg.Env, strings.Join(memoryEnvs[:], ", "), strings.Join(lines, "; "))
}

// checkDriver says why a driver cannot have the role, or nil.
func checkDriver(r Role, name string, linked map[string]Module) error {
	m, ok := linked[name]
	switch {
	case !ok:
		return fmt.Errorf("%s is %q, a driver that this application does not link; valid here: %s", r.variable(), name, names(linked, r))
	case !m.carries(r):
		return fmt.Errorf("%s is %q, a driver that does not carry it; valid here: %s", r.variable(), name, names(linked, r))
	}
	return nil
}

// names lists the drivers that carry r, all for the zero role.
func names(linked map[string]Module, r Role) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(linked)) {
		if r == 0 || linked[name].carries(r) {
			list = append(list, name)
		}
	}
	if list == nil {
		return "none, since no linked driver carries it"
	}
	return strings.Join(list, ", ")
}

// byDriver groups the roles by driver, drivers in the order of their names. Volatile, which nobody sets, goes to the
// memory driver where there is a cache to use it.
func (c Choice) byDriver(linked map[string]Module) func(yield func(string, []Role) bool) {
	roles := map[string][]Role{}
	for _, r := range settable {
		if name := c[r]; name != "" {
			roles[name] = append(roles[name], r)
		}
	}
	if c[KeyValue] != "" && linked[memoryDriver].carries(Volatile) {
		roles[memoryDriver] = append(roles[memoryDriver], Volatile)
	}
	return func(yield func(string, []Role) bool) {
		for _, name := range slices.Sorted(maps.Keys(roles)) {
			if !yield(name, roles[name]) {
				return
			}
		}
	}
}

// provide asks one driver for its options.
func provide(s Selection, m Module) (fx.Option, error) {
	o, err := m.Provide(s)
	if err == nil {
		err = s.unknownFields()
	}
	if err != nil {
		return nil, &ports.Error{Op: "options of " + s.driver, Driver: owner, Kind: ports.ErrInvalid, Err: err}
	}
	return fx.Module(s.driver, o), nil
}
