// Package storytest sets the scene for tests of the whole Action: the recorded
// update of the demo as a pull request on a fake GitHub, and the events and the
// environment with which a runner starts a step. It is for tests only.
package storytest
