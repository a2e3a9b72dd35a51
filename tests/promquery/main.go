// Command promquery answers queries by Prometheus' own engine, on figures that were scraped before. It is a module of its own, since Prometheus'
// is large.
//
// It reads one [request] as JSON, and writes for each query its samples: labels and value.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"os"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/tsdb"
)

// request is what is asked.
type request struct {
	Scrapes []scrape `json:"scrapes"`
	Queries []string `json:"queries"`
	// At is the time that queries are asked for, in milliseconds since 1970.
	At int64 `json:"at"`
}

// scrape is an answer of /metrics in the text format.
type scrape struct {
	At   int64  `json:"at"`
	Text string `json:"text"`
	// Labels are those that Prometheus adds for a target.
	Labels map[string]string `json:"labels"`
}

// sample is one line of a query's answer.
type sample struct {
	Labels map[string]string `json:"labels"`
	Value  float64           `json:"value"`
}

func main() {
	if err := run(context.Background(), os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "promquery:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, in io.Reader, out io.Writer) error {
	var asked request
	if err := json.NewDecoder(in).Decode(&asked); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "promquery")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	db, err := tsdb.Open(folder, slog.New(slog.DiscardHandler), nil, tsdb.DefaultOptions(), nil)
	if err != nil {
		return err
	}
	defer db.Close()
	for _, s := range asked.Scrapes {
		if err := store(ctx, db, s); err != nil {
			return fmt.Errorf("the scrape at %d: %w", s.At, err)
		}
	}
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Minute, LookbackDelta: time.Minute})
	answers := make([][]sample, len(asked.Queries))
	for i, text := range asked.Queries {
		if answers[i], err = answer(ctx, engine, db, text, time.UnixMilli(asked.At)); err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
	}
	return json.NewEncoder(out).Encode(answers)
}

// store appends what was scraped, as Prometheus does.
func store(ctx context.Context, db *tsdb.DB, s scrape) error {
	p, err := textparse.New([]byte(s.Text), "text/plain; version=0.0.4", labels.NewSymbolTable(), textparse.ParserOptions{})
	if err != nil {
		return err
	}
	appender := db.Appender(ctx)
	for {
		entry, err := p.Next()
		if errors.Is(err, io.EOF) {
			return appender.Commit()
		}
		if err != nil {
			return err
		}
		if entry != textparse.EntrySeries {
			continue
		}
		var series labels.Labels
		p.Labels(&series)
		all := series.Map()
		maps.Copy(all, s.Labels)
		_, _, value := p.Series()
		if _, err := appender.Append(0, labels.FromMap(all), s.At, value); err != nil {
			return fmt.Errorf("%v: %w", all, err)
		}
	}
}

func answer(ctx context.Context, engine *promql.Engine, db *tsdb.DB, text string, at time.Time) ([]sample, error) {
	if _, err := parser.ParseExpr(text); err != nil {
		return nil, err
	}
	query, err := engine.NewInstantQuery(ctx, db, nil, text, at)
	if err != nil {
		return nil, err
	}
	defer query.Close()
	result := query.Exec(ctx)
	if result.Err != nil {
		return nil, result.Err
	}
	vector, err := result.Vector()
	if err != nil {
		return nil, err
	}
	samples := []sample{}
	for _, s := range vector {
		if math.IsNaN(s.F) {
			continue // a graph has a gap there
		}
		samples = append(samples, sample{Labels: s.Metric.Map(), Value: s.F})
	}
	return samples, nil
}
