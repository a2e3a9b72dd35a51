// One OpenAI-compatible URL in front of many model servers, each with its own host, path, TLS, key and weight.
package modelplane
