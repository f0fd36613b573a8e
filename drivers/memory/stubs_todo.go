package memory

// Each store is replaced by its own file.
type (
	topicStore struct{}
	runStore   struct{}
)

func newTopicStore() *topicStore { return &topicStore{} }
func newRunStore() *runStore     { return &runStore{} }
