package choose

import (
	"encoding"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

// Environ makes a map of what [os.Environ] returns, for the outermost edge of a program. Only Breakwater's own variables
// are kept.
func Environ(environ []string) map[string]string {
	vars := map[string]string{}
	for _, line := range environ {
		if name, value, ok := strings.Cut(line, "="); ok && strings.HasPrefix(name, prefix) {
			vars[name] = value
		}
	}
	return vars
}

func withoutEmpty(vars map[string]string) map[string]string {
	kept := make(map[string]string, len(vars)) // never nil: the library would read the process's own
	for name, value := range vars {
		if value != "" && strings.HasPrefix(name, prefix) {
			kept[name] = value
		}
	}
	return kept
}

// Selection is what choose hands to a [Module]: its roles and its part of the environment.
type Selection struct {
	driver string
	roles  []Role
	// fallback: the application has one, of this driver or another.
	fallback bool
	vars     map[string]string // only the driver's own
	known    map[string]bool   // variables that a Decode has a field for
}

func newSelection(vars map[string]string, driver string, roles []Role, fallback bool) Selection {
	s := Selection{driver: driver, roles: roles, fallback: fallback, vars: map[string]string{}, known: map[string]bool{}}
	for name, value := range vars {
		if strings.HasPrefix(name, s.prefix()) {
			s.vars[name] = value
		}
	}
	return s
}

func (s Selection) prefix() string { return prefix + strings.ToUpper(s.driver) + "_" }

// Has says whether the driver was chosen for the role.
func (s Selection) Has(r Role) bool { return slices.Contains(s.roles, r) }

// Decode puts the driver's variables over what into, a pointer to a struct, holds already, which so are the defaults. A
// field's variable is BREAKWATER_<DRIVER>_ and its name in upper case, SocketTimeout being SOCKET_TIMEOUT, or what the
// field's tag `env` says; a tag of "-" leaves a field out. Text, numbers, booleans, durations (500ms), comma-separated
// lists and maps of text (a=b,c=d) need nothing more; other types implement [encoding.TextUnmarshaler], and lists of
// these too.
//
// Two structs may share the variables, by two calls. sub, as in "FALLBACK_", stands before the field in the variable's
// name: for a second instance whose fields differ, which begins as a copy of the first.
//
// The error names the variable and what is valid, not its value; text that an UnmarshalText returns stands in it.
func (s Selection) Decode(into any, sub ...string) error {
	options := env.Options{Environment: s.vars, Prefix: s.prefix() + strings.Join(sub, ""), UseFieldNameByDefault: true,
		FuncMap: parsers()}
	fields, err := env.GetFieldParamsWithOptions(into, options)
	if err != nil {
		return fmt.Errorf("fields of %s: %w", s.driver, err)
	}
	for _, f := range fields {
		if !f.Ignored {
			s.known[f.Key] = true
		}
	}
	if err := env.ParseWithOptions(into, options); err != nil {
		return errors.Join(faults(into, options)...)
	}
	return nil
}

// parsers of what the library would write otherwise: maps of text with "=", lists without the spaces.
func parsers() map[reflect.Type]env.ParserFunc {
	return map[reflect.Type]env.ParserFunc{
		reflect.TypeFor[[]string](): func(text string) (any, error) { return parseList(text) },
		reflect.TypeFor[map[string]string](): func(text string) (any, error) {
			list, err := parseList(text)
			m := make(map[string]string, len(list))
			for _, pair := range list {
				name, value, ok := strings.Cut(pair, "=")
				if name = strings.TrimSpace(name); !ok || name == "" {
					return nil, errors.New("not a=b")
				}
				m[name] = strings.TrimSpace(value)
			}
			return m, err
		},
	}
}

func parseList(text string) ([]string, error) {
	list := strings.Split(text, ",")
	for i := range list {
		if list[i] = strings.TrimSpace(list[i]); list[i] == "" {
			return nil, errors.New("an entry is empty")
		}
	}
	return list, nil
}

// faults finds the variables that do not parse, by parsing each alone: the library's errors name the struct's field and
// quote the value.
func faults(into any, o env.Options) (errs []error) {
	all := o.Environment
	for _, name := range slices.Sorted(maps.Keys(all)) {
		o.Environment = map[string]string{name: all[name]}
		scratch := reflect.New(reflect.TypeOf(into).Elem()).Interface()
		var parse env.ParseError
		if errors.As(env.ParseWithOptions(scratch, o), &parse) {
			errs = append(errs, fmt.Errorf("%s has a value that does not parse; valid is %s", name, validText(parse)))
		}
	}
	if errs == nil { // nothing that a variable's value can be blamed for
		errs = append(errs, fmt.Errorf("the fields of %T cannot be read from the environment; valid are the types that Decode names", into))
	}
	return errs
}

// validText says what a field takes.
func validText(e env.ParseError) string {
	if reflect.PointerTo(e.Type).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) || isListOfOwnType(e.Type) {
		return fmt.Sprintf("what the field takes: %v", e.Err)
	}
	return typeText(e.Type)
}

func isListOfOwnType(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && reflect.PointerTo(t.Elem()).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

func typeText(t reflect.Type) string {
	if t == reflect.TypeFor[time.Duration]() {
		return "a duration such as 500ms or 2s"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "a whole number in the range of " + t.Kind().String()
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number, 0 or more, in the range of " + t.Kind().String()
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Slice:
		return "a comma-separated list, each " + typeText(t.Elem())
	case reflect.Map:
		return "a comma-separated list of a=b"
	case reflect.Pointer:
		return typeText(t.Elem())
	case reflect.String:
		return "any text but the empty one"
	default:
		return "a " + t.String()
	}
}

// unknownFields are the driver's variables that no Decode had a field for.
func (s Selection) unknownFields() error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(s.vars)) {
		if s.known[name] {
			continue
		}
		valid := "none: the driver has no fields"
		if len(s.known) > 0 {
			valid = strings.Join(slices.Sorted(maps.Keys(s.known)), ", ")
		}
		errs = append(errs, fmt.Errorf("%s is no field of driver %q; valid: %s", name, s.driver, valid))
	}
	return errors.Join(errs...)
}

// parseSettings puts the variables over the struct.
func parseSettings(vars map[string]string, c *Config) error {
	return env.ParseWithOptions(c, env.Options{Environment: vars, Prefix: prefix})
}

// settingNames are the variables that are no driver's, without the prefix.
func settingNames() []string {
	list := []string{"ENV"}
	for _, r := range settable {
		list = append(list, strings.ToUpper(r.String()))
	}
	return list
}

// unknownSettings are variables of one word that mean nothing: most likely a slip that would go unnoticed.
func unknownSettings(vars map[string]string, linked map[string]Module) (errs []error) {
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		word := strings.TrimPrefix(name, prefix)
		if strings.Contains(word, "_") || slices.Contains(settingNames(), word) {
			continue
		}
		errs = append(errs, fmt.Errorf("%s is no variable that Breakwater reads; valid are %s%s and the fields of the linked drivers (%s), such as %s<DRIVER>_<FIELD>",
			name, prefix, strings.Join(settingNames(), ", "+prefix), names(linked, 0), prefix))
	}
	return errs
}
