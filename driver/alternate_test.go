package driver

// alternate does each of two things twice a round, in the order a, b, b, a: what changes on the machine meanwhile meets both alike.
func alternate(rounds int, a, b func()) {
	for range rounds {
		a()
		b()
		b()
		a()
	}
}
