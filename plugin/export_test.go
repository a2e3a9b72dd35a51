package plugin

// What tests call by themselves.
var (
	ParseRanges   = parseRanges
	ClientAddress = clientAddress
)
