// Command plots draws plots as SVG files. It is a module of its own, since what draws them brings much with it.
//
// It reads a list of [figure] as JSON, and writes each into the folder that its argument names. Their colours can be read on a light page and on a
// dark one.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// figure is one plot.
type figure struct {
	// File is its name, with .svg.
	File string `json:"file"`
	X    axis   `json:"x"`
	Y    axis   `json:"y"`
	// Series are drawn in their order, each in its own colour.
	Series []series `json:"series"`
}

// axis is one side of a plot.
type axis struct {
	Label string `json:"label"`
	// Names are those of its places 0, 1, 2…, where it has no numbers.
	Names []string `json:"names"`
	IsLog bool     `json:"isLog"`
	// Low and High are its ends, where they are not those of the points.
	Low  *float64 `json:"low"`
	High *float64 `json:"high"`
}

// series is points that belong together.
type series struct {
	Name string `json:"name"`
	// IsLine joins the points, IsLimit draws one dashed line through them.
	IsLine  bool    `json:"isLine"`
	IsLimit bool    `json:"isLimit"`
	Points  []point `json:"points"`
}

// point has a bar from Low to High, where they differ.
type point struct {
	X    float64 `json:"x"`
	Y    float64 `json:"y"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// ink and the colours of series have a contrast of at least 3 to white and to GitHub's dark page.
var (
	ink    = color.RGBA{R: 0x80, G: 0x80, B: 0x80, A: 0xff}
	colors = []color.Color{
		color.RGBA{R: 0x3b, G: 0x82, B: 0xf6, A: 0xff},
		color.RGBA{R: 0xd9, G: 0x77, B: 0x06, A: 0xff},
		color.RGBA{R: 0x16, G: 0xa3, B: 0x4a, A: 0xff},
		color.RGBA{R: 0xa8, G: 0x55, B: 0xf7, A: 0xff},
		color.RGBA{R: 0xe1, G: 0x1d, B: 0x48, A: 0xff},
		color.RGBA{R: 0x08, G: 0x91, B: 0xb2, A: 0xff},
		color.RGBA{R: 0x78, G: 0x71, B: 0x6c, A: 0xff},
	}
)

const (
	width  = 22 * vg.Centimeter
	height = 9 * vg.Centimeter
	// beside is the room for the names of the series.
	beside = 5 * vg.Centimeter
)

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "plots:", err)
		os.Exit(1)
	}
}

func run(folder string) error {
	var figures []figure
	if err := json.NewDecoder(os.Stdin).Decode(&figures); err != nil {
		return err
	}
	for _, f := range figures {
		if err := f.write(filepath.Join(folder, f.File)); err != nil {
			return fmt.Errorf("%s: %w", f.File, err)
		}
	}
	return nil
}

func (f figure) write(file string) error {
	p := plot.New()
	p.BackgroundColor = nil
	f.X.set(&p.X)
	f.Y.set(&p.Y)
	grid := plotter.NewGrid()
	grid.Vertical.Color = nil
	grid.Horizontal.Color = color.RGBA{R: 0x40, G: 0x40, B: 0x40, A: 0x40}
	p.Add(grid)
	legend := plot.NewLegend()
	dress(&legend.TextStyle, 10)
	legend.Top, legend.Left = true, true
	legend.Padding = vg.Points(3)
	for i, s := range f.Series {
		if err := s.add(p, &legend, colors[i%len(colors)]); err != nil {
			return err
		}
	}
	f.X.limit(&p.X)
	f.Y.limit(&p.Y)
	canvas := vgsvg.New(width, height)
	all := draw.New(canvas)
	p.Draw(draw.Crop(all, 0, -beside, 0, 0))
	legend.Draw(draw.Crop(all, width-beside+vg.Points(6), 0, 0, 0))
	var drawn bytes.Buffer
	if _, err := canvas.WriteTo(&drawn); err != nil {
		return err
	}
	// The others are as wide, and more computers have them.
	svg := strings.ReplaceAll(drawn.String(), "font-family:Liberation Sans", "font-family:Liberation Sans,Arial,Helvetica,sans-serif")
	return os.WriteFile(file, []byte(svg), 0o644)
}

// set says how an axis looks.
func (a axis) set(to *plot.Axis) {
	to.Label.Text = a.Label
	dress(&to.Label.TextStyle, 11)
	to.Label.Padding = vg.Points(4)
	to.Color = ink
	to.Tick.Color = ink
	dress(&to.Tick.Label, 10)
	if a.IsLog {
		to.Scale = plot.LogScale{}
		to.Tick.Marker = within{plot.LogTicks{Prec: -1}}
	}
	if len(a.Names) > 0 {
		var ticks plot.ConstantTicks
		for i, name := range a.Names {
			ticks = append(ticks, plot.Tick{Value: float64(i), Label: name})
		}
		to.Tick.Marker = ticks
	}
}

func (a axis) limit(to *plot.Axis) {
	if len(a.Names) > 0 {
		to.Min, to.Max = -0.5, float64(len(a.Names))-0.5
	}
	if a.Low != nil {
		to.Min = *a.Low
	}
	if a.High != nil {
		to.Max = *a.High
	}
}

// within leaves out ticks beyond the axis, for which room would be left.
type within struct{ plot.Ticker }

// Ticks are those of the axis.
func (w within) Ticks(low, high float64) []plot.Tick {
	return slices.DeleteFunc(w.Ticker.Ticks(low, high), func(t plot.Tick) bool { return t.Value < low || t.Value > high })
}

// dress gives text its colour and size.
func dress(style *text.Style, size float64) {
	style.Color = ink
	style.Font = font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, vg.Points(size))
}

// add draws the series.
func (s series) add(p *plot.Plot, legend *plot.Legend, in color.Color) error {
	points := make(plotter.XYs, len(s.Points))
	bars := make(plotter.YErrors, len(s.Points))
	hasBars := false
	for i, one := range s.Points {
		points[i] = plotter.XY{X: one.X, Y: one.Y}
		if one.Low != one.High {
			hasBars = true
			bars[i].Low, bars[i].High = one.Y-one.Low, one.High-one.Y
		}
	}
	var shown []plot.Thumbnailer
	if s.IsLine || s.IsLimit {
		line, err := plotter.NewLine(points)
		if err != nil {
			return err
		}
		line.Color, line.Width = in, vg.Points(1.5)
		if s.IsLimit {
			line.Color, line.Dashes = ink, []vg.Length{vg.Points(4), vg.Points(3)}
		}
		p.Add(line)
		shown = append(shown, line)
	}
	if hasBars {
		spread, err := plotter.NewYErrorBars(struct {
			plotter.XYer
			plotter.YErrorer
		}{points, bars})
		if err != nil {
			return err
		}
		spread.Color, spread.Width = in, vg.Points(1)
		p.Add(spread)
	}
	if !s.IsLine && !s.IsLimit || hasBars {
		dots, err := plotter.NewScatter(points)
		if err != nil {
			return err
		}
		dots.Color, dots.Shape, dots.Radius = in, draw.CircleGlyph{}, vg.Points(2.5)
		p.Add(dots)
		shown = append(shown, dots)
	}
	legend.Add(s.Name, shown...)
	return nil
}
