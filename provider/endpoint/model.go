package endpoint

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/modelplane/pulumi-modelplane/plugin"
	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
)

func decideModel(s Server, faults *fault.List) string {
	if s.Model == nil {
		return ""
	}
	faults.AddErr("model", CheckModel(*s.Model))
	return *s.Model
}

// maxPrice is more than a million tokens cost in any currency.
const maxPrice = 1_000_000

// check finds prices, at path, that are none.
func (p *Price) check(path string, faults *fault.List) {
	if p == nil {
		return
	}
	for _, of := range []struct {
		name  string
		price *float64
	}{{"input", &p.Input}, {"output", &p.Output}, {"cachedInput", p.CachedInput}} {
		if of.price != nil && !(*of.price >= 0 && *of.price <= maxPrice) {
			faults.Addf(path+"."+of.name, "%v is outside 0 to 1000000; write the price of a million tokens", *of.price)
		}
	}
}

// CheckModel finds whether a model can have this name.
func CheckModel(name string) error {
	switch {
	case name == "":
		return errors.New("is empty; write a model's name of 1 to 256 bytes")
	case len(name) > plugin.MaxModel:
		return errors.New("is longer than 256 bytes")
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return errors.New("has a line break or another control character; write it without")
	case strings.HasPrefix(name, "urn:k8s:"):
		return errors.New("begins with urn:k8s:, by which the gateway would take it for a reference to a Secret")
	}
	return nil
}

// CheckPattern is CheckModel for a name that may end with *, for all names that begin like it.
func CheckPattern(name string) error {
	if strings.Contains(strings.TrimSuffix(name, "*"), "*") {
		return errors.New("has a * that is not at its end; write one at the end, for all names that begin like this, or none")
	}
	return CheckModel(name)
}
