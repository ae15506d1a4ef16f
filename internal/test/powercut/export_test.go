//go:build linux

package powercut

import "time"

// Sleep makes a slow disk wait otherwise.
func (d *Disk) Sleep(sleep func(time.Duration)) { d.set(func() { d.sleep = sleep }) }
