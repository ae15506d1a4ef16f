package facts

// MaxSingle bounds the files that are read one by one.
const MaxSingle = maxSingle
