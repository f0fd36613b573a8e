package redis_test

import (
	"testing"

	"github.com/redis/rueidis"
)

func TestOpenReachesEveryTopology(t *testing.T) {
	modes := map[string]rueidis.ClientMode{standalone: rueidis.ClientModeStandalone, sentinel: rueidis.ClientModeSentinel,
		cluster: rueidis.ClientModeCluster, tlsACL: rueidis.ClientModeStandalone}
	for _, name := range topologies() {
		t.Run(name, func(t *testing.T) {
			var raw rueidis.Client
			if !openClient(t, use(t, name)).As(&raw) {
				t.Fatal("As does not know *rueidis.Client")
			}
			if raw.Mode() != modes[name] {
				t.Errorf("mode is %v", raw.Mode())
			}
		})
	}
}
