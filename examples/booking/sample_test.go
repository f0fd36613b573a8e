package main

import (
	"bytes"
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/requests.jsonl anew")

func sampleLines() []byte {
	var b bytes.Buffer
	for line := range Generate(sampleSeed, sampleSize) {
		b.Write(line)
		b.WriteByte('\n')
	}
	return b.Bytes()
}

func TestSampleFileIsTheGeneratorsOutput(t *testing.T) {
	const path = "testdata/requests.jsonl"
	want := sampleLines()
	if *update {
		if err := os.WriteFile(path, want, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what Generate(%d, %d) makes; run go test -update", path, sampleSeed, sampleSize)
	}
}
