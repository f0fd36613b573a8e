// Package redis carries ports over Redis 7 and what speaks like it, by rueidis: standalone, behind Sentinel, and as a
// Cluster.
//
//	client, err := redis.Open(ctx, redis.DefaultConfig())
//	keys := redis.NewKeyValue(client)
//	stream := redis.NewStream(client)
//
// A [Client] is the connections; the ports made on it share them, and closing a port leaves the Client open.
package redis
