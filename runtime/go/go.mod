module github.com/bacalhau-project/bacalhau/runtime/go

go 1.19
