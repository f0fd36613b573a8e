package backends

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/redis/rueidis"
)

// RedisTLS is what a client of [StartRedisTLS] needs.
type RedisTLS struct {
	Certificates
	// DefaultPassword of the user default, who may do everything.
	DefaultPassword string
	// User and Password may use keys, channels and streams that begin with Prefix, and no dangerous command.
	User, Password, Prefix string
	// NoClientUser may do everything but CLIENT, which client-side caching needs; its password is Password.
	NoClientUser string
}

// StartRedisTLS starts one server that speaks TLS only, takes client certificates, and has users with rights.
func StartRedisTLS(ctx context.Context, s RedisServer, o Options) (*Redis, error) {
	if !s.TLS {
		return nil, fmt.Errorf("%s was built without TLS: install Redis 7 (Debian: apt-get install redis-server)", s.Path)
	}
	return startRedis(ctx, s, o, 1, func(r *Redis, ports []int) error {
		certificates, err := MakeCertificates(filepath.Join(r.Dir, "tls"))
		if err != nil {
			return err
		}
		r.TLS = &RedisTLS{Certificates: certificates, DefaultPassword: "default-secret", User: "app", Password: "app-secret",
			Prefix: "app", NoClientUser: "noclient"}
		conf := fmt.Sprintf("port 0\ntls-port %d\n%stls-cert-file %s\ntls-key-file %s\ntls-ca-cert-file %s\n"+
			"tls-auth-clients optional\nrequirepass %s\n"+
			"user %s on >%s ~*%s* &*%s* +@all -@dangerous +info +role +keys +flushdb\nuser %s on >%s ~* &* +@all -client\n",
			ports[0], redisConf, certificates.ServerCert, certificates.ServerKey, certificates.CA, r.TLS.DefaultPassword,
			r.TLS.User, r.TLS.Password, r.TLS.Prefix, r.TLS.Prefix, r.TLS.NoClientUser, r.TLS.Password)
		p, err := r.startConfigured(s, "redis-tls", conf)
		if err != nil {
			return err
		}
		node := RedisNode{p, loopback(ports[0])}
		r.Nodes = []RedisNode{node}
		return until(ctx, p.Name, func(ctx context.Context) error { return pingTLS(ctx, node.Addr, r.TLS) })
	})
}

func pingTLS(ctx context.Context, addr string, t *RedisTLS) error {
	authority, err := os.ReadFile(t.CA)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	c, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{addr}, ForceSingleClient: true, DisableCache: true, DisableRetry: true, ConnWriteTimeout: time.Second,
		Password: t.DefaultPassword, TLSConfig: &tls.Config{RootCAs: roots, ServerName: "localhost", MinVersion: tls.VersionTLS12},
	})
	if err != nil {
		return err
	}
	defer c.Close()
	return c.Do(ctx, c.B().Ping().Build()).Error()
}
