package backends

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/rueidis"
)

const (
	clusterMasters = 3
	clusterSlots   = 16384
)

// StartCluster starts three masters with a replica each, which fail over within about four seconds.
func StartCluster(ctx context.Context, s RedisServer, o Options) (*Redis, error) {
	const nodes = 2 * clusterMasters
	return startRedis(ctx, s, o, 2*nodes, func(r *Redis, ports []int) error {
		for i := range nodes {
			more := fmt.Sprintf("cluster-enabled yes\ncluster-config-file nodes.conf\ncluster-node-timeout 1500\n"+
				"cluster-replica-validity-factor 0\ncluster-require-full-coverage no\ncluster-announce-ip 127.0.0.1\ncluster-port %d\n", ports[nodes+i])
			if err := r.startNode(ctx, s, "node"+strconv.Itoa(i), ports[i], more); err != nil {
				return err
			}
		}
		return r.formCluster(ctx, ports)
	})
}

// formCluster does what redis-cli's --cluster create does, without needing that program.
func (r *Redis) formCluster(ctx context.Context, ports []int) error {
	ids := make([]string, len(r.Nodes))
	for i, n := range r.Nodes {
		err := ask(n.Addr, func(c rueidis.Client) (err error) {
			if ids[i], err = c.Do(ctx, c.B().ClusterMyid().Build()).ToString(); err != nil {
				return err
			}
			// Epochs must differ before the nodes meet, or they settle it among themselves, which takes a while.
			if err := c.Do(ctx, c.B().ClusterSetConfigEpoch().ConfigEpoch(int64(i+1)).Build()).Error(); err != nil {
				return err
			}
			if i < clusterMasters {
				first, last := int64(i*clusterSlots/clusterMasters), int64((i+1)*clusterSlots/clusterMasters-1)
				err = c.Do(ctx, c.B().ClusterAddslotsrange().StartSlotEndSlot().StartSlotEndSlot(first, last).Build()).Error()
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	if err := r.meet(ctx, ports); err != nil {
		return err
	}
	for i, n := range r.Nodes[clusterMasters:] {
		err := until(ctx, n.Name+" as a replica", func(ctx context.Context) error {
			return ask(n.Addr, func(c rueidis.Client) error {
				return c.Do(ctx, c.B().ClusterReplicate().NodeId(ids[i]).Build()).Error()
			})
		})
		if err != nil {
			return err
		}
	}
	return r.clusterReady(ctx)
}

// meet makes the first node meet all others, and waits until each knows each.
func (r *Redis) meet(ctx context.Context, ports []int) error {
	err := ask(r.Nodes[0].Addr, func(c rueidis.Client) error {
		for i := 1; i < len(r.Nodes); i++ {
			cmd := c.B().ClusterMeet().Ip("127.0.0.1").Port(int64(ports[i])).ClusterBusPort(int64(ports[len(r.Nodes)+i])).Build()
			if err := c.Do(ctx, cmd).Error(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, n := range r.Nodes {
		known := fmt.Sprintf("cluster_known_nodes:%d", len(r.Nodes))
		if err := until(ctx, n.Name+" to know all nodes", func(ctx context.Context) error {
			return clusterInfoHas(ctx, n.Addr, known)
		}); err != nil {
			return err
		}
	}
	return nil
}

// clusterReady waits until every node says so, and lists every replica: a client that asks earlier learns half of it.
func (r *Redis) clusterReady(ctx context.Context) error {
	for _, n := range r.Nodes {
		err := until(ctx, n.Name+" in the cluster", func(ctx context.Context) error {
			if err := clusterInfoHas(ctx, n.Addr, "cluster_state:ok"); err != nil {
				return err
			}
			return ask(n.Addr, func(c rueidis.Client) error {
				slots, err := c.Do(ctx, c.B().ClusterSlots().Build()).ToArray()
				if err != nil {
					return err
				}
				listed := 0
				for _, slot := range slots {
					parts, err := slot.ToArray()
					if err != nil {
						return err
					}
					listed += len(parts) - 2 // each entry: first slot, last slot, then the nodes
				}
				if listed != len(r.Nodes) {
					return fmt.Errorf("it lists %d nodes", listed)
				}
				return nil
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func clusterInfoHas(ctx context.Context, addr, want string) error {
	return ask(addr, func(c rueidis.Client) error {
		info, err := c.Do(ctx, c.B().ClusterInfo().Build()).ToString()
		if err == nil && !strings.Contains(info, want) {
			err = fmt.Errorf("its CLUSTER INFO has no %s", want)
		}
		return err
	})
}
