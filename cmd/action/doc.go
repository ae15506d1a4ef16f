// Command action is fluxkeeper's command line. It joins the edge that reads a
// repository with the gate that judges it and the report that prints it, and
// turns the verdict into an exit status.
//
// It refuses to decide anything itself: what may change is the policy's to
// say, and what did change is the gate's to find.
package main
