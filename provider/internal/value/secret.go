package value

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumix"
)

// Secret is the output, always secret.
func Secret[T any](output pulumix.Output[T]) pulumix.Output[T] {
	return typed[T](pulumi.ToSecret(output))
}

// Open is the output, never secret: for what a program holds in one object with a secret.
func Open[T any](output pulumix.Output[T]) pulumix.Output[T] {
	return typed[T](pulumi.Unsecret(output))
}

// typed gives an output back the type that Pulumi's functions take away.
func typed[T any](output pulumi.Output) pulumix.Output[T] {
	return pulumix.Apply(pulumix.MustConvertTyped[any](output), func(value any) T { return value.(T) })
}

// Public is the value, never secret.
func Public[T any](v Value[T]) Value[T] {
	v.later = Open(v.later)
	return v
}

// Secretly is the value, always secret.
func Secretly[T any](v Value[T]) Value[T] {
	v.later = Secret(v.later)
	return v
}
