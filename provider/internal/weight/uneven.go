package weight

import (
	"math/big"
	"slices"
)

// isEven says whether all endpoints of an entry have the same share of it.
func (e Entry) isEven() bool {
	return !slices.ContainsFunc(e.Shares, func(share int64) bool { return share != e.Shares[0] })
}

// shareOf is an endpoint's share of its entry.
func (e Entry) shareOf(endpoint int) int64 {
	if len(e.Shares) == 0 {
		return 1
	}
	return e.Shares[endpoint]
}

// splitUneven is [Split] where the endpoints of an entry have shares of their own. The weights are the smallest exact ones. Where
// these do not fit into 0 to Max, the largest becomes Max and the others are rounded.
func splitUneven(entries []Entry) [][]int32 {
	exact := make([][]*big.Rat, len(entries))
	denominator := big.NewInt(1)
	for i, entry := range entries {
		total := int64(0)
		for j := range entry.Endpoints {
			total += entry.shareOf(j)
		}
		for j := range entry.Endpoints {
			weight := big.NewRat(entry.Weight*entry.shareOf(j), total)
			exact[i] = append(exact[i], weight)
			common := new(big.Int).GCD(nil, nil, denominator, weight.Denom())
			denominator = new(big.Int).Mul(denominator, new(big.Int).Quo(weight.Denom(), common))
		}
	}
	factor := new(big.Rat).SetInt(denominator)
	if most := largest(exact); new(big.Rat).Mul(most, factor).Cmp(big.NewRat(Max, 1)) > 0 {
		factor = new(big.Rat).Quo(big.NewRat(Max, 1), most)
	}
	weights := make([][]int32, len(entries))
	for i := range exact {
		for _, weight := range exact[i] {
			weights[i] = append(weights[i], rounded(new(big.Rat).Mul(weight, factor)))
		}
	}
	return weights
}

func largest(weights [][]*big.Rat) *big.Rat {
	most := new(big.Rat)
	for _, weight := range slices.Concat(weights...) {
		if weight.Cmp(most) > 0 {
			most = weight
		}
	}
	return most
}

// rounded is the nearest whole number, but 1 at least for what is above 0.
func rounded(weight *big.Rat) int32 {
	if weight.Sign() == 0 {
		return 0
	}
	half := new(big.Rat).Add(weight, big.NewRat(1, 2))
	whole := new(big.Int).Quo(half.Num(), half.Denom())
	return int32(max(whole.Int64(), 1))
}
