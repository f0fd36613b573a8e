package memory_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"

	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/ports"
)

// A process looks for signals, and others are accepted before its end is recorded: it runs again and sees them all.
func TestSignalsAcceptedAtTheEndAreSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := memory.NewOrchestrator(nil)
		looked, sent := make(chan struct{}), make(chan struct{})
		first := true
		w, _ := o.NewWorker(ports.WorkerOptions{Queue: "q"})
		err := w.RegisterProcess("p", func(c ports.ProcessContext, _ json.RawMessage) (json.RawMessage, error) {
			var got []json.RawMessage
			for ch := c.Signals("n"); len(got) == 0 || ch.Ready(); {
				arg, err := ch.Receive(c)
				if err != nil {
					return nil, err
				}
				got = append(got, arg)
			}
			if first { // what process code must not do, to hold the race open
				first = false
				close(looked)
				<-sent
			}
			return json.Marshal(got)
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		run, err := o.Start(t.Context(), ports.StartRequest{Process: "p", ID: "p", Queue: "q"})
		if err != nil {
			t.Fatal(err)
		}
		send := func(arg string) {
			if err := o.Signal(t.Context(), run, "n", json.RawMessage(arg)); err != nil {
				t.Error(err)
			}
		}
		send("1")
		<-looked
		send("2")
		send("3")
		close(sent)
		out, err := o.Result(t.Context(), run)
		if err != nil || string(out) != "[1,2,3]" {
			t.Errorf("got %s, %v; want all three signals in order", out, err)
		}
		if err := o.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
