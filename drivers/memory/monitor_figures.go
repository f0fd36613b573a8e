package memory

import "github.com/breakwater-go/breakwater/ports"

// stats counts what the server holds, one store after the other.
func (s *Server) stats() ports.Stats {
	keys := s.keyValues.len()
	streams := s.streams.figures()
	topics, messages := s.topics.figures()
	stranded := s.topics.stranded.len()
	running, ended := s.runs.figures()
	processes, steps := s.runs.lack()
	return ports.Stats{
		Technology: driverName,
		Metrics: []ports.Sample{
			gauge("memory_keyvalue_keys", "keys", keys),
			gauge("memory_stream_streams", "streams", streams.streams),
			gauge("memory_stream_entries", "entries", streams.entries),
			gauge("memory_stream_groups", "groups", streams.groups),
			gauge("memory_stream_pending_entries", "entries", streams.pending),
			gauge("memory_stream_waiting_readers", "readers", streams.waiting),
			gauge("memory_broker_topics", "topics", topics),
			gauge("memory_broker_messages", "messages", messages),
			gauge("memory_emergency_messages", "messages", stranded),
			withLabel(gauge("memory_orchestrator_runs", "runs", running), "state", "running"),
			withLabel(gauge("memory_orchestrator_runs", "runs", ended), "state", "ended"),
			withLabel(gauge("memory_orchestrator_work_without_worker", "tasks", processes), "kind", "process"),
			withLabel(gauge("memory_orchestrator_work_without_worker", "tasks", steps), "kind", "step"),
		},
		Summary: map[string]float64{
			"keys":              float64(keys),
			"stream_entries":    float64(streams.entries),
			"messages":          float64(messages),
			"stranded_messages": float64(stranded),
			"running_processes": float64(running),
		},
	}
}

func gauge(name, unit string, value int) ports.Sample {
	return ports.Sample{Name: name, Unit: unit, Value: float64(value)}
}

func withLabel(s ports.Sample, name, value string) ports.Sample {
	s.Labels = map[string]string{name: value}
	return s
}

type streamFigures struct{ streams, entries, groups, pending, waiting int }

func (st *streamStore) figures() streamFigures {
	st.mu.Lock()
	defer st.mu.Unlock()
	f := streamFigures{streams: len(st.streams)}
	for _, s := range st.streams {
		f.entries += s.entries.len()
		f.groups += len(s.groups)
		for _, g := range s.groups {
			f.pending += g.pending.len()
		}
	}
	readers := map[*streamWaiter]struct{}{} // one may wait for several streams
	for _, all := range st.waiting {
		for e := all.Front(); e != nil; e = e.Next() {
			readers[e.Value.(*streamWaiter)] = struct{}{}
		}
	}
	f.waiting = len(readers)
	return f
}

// figures counts the topics and what they keep: messages that some group has not settled, or that none has claimed.
func (s *topicStore) figures() (topics, messages int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, t := range s.topics {
		t.mu.Lock()
		messages += t.log.size
		t.mu.Unlock()
	}
	return len(s.topics), messages
}

// len counts the messages of all topics.
func (s *strandedStore) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, t := range s.topics {
		n += t.waiting.size
	}
	return n
}

// figures counts the runs that are going on and those that have ended and are still known.
func (s *runStore) figures() (running, ended int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.byRunID) - s.ended.Len(), s.ended.Len()
}
