// Package kustomize finds Flux's image objects in a repository's files as a cluster gets them: with what
// kustomizations, and Flux's own Kustomization objects, make of them. It runs no build: of a kustomization it
// knows the resources, components, namespace, prefix, suffix, labels, annotations and patches
// (https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/), and of an object that anything else, or
// what is not here, may change it says that it is not known. What is filled in after the build (`${…}`) stays as it is written.
package kustomize
