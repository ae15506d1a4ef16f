package main

type exportCmd struct{}
type importCmd struct{}
type backupCmd struct{}
type eraseCmd struct{}

func (exportCmd) Run() error { return nil }
func (importCmd) Run() error { return nil }
func (backupCmd) Run() error { return nil }
func (eraseCmd) Run() error  { return nil }
