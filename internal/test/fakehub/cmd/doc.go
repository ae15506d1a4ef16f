// Command cmd serves a fake GitHub for tests that are no Go tests. It prints
// its address, serves until it is told to stop, and then writes down what was
// asked of it; its exit status is 1 if anything was wrong with that.
package main
