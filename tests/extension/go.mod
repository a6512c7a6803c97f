module github.com/strait-data/strait/tests/extension

go 1.26.0

replace github.com/strait-data/strait/go => ../../go
