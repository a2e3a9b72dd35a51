package provider

// Version is the package's version, of the provider and of every SDK (https://semver.org). A release's tag is this with a v
// before it.
const Version = "0.1.0"
