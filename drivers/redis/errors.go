package redis

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/redis/rueidis"

	"github.com/breakwater-go/breakwater/ports"
)

const driverName = "redis"

// toError makes a [*ports.Error] of what rueidis returned for op; nil stays nil. What the context ended is the context's
// error; Redis's nil is ErrNotFound.
func toError(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	var known *ports.Error
	if errors.As(err, &known) {
		return err
	}
	if ended := ports.ContextError(ctx, driverName, op); ended != nil && isEnd(err) {
		return ended
	}
	kind, cause := classify(err)
	return &ports.Error{Op: op, Driver: driverName, Kind: kind, Err: cause}
}

// isEnd: the error may come from the caller's context having ended.
func isEnd(err error) bool {
	var answer *rueidis.RedisError
	return !errors.As(err, &answer)
}

// classify finds the kind of an error and a text that is fit to be read, logged and shown.
func classify(err error) (ports.Kind, error) {
	if rueidis.IsRedisNil(err) {
		return ports.ErrNotFound, nil
	}
	var answer *rueidis.RedisError
	if errors.As(err, &answer) {
		return classifyAnswer(answer)
	}
	return classifyConnection(err)
}

// answerRule: an answer that begins with (or holds) the text is of the kind; advice says what to do.
type answerRule struct {
	text   string
	within bool
	kind   ports.Kind
	advice string
}

const (
	adviceAuth = "set Username and Password to a user that the server knows"
	adviceACL  = "grant the user the command, the key or the channel with ACL SETUSER"
	adviceSize = "split the value, or raise proto-max-bulk-len"
)

// answerRules are tried in order. What Redis says with the code ERR, which rueidis cuts off, is told apart by its words.
var answerRules = []answerRule{
	{text: "NOAUTH", kind: ports.ErrDenied, advice: adviceAuth},
	{text: "WRONGPASS", kind: ports.ErrDenied, advice: adviceAuth},
	{text: "NOPERM", kind: ports.ErrDenied, advice: adviceACL},
	{text: "DENIED", kind: ports.ErrDenied, advice: "the server is in protected mode: give it a password, or bind it to the address"},
	{text: "invalid password", within: true, kind: ports.ErrDenied, advice: adviceAuth},
	{text: "without any password configured", within: true, kind: ports.ErrDenied, advice: "leave Password empty, or give the server's user one"},
	{text: "user executing the script can't run this command", within: true, kind: ports.ErrDenied, advice: adviceACL},
	{text: "WRONGTYPE", kind: ports.ErrWrongType},
	{text: "OOM", kind: ports.ErrExhausted, advice: "raise maxmemory, set an eviction policy, or write less"},
	{text: "max number of clients", within: true, kind: ports.ErrExhausted, advice: "raise maxclients, or lower MaxConnections"},
	{text: "invalid bulk length", within: true, kind: ports.ErrExhausted, advice: adviceSize},
	{text: "invalid multibulk length", within: true, kind: ports.ErrExhausted, advice: "send fewer elements in one call"},
	{text: "exceeds maximum allowed size", within: true, kind: ports.ErrExhausted, advice: adviceSize},
	{text: "NOGROUP", kind: ports.ErrNotFound},
	{text: "UNBLOCKED", kind: ports.ErrNotFound},
	{text: "requires the key to exist", within: true, kind: ports.ErrNotFound},
	{text: "no such key", within: true, kind: ports.ErrNotFound},
	{text: "No such master", within: true, kind: ports.ErrNotFound},
	{text: "BUSYGROUP", kind: ports.ErrAlreadyExists},
	{text: "BUSYKEY", kind: ports.ErrAlreadyExists},
	{text: "LEASELOST", kind: ports.ErrConflict}, // the driver's own scripts say it
	{text: "CONFLICT", kind: ports.ErrConflict},
	{text: "INVALID", kind: ports.ErrInvalid},
	{text: "CLUSTERDOWN", kind: ports.ErrUnavailable, advice: "some of the Cluster's slots have no node"},
	{text: "MASTERDOWN", kind: ports.ErrUnavailable},
	{text: "LOADING", kind: ports.ErrUnavailable},
	{text: "READONLY", kind: ports.ErrUnavailable, advice: "this is a replica: point the configuration at the master or its sentinels"},
	{text: "MISCONF", kind: ports.ErrUnavailable, advice: "the server cannot save and so refuses writes"},
	{text: "NOREPLICAS", kind: ports.ErrUnavailable},
	{text: "TRYAGAIN", kind: ports.ErrUnavailable},
	{text: "MOVED", kind: ports.ErrUnavailable, advice: "this server is of a Cluster: set Architecture to cluster"},
	{text: "ASK ", kind: ports.ErrUnavailable},
	{text: "BUSY ", kind: ports.ErrUnavailable, advice: "a script keeps the server from all else"},
	{text: "CROSSSLOT", kind: ports.ErrInvalid, advice: "give the keys one {tag}"},
	{text: "increment or decrement would overflow", within: true, kind: ports.ErrInvalid},
	{text: "is not an integer", within: true, kind: ports.ErrWrongType},
	{text: "is not a valid float", within: true, kind: ports.ErrWrongType},
	{text: "unknown command", within: true, kind: ports.ErrUnsupported},
	{text: "unknown subcommand", within: true, kind: ports.ErrUnsupported},
}

