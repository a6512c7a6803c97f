module github.com/strait-data/strait/tests/native

go 1.26.0

replace (
	github.com/strait-data/strait/go => ../../go
	github.com/strait-data/strait/tests => ../
	strait.local/native => ../../build/strait/native
)
