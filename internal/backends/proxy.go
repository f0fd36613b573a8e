package backends

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// Proxy stands between a client and a server, and cuts or slows what passes.
type Proxy struct {
	// Addr is where clients connect.
	Addr  string
	proxy *toxiproxy.Proxy
	mu    sync.Mutex
	slow  bool
}

// NewProxy starts a proxy before the server at upstream.
func NewProxy(upstream string) (*Proxy, error) {
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	p := &Proxy{proxy: toxiproxy.NewProxy(server, upstream, "127.0.0.1:0", upstream)}
	if err := p.proxy.Start(); err != nil {
		return nil, err
	}
	p.Addr = p.proxy.Listen // the port that was given
	return p, nil
}

// Cut ends all connections and refuses new ones.
func (p *Proxy) Cut() { p.proxy.Stop() }

// Heal takes connections again, at the same address.
func (p *Proxy) Heal() error { return p.proxy.Start() }

// Slow delays every byte from the server by d; 0 = no more.
func (p *Proxy) Slow(ctx context.Context, d time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.slow {
		if err := p.proxy.Toxics.RemoveToxic(ctx, "slow"); err != nil {
			return err
		}
		p.slow = false
	}
	if d == 0 {
		return nil
	}
	toxic, err := json.Marshal(map[string]any{"name": "slow", "type": "latency", "stream": "downstream",
		"attributes": map[string]any{"latency": d.Milliseconds()}})
	if err != nil {
		return err
	}
	if _, err := p.proxy.Toxics.AddToxicJson(strings.NewReader(string(toxic))); err != nil {
		return fmt.Errorf("slow: %w", err)
	}
	p.slow = true
	return nil
}

// Close ends the proxy and its connections.
func (p *Proxy) Close() { p.proxy.Stop() }
