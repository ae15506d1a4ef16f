// Serve is a receiver with nothing around it: intake in front of a ledger, with
// the command line of cmd/receiver. It is what the crash tests run when the
// ledger itself is tested, and a fault in the program around it shall not
// matter.
package main
