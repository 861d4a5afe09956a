package driver

type podWatch struct{}
