package memory

// Each store is replaced by its own file.
type (
	keyValueStore struct{}
	topicStore    struct{}
	runStore      struct{}
)

func newKeyValueStore() *keyValueStore { return &keyValueStore{} }
func newTopicStore() *topicStore       { return &topicStore{} }
func newRunStore() *runStore           { return &runStore{} }
