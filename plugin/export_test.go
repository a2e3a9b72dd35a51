package plugin

// What tests call by themselves.
var (
	ParseRanges   = parseRanges
	ClientAddress = clientAddress
	Borrow        = borrow
)

// SetBodyMemory says how much the bodies of all requests may take.
func SetBodyMemory(most int64) { bodyMemory.most = most }
