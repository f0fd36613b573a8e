package main

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestReadLines(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	in := "one\r\n\n  \nfour\n" + long + "\n" + long + "y\nlast"
	var got []Line
	for line, err := range readLines(strings.NewReader(in)) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, line)
	}
	want := []Line{{1, []byte("one"), false}, {4, []byte("four"), false}, {5, []byte(long), false}, {6, []byte(long), true}, {7, []byte("last"), false}}
	if len(got) != len(want) {
		t.Fatalf("%d lines, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i].Number != want[i].Number || !bytes.Equal(got[i].Text, want[i].Text) || got[i].TooLong != want[i].TooLong {
			t.Errorf("line %d: number %d, %d bytes, too long %v", i, got[i].Number, len(got[i].Text), got[i].TooLong)
		}
	}
}

func TestReadLinesTellsWhatEndedThem(t *testing.T) {
	var last error
	lines := 0
	for _, err := range readLines(io.MultiReader(strings.NewReader("one\ntwo\n"), iotest.ErrReader(io.ErrUnexpectedEOF))) {
		if last = err; err == nil {
			lines++
		}
	}
	if lines != 2 || !errors.Is(last, io.ErrUnexpectedEOF) {
		t.Errorf("%d lines, then %v", lines, last)
	}
}

func TestEveryKindOfLineIsGenerated(t *testing.T) {
	want, _ := foretell(t, bytes.Join(collect(5, 400), []byte("\n")))
	if want.Reserved == 0 || want.Compensated == 0 || want.PaymentFailed == 0 || want.Rejected == 0 || want.Duplicates == 0 {
		t.Errorf("the mix is %+v, want some of each", want)
	}
	if !bytes.Contains(sampleLines(), []byte(cardFlaky)) {
		t.Error("the sample has no payment that fails once")
	}
	if len(collect(5, 1)) != 1 || len(collect(5, 0)) != 0 {
		t.Error("the number of lines is not the one asked for")
	}
}
