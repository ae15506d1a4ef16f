package fakehub

// OperationNames lists what a hub can answer.
func OperationNames() []string { return sortedKeys(operations()) }

// Samples gives GitHub's own example answers of an operation with a status.
func Samples(operation, status string) ([]any, error) {
	s, err := loadSpec()
	if err != nil {
		return nil, err
	}
	var all []any
	for _, r := range s.routes {
		if r.Operation.OperationID != operation {
			continue
		}
		answer := r.Operation.Responses.Value(status)
		if answer == nil || answer.Value.Content.Get("application/json") == nil {
			continue
		}
		examples := answer.Value.Content.Get("application/json").Examples
		for _, name := range sortedKeys(examples) {
			all = append(all, examples[name].Value.Value)
		}
	}
	return all, nil
}
