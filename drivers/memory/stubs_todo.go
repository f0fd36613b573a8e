package memory

// Each store is replaced by its own file.
type (
	runStore struct{}
)

func newRunStore() *runStore { return &runStore{} }
