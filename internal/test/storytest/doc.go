// Package storytest sets the scene for tests of the whole Action: the recorded
// update of the demo as a pull request on a fake GitHub, and the events and the
// environment with which a runner starts a step; and the commands that the scripts
// of both programs use. It is for tests only.
package storytest
