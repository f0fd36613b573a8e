package redis_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/breakwater-go/breakwater/drivers/redis"
)

func TestDefaultConfig(t *testing.T) {
	c := redis.DefaultConfig()
	for _, d := range []struct {
		field     string
		got, want any
	}{
		{"Host", c.Host, "localhost"}, {"Port", c.Port, 6379}, {"Username", c.Username, ""}, {"Password", c.Password, redis.Secret("")},
		{"DB", c.DB, 0}, {"ServiceName", c.ServiceName, "safari_pro"}, {"MaxConnections", c.MaxConnections, 100},
		{"SocketTimeout", c.SocketTimeout, 500 * time.Millisecond}, {"SocketConnectTimeout", c.SocketConnectTimeout, 200 * time.Millisecond},
		{"SocketKeepalive", c.SocketKeepalive, true}, {"HealthCheckInterval", c.HealthCheckInterval, 30 * time.Second},
		{"RetryOnTimeout", c.RetryOnTimeout, true}, {"RetryBackoff", c.RetryBackoff, true}, {"Retries", c.Retries, 3},
		{"HandleMovedRedirects", c.HandleMovedRedirects, true}, {"HandleAskRedirects", c.HandleAskRedirects, true},
		{"SlotMapCaching", c.SlotMapCaching, true}, {"SlotRefreshAutomatic", c.SlotRefreshAutomatic, true},
		{"ReinitializeSteps", c.ReinitializeSteps, 5}, {"FailoverAwareness", c.FailoverAwareness, true},
		{"ReadFromReplicas", c.ReadFromReplicas, true}, {"RequireFullCoverage", c.RequireFullCoverage, false},
		{"SSL", c.SSL, false}, {"SSLCertReqs", c.SSLCertReqs, redis.CertRequired}, {"SSLKeyfile", c.SSLKeyfile, ""},
		{"SSLCertfile", c.SSLCertfile, ""}, {"SSLCACerts", c.SSLCACerts, ""}, {"SentinelMasterName", c.SentinelMasterName, ""},
		{"SentinelPort", c.SentinelPort, 26379}, {"HybridPort", c.HybridPort, 0}, {"Slotting", c.Slotting, redis.Distributed},
	} {
		if d.got != d.want {
			t.Errorf("%s is %v; want %v", d.field, d.got, d.want)
		}
	}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}

