module github.com/strait-data/strait/go

go 1.26.0
