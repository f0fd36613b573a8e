module example.com/boltkv

go 1.26.0

replace github.com/breakwater-go/breakwater => ../..

require (
	github.com/breakwater-go/breakwater v0.0.0
	go.etcd.io/bbolt v1.5.0
)

require golang.org/x/sys v0.49.0 // indirect
