package refusals

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

// Breaks names what programs written for the released schema may rest on and the schema now has no more: resources,
// types, properties and words that are gone, types and defaults that changed, outputs that may be missing, and inputs
// that were not required. It is empty where there is nothing but additions.
func Breaks(released, now schema.PackageSpec) []string {
	var b breaks
	for token, was := range sorted(released.Resources) {
		is, there := now.Resources[token]
		if !there {
			b.add(token, "is gone")
			continue
		}
		b.properties(token+" input ", was.InputProperties, is.InputProperties)
		b.required(token+" input ", was.RequiredInputs, is.RequiredInputs)
		b.properties(token+" output ", was.Properties, is.Properties)
		// An output that need not be there breaks who takes it for granted.
		for _, name := range was.Required {
			if _, there := is.Properties[name]; there && !slices.Contains(is.Required, name) {
				b.add(token+" output "+name, "may be missing")
			}
		}
	}
	for token, was := range sorted(released.Types) {
		is, there := now.Types[token]
		if !there {
			b.add(token, "is gone")
			continue
		}
		b.properties(token+" ", was.Properties, is.Properties)
		b.required(token+" ", was.Required, is.Required)
		b.words(token, was.Enum, is.Enum)
	}
	return b
}

type breaks []string

func (b *breaks) add(what, how string) {
	*b = append(*b, fmt.Sprintf("%s %s", what, how))
}

func (b *breaks) properties(of string, released, now map[string]schema.PropertySpec) {
	for name, was := range sorted(released) {
		is, there := now[name]
		if !there {
			b.add(of+name, "is gone")
			continue
		}
		if before, after := text(was.TypeSpec), text(is.TypeSpec); before != after {
			b.add(of+name, fmt.Sprintf("was %s and is %s", before, after))
		}
		if before, after := text(was.Default), text(is.Default); before != after {
			b.add(of+name, fmt.Sprintf("had the default %s and has %s", before, after))
		}
	}
}

func (b *breaks) required(of string, released, now []string) {
	for _, name := range now {
		if !slices.Contains(released, name) {
			b.add(of+name, "is required, and was not")
		}
	}
}

func (b *breaks) words(of string, released, now []schema.EnumValueSpec) {
	for _, was := range released {
		if !slices.ContainsFunc(now, func(is schema.EnumValueSpec) bool { return is.Value == was.Value }) {
			b.add(of, fmt.Sprintf("has no %v any more", was.Value))
		}
	}
}

func sorted[V any](m map[string]V) func(yield func(string, V) bool) {
	return func(yield func(string, V) bool) {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			if !yield(key, m[key]) {
				return
			}
		}
	}
}

// text is a type or a default as the schema writes it.
func text(value any) string {
	written, err := json.Marshal(value)
	if err != nil {
		panic(err) // it was read from JSON
	}
	return string(written)
}
