package otap

// What the rows of one scope share, in every table of items.
const (
	sharedResourceID = iota
	sharedResourceURL
	sharedResourceDropped
	sharedScopeID
	sharedScopeName
	sharedScopeVersion
	sharedScopeDropped
	sharedScopeURL
	sharedCount
)

// sharedPaths are the columns of it.
var sharedPaths = [sharedCount]string{
	sharedResourceID: "resource.id", sharedResourceURL: "resource.schema_url",
	sharedResourceDropped: "resource.dropped_attributes_count", sharedScopeID: "scope.id",
	sharedScopeName: "scope.name", sharedScopeVersion: "scope.version",
	sharedScopeDropped: "scope.dropped_attributes_count", sharedScopeURL: "schema_url",
}

// sharedColumns returns their numbers in a table of items.
func sharedColumns(p *payloadSchema) (numbers [sharedCount]int) {
	for i, path := range sharedPaths {
		numbers[i] = p.column(path)
	}
	return numbers
}
