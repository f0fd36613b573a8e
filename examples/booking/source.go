package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	_ "embed" // the sample file
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"os"
)

// maxLine is the longest line that is read as a request.
const maxLine = 1 << 20

// Line of the input, from 1; blank lines count and are no requests.
type Line struct {
	Number int
	Text   []byte
	// TooLong: Text is only the beginning.
	TooLong bool
}

// Source of requests.
type Source struct {
	Lines iter.Seq2[Line, error]
	// Total is how many requests there are; 0 = not known, as from a pipe.
	Total int
	// Name for people.
	Name string
}

// generated is a source of n made-up requests.
func generated(seed uint64, n int) Source {
	return Source{Total: n, Name: fmt.Sprintf("%d generated requests, seed %d", n, seed), Lines: func(yield func(Line, error) bool) {
		i := 0
		for text := range Generate(seed, n) {
			if i++; !yield(Line{Number: i, Text: text}, nil) {
				return
			}
		}
	}}
}

//go:embed testdata/requests.jsonl
var sample []byte

// open finds the source that the options name.
func (o Options) open(stdin io.Reader) (Source, error) {
	switch o.Requests {
	case "-":
		return Source{Lines: readLines(stdin), Name: "standard input"}, nil
	case "":
		if o.N > 0 {
			return generated(cmp.Or(o.Seed, rand.Uint64()), o.N), nil
		}
		return counted("the sample file", func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(sample)), nil })
	}
	return counted(o.Requests, func() (io.ReadCloser, error) { return os.Open(o.Requests) })
}

// counted counts the requests first, and reads them again line by line.
func counted(name string, open func() (io.ReadCloser, error)) (Source, error) {
	s := Source{Name: name, Lines: func(yield func(Line, error) bool) {
		f, err := open()
		if err != nil {
			yield(Line{}, err)
			return
		}
		defer func() { _ = f.Close() }() // read only
		readLines(f)(yield)
	}}
	for _, err := range s.Lines {
		if err != nil {
			return s, fmt.Errorf("read requests: %w", err)
		}
		s.Total++
	}
	return s, nil
}

// readLines yields the lines that are not blank, and the error that ended them unless that was the end.
func readLines(r io.Reader) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		in := bufio.NewReader(r)
		for number := 1; ; number++ {
			line, err := readLine(in)
			line.Number = number
			if len(bytes.TrimSpace(line.Text)) > 0 && !yield(line, nil) {
				return
			}
			switch {
			case errors.Is(err, io.EOF):
				return
			case err != nil:
				yield(Line{}, err)
				return
			}
		}
	}
}

// readLine reads to the next newline and keeps maxLine bytes of it.
func readLine(in *bufio.Reader) (l Line, err error) {
	for {
		part, err := in.ReadSlice('\n')
		room := maxLine - len(l.Text)
		l.TooLong = l.TooLong || len(bytes.TrimRight(part, "\r\n")) > room
		l.Text = append(l.Text, part[:min(len(part), room)]...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			l.Text = bytes.TrimRight(l.Text, "\r\n")
			return l, err
		}
	}
}

// feed reads a source beside its caller, since a read from a terminal or pipe heeds no context: when ctx ends, so does the
// sequence, and a read under way is left to the program's end.
func feed(ctx context.Context, s Source) iter.Seq[feedItem] {
	read := make(chan feedItem)
	go func() {
		defer close(read)
		for line, err := range s.Lines {
			select {
			case read <- feedItem{line, err}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return func(yield func(feedItem) bool) {
		for {
			select {
			case item, more := <-read:
				if !more || !yield(item) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

type feedItem struct {
	line Line
	err  error
}