func TestValidateNamesFieldProblemAndWhatIsValid(t *testing.T) {
	sentinels := []redis.Node{{Host: "s1"}}
	for _, c := range []struct {
		edit func(*redis.Config)
		want []string
	}{
		{func(c *redis.Config) { c.Architecture = "x" }, []string{"Architecture", `"x"`, "standalone"}},
		{func(c *redis.Config) { c.UseCase = "x" }, []string{"UseCase", `"x"`, "auto"}},
		{func(c *redis.Config) { c.Architecture = redis.Sentinel }, []string{"SentinelNodes", "empty", "one or more"}},
		{func(c *redis.Config) { c.SentinelNodes = sentinels }, []string{"SentinelMasterName", "empty", "mymaster"}},
		{func(c *redis.Config) { c.Host = "" }, []string{"Host", "empty"}},
		{func(c *redis.Config) { c.Port = 0 }, []string{"Port", "0", "1 to 65535"}},
		{func(c *redis.Config) { c.HybridPort = 70000 }, []string{"HybridPort", "70000", "1 to 65535"}},
		{func(c *redis.Config) { c.SentinelPort = -1 }, []string{"SentinelPort", "-1"}},
		{func(c *redis.Config) { c.StartupNodes = []redis.Node{{Host: "a"}, {}} }, []string{"StartupNodes[1].Host", "empty"}},
		{func(c *redis.Config) { c.StartupNodes = []redis.Node{{Host: "a", Port: 65536}} }, []string{"StartupNodes[0].Port", "65536"}},
		{func(c *redis.Config) { c.ClusterHostMapping = map[string]string{"a": "b"} }, []string{"ClusterHostMapping", `"a"`, `"b"`, "host:port"}},
		{func(c *redis.Config) { c.ClusterHostMapping = map[string]string{"a": "b:0"} }, []string{"ClusterHostMapping"}},
		{func(c *redis.Config) { c.ClusterHostMapping = map[string]string{"": "b:1"} }, []string{"ClusterHostMapping"}},
		{func(c *redis.Config) { c.DB = -1 }, []string{"DB", "-1", "0 or more"}},
		{func(c *redis.Config) { c.DB, c.Architecture = 1, redis.Cluster }, []string{"DB", "1", "valid is 0", "cluster"}},
		{func(c *redis.Config) { c.DB, c.UseCase = 1, redis.Microservices }, []string{"DB", "hybrid"}},
		{func(c *redis.Config) { c.ServiceName = "" }, []string{"ServiceName", "empty"}},
		{func(c *redis.Config) { c.ServiceName = "a:b" }, []string{"ServiceName", `"a:b"`, "colon or brace"}},
		{func(c *redis.Config) { c.ServiceName = "a{b" }, []string{"ServiceName"}},
		{func(c *redis.Config) { c.Slotting = "x" }, []string{"Slotting", `"x"`, "distributed, entity_tagged, virtual_shards"}},
		{func(c *redis.Config) { c.MaxConnections = 1 }, []string{"MaxConnections", "1", "2 or more"}},
		{func(c *redis.Config) { c.SocketTimeout = 0 }, []string{"SocketTimeout", "0s", "above 0"}},
		{func(c *redis.Config) { c.SocketConnectTimeout = -1 }, []string{"SocketConnectTimeout", "above 0"}},
		{func(c *redis.Config) { c.HealthCheckInterval = 0 }, []string{"HealthCheckInterval", "above 0"}},
		{func(c *redis.Config) { c.Retries = 2 }, []string{"Retries", "2", "3 to 5"}},
		{func(c *redis.Config) { c.Retries = 6 }, []string{"Retries", "6", "3 to 5"}},
		{func(c *redis.Config) { c.ReinitializeSteps = 0 }, []string{"ReinitializeSteps", "0", "1 or more"}},
		{func(c *redis.Config) { c.HandleMovedRedirects = false }, []string{"HandleMovedRedirects", "false", "valid is true"}},
		{func(c *redis.Config) { c.HandleAskRedirects = false }, []string{"HandleAskRedirects", "valid is true"}},
		{func(c *redis.Config) { c.SlotMapCaching = false }, []string{"SlotMapCaching", "valid is true"}},
		{func(c *redis.Config) { c.FailoverAwareness = false }, []string{"FailoverAwareness", "valid is true"}},
		{func(c *redis.Config) { c.SSLCertReqs = "x" }, []string{"SSLCertReqs", `"x"`, "required, optional, none"}},
		{func(c *redis.Config) { c.SSL, c.SSLKeyfile = true, "k" }, []string{"SSLKeyfile", "SSLCertfile", "both or neither"}},
		{func(c *redis.Config) { c.SSLCACerts = "ca" }, []string{"SSL ", "false", "SSLCACerts"}},
	} {
		cfg := redis.DefaultConfig()
		c.edit(&cfg)
		t.Run(c.want[0], func(t *testing.T) {
			wantInvalid(t, cfg.Validate(), c.want...)
			if client, err := redis.Open(t.Context(), cfg); client != nil || err == nil {
				t.Errorf("Open took it: %v", err)
			}
		})
	}
}

func TestRetriesNeedNoValueWithoutBackoff(t *testing.T) {
	c := redis.DefaultConfig()
	c.RetryBackoff, c.Retries = false, 0
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}

func TestPasswordIsNeverFormatted(t *testing.T) {
	c := redis.DefaultConfig()
	c.Password = "tiger"
	var logged strings.Builder
	slog.New(slog.NewTextHandler(&logged, nil)).Info("config", "password", c.Password, "config", c)
	for _, text := range []string{fmt.Sprintf("%v %+v %#v %s %q", c, c, c, c.Password, c.Password), logged.String()} {
		if strings.Contains(text, "tiger") {
			t.Errorf("shows the password: %s", text)
		}
	}
}

func TestTextsOfFields(t *testing.T) {
	var n redis.Node
	for text, want := range map[string]redis.Node{"a": {Host: "a"}, "a:7": {Host: "a", Port: 7}, "[::1]:7": {Host: "::1", Port: 7}, "[::1]": {Host: "::1"}} {
		if err := n.UnmarshalText([]byte(text)); err != nil || n != want {
			t.Errorf("%q is %v, %v; want %v", text, n, err, want)
		}
	}
	for _, text := range []string{"", ":7", "a:b", "a:7:8"} {
		if err := n.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken, as %v", text, n)
		}
	}
	var a redis.Architecture
	var u redis.UseCase
	var s redis.Slotting
	var r redis.CertReqs
	for into, text := range map[interface{ UnmarshalText([]byte) error }]string{&a: "cluster", &u: "auto", &s: "virtual_shards", &r: "none"} {
		if err := into.UnmarshalText([]byte(text)); err != nil {
			t.Error(err)
		}
		if err := into.UnmarshalText([]byte("x")); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("an unknown text: %v; want the valid ones", err)
		}
	}
	if a != redis.Cluster || u != redis.Auto || s != redis.VirtualShards || r != redis.CertNone {
		t.Error(a, u, s, r)
	}
}
