package audit

// EventTable gives for each row of the table of events why no more is read of it; empty
// where more is.
func EventTable() map[string]string {
	all := map[string]string{}
	for _, k := range eventKinds {
		all[k.name] = k.apart
	}
	return all
}

// Reads tells whether more is read of an event than who did what and where.
func Reads(event string) bool {
	k := kindOf(event)
	return k.shaped() || k.fill != nil || k.alarm != nil || k.misuse != nil || k.takes != ""
}