func classifyAnswer(answer *rueidis.RedisError) (ports.Kind, error) {
	text := answer.Error()
	for _, r := range answerRules {
		if strings.HasPrefix(text, r.text) || r.within && strings.Contains(text, r.text) {
			return r.kind, &answerError{answer: answer, advice: r.advice}
		}
	}
	return ports.ErrInvalid, &answerError{answer: answer}
}

// answerError is what a server answered, without the arguments that it may quote, and with what to do.
type answerError struct {
	answer *rueidis.RedisError
	advice string
}

// Error is the answer and the advice.
func (e *answerError) Error() string {
	text, _, _ := strings.Cut(e.answer.Error(), ", with args")
	if e.advice != "" {
		return text + " (" + e.advice + ")"
	}
	return text
}

// Unwrap gives what rueidis returned.
func (e *answerError) Unwrap() error { return e.answer }

// classifyConnection is for everything but an answer.
func classifyConnection(err error) (ports.Kind, error) {
	var badCert *tls.CertificateVerificationError
	var badName x509.HostnameError
	var unknown x509.UnknownAuthorityError
	var alert tls.AlertError
	var notTLS tls.RecordHeaderError
	var network *net.OpError
	switch {
	case errors.As(err, &badCert), errors.As(err, &badName), errors.As(err, &unknown):
		return ports.ErrDenied, fmt.Errorf("%w (the server's certificate is not trusted: set SSLCACerts to the authority that signed it, and Host to a name in it)", err)
	case errors.As(err, &alert), errors.As(err, &network) && network.Op == "remote error":
		return ports.ErrDenied, fmt.Errorf("%w (the server refuses the client's certificate or its lack: set SSLCertfile and SSLKeyfile)", err)
	case errors.As(err, &notTLS):
		return ports.ErrDenied, fmt.Errorf("%w (the server does not speak TLS: set SSL to false, or Port to its TLS port)", err)
	case errors.Is(err, rueidis.ErrNoCache):
		return ports.ErrDenied, fmt.Errorf("%w (client-side caching needs CLIENT TRACKING: grant it, or set DisableCache)", err)
	case errors.Is(err, rueidis.ErrNoSlot):
		return ports.ErrUnavailable, fmt.Errorf("%w (some of the Cluster's slots have no node)", err)
	case errors.Is(err, errSilent), errors.Is(err, os.ErrDeadlineExceeded) && !isDial(err):
		return ports.ErrTimeout, err
	case errors.Is(err, context.DeadlineExceeded):
		// The caller's context lives: it is rueidis's own bound on making a connection.
		return ports.ErrUnavailable, errors.New("no connection within SocketConnectTimeout")
	}
	return ports.ErrUnavailable, err
}

func isDial(err error) bool {
	var network *net.OpError
	return errors.As(err, &network) && network.Op == "dial"
}
