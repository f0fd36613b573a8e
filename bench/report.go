package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"text/tabwriter"
)

// entry is one line of the report: medians, and a ratio that is above 1 where ours is better.
type entry struct {
	Name     string  `json:"name"`
	Ours     float64 `json:"ours"`
	Peer     float64 `json:"peer"`
	PeerName string  `json:"peer_name"`
	Unit     string  `json:"unit"`
	Ratio    float64 `json:"ratio"`
}

// round keeps four digits that mean something.
func round(v float64) float64 {
	if v == 0 {
		return 0
	}
	scale := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(v))))
	return math.Round(v*scale) / scale
}

func writeReport(path string, lines []entry) error {
	text, err := json.MarshalIndent(lines, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

func printTable(out io.Writer, title string, lines []entry) error {
	text := fmt.Appendf(nil, "%s\nbenchmark\tours\tpeer\tunit\tratio\tpeer is\t\n", title)
	for _, e := range lines {
		text = fmt.Appendf(text, "%s\t%s\t%s\t%s\t%.2f\t%s\t\n", e.Name, number(e.Ours), number(e.Peer), e.Unit, e.Ratio, e.PeerName)
	}
	t := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	if _, err := t.Write(text); err != nil {
		return err
	}
	return t.Flush()
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
